"""The SFIConv that takes over from a convolution, however that pads or makes its weight."""

import copy
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from telltrace.errors import OptionError

from ..layers.padding import SamePad2d
from ..layers.space_frequency import SFIConv2d, Stage
from .pairs import Mask, channels_of, in_order, usual_mask
from .trace import ExampleTracer, before_any


class PlacedSFIConv2d(SFIConv2d):
    """An SFIConv whose weight is not its parameter as it stands.

    A submodule ``derive`` makes the weight of the parameters, as convolutions with standardised
    weights do. A buffer ``order`` says which columns read the channels that both streams bring,
    spatial ones first; the parameter stays in the vanilla order, so that vanilla weights load.
    """

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        weight = self.__dict__.get("_parameters", {}).get("weight")
        if weight is None:
            raise AttributeError("weight")
        if "derive" in self._modules:
            derive: Any = self.derive
            weight = derive(*(self._parameters[name] for name in names_of(derive)))
        order = self._buffers.get("order")
        return weight if order is None else weight.index_select(1, order)

    def read(self, mask: Mask) -> None:
        """Expect streams of the channels that ``mask`` says."""
        order = channels_of(mask, False) + channels_of(mask, True)
        self.in_cut = mask.count(False)
        if not in_order(mask):
            self.register_buffer("order", torch.tensor(order), persistent=False)
        self._find_blocks()


def take_over(
    traced: fx.GraphModule, node: fx.Node, stage: Stage, mask: Mask | None = None, **options: Any
) -> tuple[nn.Module | None, SFIConv2d]:
    """Put an SFIConv, with the same parameters, where ``node`` calls a convolution.

    ``mask`` says which channels of its input carry frequencies, where it has streams to read.
    Returned are a padding that must act on each stream beforehand, or None, and the SFIConv. An
    OptionError names the convolution if it computes its parameters, or another forward.
    """
    conv: Any = traced.get_submodule(str(node.target))
    if mask is not None and mask == usual_mask(len(mask), options["alpha"]):
        mask = None
    try:
        if not isinstance(conv._parameters.get("weight"), nn.Parameter):
            raise OptionError(
                f"The weight of {type(conv).__name__} is computed by a parametrization; remove it "
                "first, with torch.nn.utils.parametrize.remove_parametrizations."
            )
        before, padding = _padding(conv, options["downsample"])
        make = recipe(conv)
        kind = SFIConv2d if make is None and mask is None else PlacedSFIConv2d
        new = kind.from_conv(stage, conv, padding, **options)
    except ValueError as error:
        raise OptionError(f"{node.target} cannot become an SFIConv: {error}") from error
    if mask is not None:
        assert isinstance(new, PlacedSFIConv2d)
        new.read(mask)
    if make is not None:
        new.derive = make
        new._parameters.update({name: conv._parameters[name] for name in names_of(make)})
    traced.set_submodule(str(node.target), new)
    return before, new


def unshare(traced: fx.GraphModule) -> None:
    """Give every call of a convolution or norm a module of its own, with shared parameters."""
    calls: dict[str, int] = {}
    for node in traced.graph.nodes:
        if node.op != "call_module":
            continue
        module, target = traced.get_submodule(str(node.target)), str(node.target)
        calls[target] = calls.get(target, 0) + 1
        if calls[target] > 1 and isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            node.target = f"{target}_{calls[target]}"
            traced.add_submodule(node.target, copy.copy(module))


def _padding(conv: nn.Conv2d, downsample: str) -> tuple[nn.Module | None, Any]:
    """The padding that must act before an SFIConv in place of ``conv``, and the SFIConv's own."""
    if padding_of(conv) == "same":
        same = SamePad2d(conv.kernel_size, conv.stride, conv.dilation)
        even = all(reach % 2 == 0 for reach in same.reach)
        if even and (downsample == "pool" or max(conv.stride) == 1):
            return None, tuple(reach // 2 for reach in same.reach)
        return same, 0
    if conv.padding_mode == "zeros":
        return None, conv.padding
    kinds = {"reflect": nn.ReflectionPad2d, "replicate": nn.ReplicationPad2d}
    sides: Any = tuple(conv._reversed_padding_repeated_twice)
    return kinds.get(conv.padding_mode, nn.CircularPad2d)(sides), 0


def padding_of(conv: nn.Conv2d) -> Literal["zeros", "same"]:
    """How ``conv`` pads: as its arguments say, or as TensorFlow does; else an OptionError."""
    if type(conv).forward is nn.Conv2d.forward:
        return "zeros"
    twin = copy.deepcopy(conv).to("cpu", torch.float64)
    weight, bias = derived_weight(twin), twin.bias
    same = SamePad2d(twin.kernel_size, twin.stride, twin.dilation)
    rest: Any = (twin.stride, twin.padding, twin.dilation, twin.groups)
    kinds: list[tuple[Literal["zeros", "same"], Any]] = [
        ("zeros", lambda x: F.conv2d(x, weight, bias, *rest)),
        ("same", lambda x: F.conv2d(same(x), weight, bias, twin.stride, 0, *rest[2:])),
    ]
    sides = [max(same.reach) + max(twin.stride) + extra for extra in (0, 1)]
    images = [torch.rand(1, twin.in_channels, n, n, dtype=torch.float64) for n in sides]
    for name, form in kinds:
        pairs = [(twin(x), form(x)) for x in images]
        if all(y.shape == z.shape and torch.allclose(y, z, rtol=1e-6) for y, z in pairs):
            return name
    raise OptionError(
        f"{type(conv).__name__} is neither a convolution padded with zeros nor one padded as "
        "TensorFlow's SAME; use nn.Conv2d with its input padded beforehand."
    )


def recipe(conv: nn.Conv2d) -> fx.GraphModule | None:
    """The function of parameters, its placeholders, that makes the weight; None if it is one."""
    if type(conv).forward is nn.Conv2d.forward:
        return None
    twin = copy.deepcopy(conv)
    side = max(d * (k - 1) + 1 for k, d in zip(conv.kernel_size, conv.dilation, strict=True))
    example = conv.weight.new_zeros(1, conv.in_channels, side, side)
    try:
        with torch.no_grad():
            graph = ExampleTracer(example).trace(twin)
    except Exception as error:
        what = f"The weight of {type(conv).__name__} cannot be traced: {error}"
        raise OptionError(what) from error
    calls = [n for n in graph.nodes if n.target in (F.conv2d, torch.conv2d)]
    if len(calls) != 1:
        raise OptionError(f"{type(conv).__name__} does not lead to one F.conv2d; use nn.Conv2d.")
    weight = calls[0].args[1] if len(calls[0].args) > 1 else calls[0].kwargs["weight"]
    if weight.op == "get_attr" and weight.target == "weight":
        return None
    return _cut_out(twin, graph, weight)


def _cut_out(conv: nn.Conv2d, graph: fx.Graph, weight: fx.Node) -> fx.GraphModule:
    part, made = fx.Graph(), {}
    needed = before_any(graph, {weight}) | {weight}
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


def derived_weight(conv: nn.Conv2d) -> Tensor:
    """The weight that ``conv`` convolves with."""
    make = recipe(conv)
    if make is None:
        return conv.weight
    return make(*(getattr(conv, name) for name in names_of(make)))


def names_of(make: fx.GraphModule) -> tuple[str, ...]:
    """The parameters that a recipe takes."""
    return tuple(str(node.target) for node in make.graph.nodes if node.op == "placeholder")
