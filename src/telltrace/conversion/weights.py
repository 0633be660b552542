"""What a convolution of any make really computes: how it pads, and what it makes its weight of."""

import copy
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from telltrace.errors import OptionError

from .trace import ExampleTracer


class SamePad2d(nn.Module):
    """Zeros around an image such that a strided convolution gives ceil(side / stride).

    Args:
        kernel_size: Of the convolution that follows; so are stride and dilation.

    Shape:
        - Input: (B, C, H, W)
        - Output: (B, C, H', W'); where the zeros are odd in number, one more is at the end
    """

    def __init__(
        self, kernel_size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.reach = [d * (k - 1) for k, d in zip(kernel_size, dilation, strict=True)]
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for side, reach, step in zip(x.shape[-2:], self.reach, self.stride, strict=True):
            lack = max(0, (-(-side // step) - 1) * step + reach + 1 - side)
            pads = [lack // 2, lack - lack // 2, *pads]
        return F.pad(x, pads)


def padding_of(conv: nn.Conv2d) -> Literal["zeros", "same"]:
    """Find out how ``conv`` pads: as its arguments say, or as TensorFlow does.

    Raises:
        OptionError: If its forward is something else than a convolution so padded.
    """
    if type(conv).forward is nn.Conv2d.forward:
        return "zeros"
    twin = copy.deepcopy(conv).to("cpu", torch.float64)
    weight, bias = derived_weight(twin), twin.bias
    same = SamePad2d(twin.kernel_size, twin.stride, twin.dilation)
    rest: Any = (twin.stride, twin.padding, twin.dilation, twin.groups)
    agree = {"zeros", "same"}
    for extra in (0, 1):
        side = max(same.reach) + max(twin.stride) + extra
        x = torch.rand(1, twin.in_channels, side, side, dtype=torch.float64)
        y = twin(x)
        for name, z in {
            "zeros": F.conv2d(x, weight, bias, *rest),
            "same": F.conv2d(same(x), weight, bias, twin.stride, 0, twin.dilation, twin.groups),
        }.items():
            if y.shape != z.shape or not torch.allclose(y, z, rtol=1e-6):
                agree.discard(name)
    if "zeros" in agree:
        return "zeros"
    if "same" in agree:
        return "same"
    raise OptionError(
        f"{type(conv).__name__} is neither a convolution padded with zeros nor one padded as "
        "TensorFlow's SAME; use nn.Conv2d with its input padded beforehand."
    )


def recipe(conv: nn.Conv2d) -> fx.GraphModule | None:
    """How ``conv`` makes its weight of its parameters; None if the weight is the parameter.

    Returns:
        A function of the parameters that its placeholders name.

    Raises:
        OptionError: If the forward of ``conv`` does not lead to one ``F.conv2d``.
    """
    if type(conv).forward is nn.Conv2d.forward:
        return None
    twin = copy.deepcopy(conv)
    side = max(d * (k - 1) + 1 for k, d in zip(conv.kernel_size, conv.dilation, strict=True))
    example = conv.weight.new_zeros(1, conv.in_channels, side, side)
    try:
        with torch.no_grad():
            graph = ExampleTracer(example).trace(twin)
    except Exception as error:
        raise OptionError(
            f"The weight of {type(conv).__name__} cannot be traced: {error}"
        ) from error
    calls = [n for n in graph.nodes if n.target in (F.conv2d, torch.conv2d)]
    if len(calls) != 1:
        raise OptionError(f"{type(conv).__name__} does not lead to one F.conv2d; use nn.Conv2d.")
    weight = calls[0].args[1] if len(calls[0].args) > 1 else calls[0].kwargs["weight"]
    if weight.op == "get_attr" and weight.target == "weight":
        return None
    return _cut_out(twin, graph, weight)


def _cut_out(conv: nn.Conv2d, graph: fx.Graph, weight: fx.Node) -> fx.GraphModule:
    part, made = fx.Graph(), {}
    needed = _needed(weight)
    if any(node.op in ("placeholder", "call_module") for node in needed):
        raise OptionError(f"The weight of {type(conv).__name__} depends on its input.")
    for node in graph.nodes:
        if node in needed and node.op == "get_attr":
            made[node] = part.placeholder(str(node.target))
    for node in graph.nodes:
        if node in needed and node.op != "get_attr":
            made[node] = part.node_copy(node, made.__getitem__)
    part.output(made[weight])
    return fx.GraphModule({}, part, class_name="Derive")


def _needed(node: fx.Node) -> set[fx.Node]:
    found, waiting = {node}, [node]
    while waiting:
        for source in waiting.pop().all_input_nodes:
            if source not in found:
                found.add(source)
                waiting.append(source)
    return found


def derived_weight(conv: nn.Conv2d) -> Tensor:
    """The weight that ``conv`` convolves with."""
    make = recipe(conv)
    if make is None:
        return conv.weight
    return make(*(getattr(conv, name) for name in names_of(make)))


def names_of(make: fx.GraphModule) -> tuple[str, ...]:
    """The parameters that a recipe takes."""
    return tuple(str(node.target) for node in make.graph.nodes if node.op == "placeholder")
