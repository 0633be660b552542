"""Which convolution of a traced network becomes which stage of SFIConv."""

from torch import Tensor, fx, nn

from telltrace.errors import OptionError

from ..layers.space_frequency import Stage
from ..layers.streams import split_channels


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


def before_any(graph: fx.Graph, chosen: set[fx.Node]) -> set[fx.Node]:
    """Nodes before at least one of ``chosen``, themselves not counted unless another follows."""
    found: set[fx.Node] = set()
    for node in reversed(graph.nodes):
        if any(user in chosen or user in found for user in node.users):
            found.add(node)
    return found


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
