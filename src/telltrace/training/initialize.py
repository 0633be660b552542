"""A run before its first step: network, objective and optimiser, on their device."""

import copy
from typing import cast

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from telltrace.errors import OptionError
from telltrace.models.registry import create_detector

from .config import HardwareConfig, Settings
from .loop import State
from .objective import create_objective
from .processes import synced_batch_norm
from .recompute import recompute_blocks


def initialize(settings: Settings, fabric: Fabric) -> State:
    """The state of a run before its first step; its settings have no "auto" left.

    Raises:
        TelltraceError: If there is no such detector, or the objective does not fit it.
    """
    torch.manual_seed(settings.seed)
    network = create_detector(settings.detector, **settings.options)
    if settings.hardware.layout == "channels_last":
        network = convert_conv2d_weight_memory_format(network, torch.channels_last)
    average = copy.deepcopy(network).eval() if settings.optim.ema else None
    paired = settings.data.task in ("blend", "mixed")
    objective = create_objective(network, settings.objective, paired=paired).to(fabric.device)
    _apply_hardware(network, getattr(objective, "method", "forward"), settings.hardware, fabric)
    wrapped = fabric.setup_module(network)
    if hasattr(objective, "method"):
        wrapped.mark_forward_method(str(objective.method))
    # Two groups: processes may share the network's weights, never the objective's.
    groups = [list(module.parameters()) for module in (wrapped, objective)]
    kind = torch.optim.Adam if settings.optim.coupled else torch.optim.AdamW
    optimizer = kind(
        [{"params": group} for group in groups if group],
        lr=settings.optim.lr,
        betas=settings.optim.betas,
        weight_decay=settings.optim.weight_decay,
    )
    owned = cast(torch.optim.Optimizer, fabric.setup_optimizers(optimizer))
    if average is not None:
        if hasattr(fabric.strategy, "device_mesh"):  # shared among processes as the network is
            average = fabric.setup_module(average)
        average = average.to(fabric.device).requires_grad_(False)
    return State(wrapped, objective, owned, average)


def _apply_hardware(
    network: nn.Module, method: str, hardware: HardwareConfig, fabric: Fabric
) -> None:
    """Recompute blocks, and compile what the objective calls, where the settings say so."""
    if hardware.recompute and not recompute_blocks(network, synced_batch_norm(fabric)):
        raise OptionError(
            f"{type(network).__name__} has no repeated blocks to recompute",
            remedy="Leave out --hardware.recompute; --optim.accumulate needs less memory too.",
        )
    if hardware.compile:
        setattr(network, method, torch.compile(getattr(network, method)))
