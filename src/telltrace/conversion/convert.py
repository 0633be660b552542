"""Turning any convolutional classifier into its space-frequency form."""

import copy
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from telltrace.errors import OptionError

from ..layers.blocks import Geometry
from ..layers.space_frequency import Stage
from ..layers.streams import check_beta, split_channels
from .convolutions import take_over, unshare
from .rules import rewrite
from .trace import before_any, example_image, has_convolution, trace

DROPOUTS: dict[Any, type[nn.Module]] = {
    F.dropout: nn.Dropout,
    F.dropout2d: nn.Dropout2d,
    F.alpha_dropout: nn.AlphaDropout,
}


def convert(
    model: nn.Module,
    alpha: float = 0.5,
    beta: float = 1.0,
    *,
    downsample: Literal["pool", "stride"] = "pool",
    kernel_size: int = 5,
    image_size: int | None = None,
) -> fx.GraphModule:
    """Turn a convolutional classifier into its space-frequency form, topology unchanged.

    The first convolution stays, those that follow it make the two streams (Stage 1), the last
    ones fuse them (Stage 3), and those between let them interact (Stage 2). All weights are kept;
    only Stage 1's constrained kernels are new. At beta < 1 each step acts on the streams apart
    where it can, and on both joined where it cannot.

    Args:
        model: Any network of images (B, C, H, W) that torch.fx can trace once decisions over
            sizes are taken as for ``image_size``. It is left untouched.
        alpha: Share of frequency channels, in [0, 1].
        beta: Scale of the frequency stream's sides, in (0, 1].
        downsample: What strides become, as of :class:`~telltrace.layers.SFIConv2d`.
        kernel_size: Side of the constrained kernels, in pixels; odd, at least 3.
        image_size: Side of the example image, in pixels; by default the model's own, or 224.

    Raises:
        OptionError: If an option is out of range, the network has no two convolutions in a row,
            or a module cannot be traced or replaced; the message names it and what would work.

    References:
        Guo et al., IEEE TIFS 2024, Fig. 2.

    Examples:
        >>> layers = [nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3)]
        >>> network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        >>> convert(network, alpha=0.25, beta=0.5)(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 8])
    """
    split_channels(1_000_000, alpha)
    check_beta(beta)
    Geometry.of(1, 1, 0, 1, downsample)
    if kernel_size < 3 or kernel_size % 2 == 0:
        raise OptionError(f"kernel_size must be odd and at least 3, got {kernel_size}.")
    _check(model)
    modes = {name: part.training for name, part in model.named_modules()}
    with torch.inference_mode(False):
        traced = trace(copy.deepcopy(model), example_image(model, image_size))
        unshare(traced)
        stages = place_stages(traced, alpha)
        options = {"alpha": alpha, "downsample": downsample, "trace_kernel_size": kernel_size}
        _revive_dropout(traced)
        if beta < 1 and alpha > 0:
            traced.graph = rewrite(traced, stages, {"beta": beta, **options})
        else:
            _replace_all(traced, stages, options)
    # Steps that write in place count although nothing reads what they give.
    traced.graph.eliminate_dead_code(lambda n: bool(n.is_impure() or n.meta.get("effect", True)))
    for node in traced.graph.nodes:
        node.meta.clear()
    traced.recompile()
    traced.delete_all_unused_submodules()
    constants = [name for name in traced._buffers if name.startswith("_tensor_constant")]
    traced._non_persistent_buffers_set.update(constants)
    for name, part in traced.named_modules():
        part.training = modes.get(name, model.training)
    return traced


def _check(model: nn.Module) -> None:
    if not has_convolution(model):
        raise OptionError(
            f"{type(model).__name__} has no 2-D convolution (nn.Conv2d) to replace; SFIConv takes "
            "the place of convolutions. Use a convolutional network such as resnet18."
        )
    if any(parameter.is_meta for parameter in model.parameters()):
        raise OptionError(
            f"{type(model).__name__} has weights without values, on the meta device, but the "
            'converter tries it on an example; build it, or model.to_empty(device="cpu"), first.'
        )


def _replace_all(
    traced: fx.GraphModule, stages: dict[fx.Node, Stage], options: dict[str, Any]
) -> None:
    """Replace convolutions where both streams are one tensor, and leave the graph alone."""
    for node, stage in stages.items():
        before, _ = take_over(traced, node, stage, **options)
        if before is not None:
            traced.add_submodule(f"{node.target}_pad", before)
            with traced.graph.inserting_before(node):
                padded = traced.graph.call_module(f"{node.target}_pad", node.args)
            node.args = (padded,)


def _revive_dropout(traced: fx.GraphModule) -> None:
    """Turn functional dropout, which tracing in evaluation mode switched off, into modules."""
    for node in list(traced.graph.nodes):
        if node.target not in DROPOUTS:
            continue
        rate = node.args[1] if len(node.args) > 1 else node.kwargs.get("p", 0.5)
        name = f"dropout_{node.name}"
        traced.add_submodule(name, DROPOUTS[node.target](rate))
        node.op, node.target, node.args, node.kwargs = "call_module", name, node.args[:1], {}


def place_stages(graph: fx.GraphModule, alpha: float) -> dict[fx.Node, Stage]:
    """Choose the stage of every convolution that becomes an SFIConv.

    Convolutions that read the image stay. Behind them, one whose input carries no streams yet is
    Stage 1, one after which no other follows is Stage 3, and those between are Stage 2. Left
    alone are convolutions of globally pooled maps (gates and heads), where both streams are one
    pixel, and those with too few channels for two streams, such as an attention map's. An
    OptionError says why no convolution can be Stage 1.
    """
    calls = {n: graph.get_submodule(n.target) for n in graph.graph.nodes if n.op == "call_module"}
    convs = {node: module for node, module in calls.items() if isinstance(module, nn.Conv2d)}
    pooled = _pooled(graph.graph, set(convs))
    body = {node for node in convs if node.all_input_nodes[0] not in pooled}
    late = before_any(graph.graph, body)
    behind: set[fx.Node] = set()
    split: set[fx.Node] = set()
    stages: dict[fx.Node, Stage] = {}
    for node in graph.graph.nodes:
        fed = any(source in split for source in node.all_input_nodes)
        if any(source in convs or source in behind for source in node.all_input_nodes):
            behind.add(node)
        if node in body and node in behind:
            stage: Stage = 1 if not fed else 2 if node in late else 3
            if _fits(convs[node], stage, alpha):
                stages[node], fed = stage, stage != 3
        if fed:
            split.add(node)
    if not stages:
        raise OptionError(_why_none(graph, len(convs), len(body), alpha))
    return stages


def _fits(conv: nn.Conv2d, stage: Stage, alpha: float) -> bool:
    """Whether the channels that are streams, read or written, can be split."""
    try:
        if stage != 1:
            split_channels(conv.in_channels, alpha)
        if stage != 3:
            split_channels(conv.out_channels, alpha)
    except ValueError:
        return False
    return True


def _pooled(graph: fx.Graph, convs: set[fx.Node]) -> set[fx.Node]:
    """Nodes that hold one pixel, or one number per channel, because a pooling made it so."""
    pooled: set[fx.Node] = set()
    for node in graph.nodes:
        value = node.meta.get("value")
        sources = [s for s in node.all_input_nodes if s in pooled or _is_map(s)]
        if not isinstance(value, Tensor) or not sources or (value.ndim > 3 and _is_wide(value)):
            continue
        if all(source in pooled for source in sources) or (
            node not in convs and all(s in pooled or _is_wide(s.meta["value"]) for s in sources)
        ):
            pooled.add(node)
    return pooled


def _is_map(node: fx.Node) -> bool:
    value = node.meta.get("value")
    return node.op != "get_attr" and isinstance(value, Tensor) and value.ndim == 4


def _is_wide(value: Tensor) -> bool:
    return max(value.shape[-2:]) > 1


def _why_none(graph: fx.GraphModule, convs: int, body: int, alpha: float) -> str:
    name = type(graph).__name__
    if body < 2:
        return (
            f"{name} has {convs} convolution(s), {body} of them before its global pooling. The "
            "first stays as it is, so one must follow it; use a convolutional network such as "
            "resnet18 (a vision transformer is none)."
        )
    cause = f"{name} has no convolution whose channels can be split at alpha={alpha}"
    return f"{cause}; use a larger alpha, or alpha=0."
