"""A run before its first step: network, objective and optimiser, on their device.

Where memory is short blocks keep their input only, and are computed again when needed.
"""

import copy
import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import convert_conv2d_weight_memory_format
from torch.utils.checkpoint import checkpoint

from telltrace.errors import CheckpointError, OptionError
from telltrace.jobs.progress import logger
from telltrace.losses import CrossEntropy
from telltrace.models.registry import create_detector
from telltrace.models.state_dicts import read_state_dict

from .config import ObjectiveConfig, Settings
from .loop import State
from .processes import Context, synced_batch_norm

LISTS = (nn.Sequential, nn.ModuleList)


def initialize(settings: Settings, fabric: Fabric, resumed: bool = False) -> State:
    """The state of a run before its first step; its settings have no "auto" left.

    One that is ``resumed`` gets its weights from its own state, not from what it began with. A
    TelltraceError says that there is no such detector, or what does not fit it.
    """
    hardware, optim = settings.hardware, settings.optim
    torch.manual_seed(settings.seed)
    network = create_detector(settings.detector, **settings.options)
    if settings.from_ is not None and not resumed:
        start_from(network, settings.from_)
    if hardware.layout == "channels_last":
        network = convert_conv2d_weight_memory_format(network, torch.channels_last)
    average = copy.deepcopy(network).eval() if optim.ema else None
    paired = settings.data.task in ("blend", "mixed")
    objective = create_objective(network, settings.objective, paired=paired).to(fabric.device)
    if hardware.recompute and not recompute_blocks(network, synced_batch_norm(fabric)):
        remedy = "Leave out --hardware.recompute; --optim.accumulate needs less memory too."
        reason = f"{type(network).__name__} has no repeated blocks to recompute"
        raise OptionError(reason, remedy=remedy)
    if hardware.compile:  # what the objective calls
        method = getattr(objective, "method", "forward")
        setattr(network, method, torch.compile(getattr(network, method)))
    wrapped = fabric.setup_module(network)
    if hasattr(objective, "method"):
        wrapped.mark_forward_method(str(objective.method))
    # Two groups: processes may share the network's weights, never the objective's.
    groups = [list(module.parameters()) for module in (wrapped, objective)]
    weights = [{"params": group} for group in groups if group]
    kind = torch.optim.Adam if optim.coupled else torch.optim.AdamW
    optimizer = kind(weights, lr=optim.lr, betas=optim.betas, weight_decay=optim.weight_decay)
    owned = cast(torch.optim.Optimizer, fabric.setup_optimizers(optimizer))
    if average is not None:
        if hasattr(fabric.strategy, "device_mesh"):  # shared among processes as the network is
            average = fabric.setup_module(average)
        average = average.to(fabric.device).requires_grad_(False)
    return State(wrapped, objective, owned, average)


def start_from(network: nn.Module, path: str | Path) -> None:
    """Fill a network with the tensors of a file that have its names and shapes.

    What matched is logged, and what did not is named. A file that cannot be read, or in which
    nothing matches, is a CheckpointError.
    """
    given = read_state_dict(path, "Give a checkpoint, or a state dict as .safetensors or .pth.")
    own = network.state_dict()
    same = {key: t for key, t in given.items() if key in own and own[key].shape == t.shape}
    if not same:
        reason = f"has no tensor of a {type(network).__name__}, whose first is {next(iter(own))}"
        fix = "Name the detector of the weights; `telltrace import-weights` reads published ones."
        raise CheckpointError(reason, remedy=fix, path=path)
    network.load_state_dict(same, strict=False)
    text = [f"{path}: {len(same)} of the network's {len(own)} tensors were taken"]
    for names, what in ((own, "stay fresh"), (given, "were not used")):
        if left := [name for name in names if name not in same]:
            shown = ", ".join(left[:5]) + (", ..." if len(left) > 5 else "")
            text.append(f"{len(left)} {what} ({shown})")
    logger.info("%s", "; ".join(text))


def create_objective(
    network: nn.Module, config: ObjectiveConfig, *, paired: bool = False
) -> nn.Module:
    """The objective that the settings name, or the first one of the detector's class.

    It is a module, because some learn weights of their own; these are trained and saved with the
    network. It takes the settings that its arguments name, and whether batches are ``paired``:
    faces and then the forgeries made from them, in the same order. An OptionError if the detector
    has no such objective.
    """
    known: dict[str, Any] = {k.name: k for k in (*getattr(network, "objectives", ()), CrossEntropy)}
    own = next(iter(known))
    name = own if config.name == "auto" else config.name
    if name not in known:
        reason = f"{type(network).__name__} has no objective {name!r}, only {', '.join(known)}"
        raise OptionError(reason, remedy=f"Use --objective.name {own}.")
    settings = {**asdict(config), "paired": paired}
    wanted = inspect.signature(known[name]).parameters
    given = {key: value for key, value in settings.items() if key in wanted and value is not None}
    return known[name](**given)


def recompute_blocks(network: nn.Module, forward_context: Context = nullcontext) -> int:
    """Make every repeated block of a network recompute its activations; returns how many do.

    A block is an element of a sequence that has parts of its own, with kernels or matrices. Names
    and weights stay, gradients stay the same bits, and batch normalisation counts its statistics
    once. Every forward pass runs in the ``forward_context``.

    References:
        Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016, section 3.
    """
    blocks = list(_blocks(network))
    for block in blocks:
        _wrap(block, forward_context)
    return len(blocks)


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """Elements of lists that have parts of their own, and no list of such elements in them."""
    for child in module.children():
        is_element = isinstance(module, LISTS) and _has_parts(child)
        if is_element and not any(map(_is_chain, child.modules())):
            yield child
        else:
            yield from _blocks(child)


def _has_parts(module: nn.Module) -> bool:
    """Parts of its own with kernels or matrices among them, and no mere list of such."""
    matrices = any(weight.ndim > 1 for weight in module.parameters())
    return matrices and type(module) not in LISTS and any(True for _ in module.children())


def _is_chain(module: nn.Module) -> bool:
    """A list with blocks in it, more than the one that a shortcut may hold."""
    return type(module) in LISTS and sum(map(_has_parts, module.children())) > 1


def _wrap(block: nn.Module, forward_context: Context) -> None:
    forward = block.forward

    def contexts() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        return nullcontext(), _second_pass(block, forward_context)

    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if not block.training:
            return forward(*args, **kwargs)
        return checkpoint(forward, *args, use_reentrant=False, context_fn=contexts, **kwargs)

    block.forward = checkpointed


@contextmanager
def _second_pass(block: nn.Module, forward_context: Context) -> Iterator[None]:
    """The second forward pass of a block: what batch normalisation counts, it counts on copies."""
    layers = [module._buffers for module in block.modules() if isinstance(module, _BatchNorm)]
    kept = [dict(buffers) for buffers in layers]
    for buffers in layers:
        buffers.update({k: None if v is None else v.clone() for k, v in buffers.items()})
    try:
        with forward_context():
            yield
    finally:
        for buffers, before in zip(layers, kept, strict=True):
            buffers.update(before)
