"""The SFIConv that takes over from a convolution of any make, in the same place."""

import copy
from typing import Any, Literal

import torch
from torch import Tensor, fx, nn

from telltrace.errors import OptionError

from ..layers.space_frequency import SFIConv2d
from ..layers.streams import split_channels
from .pairs import Mask, channels_of
from .weights import SamePad2d, names_of, padding_of, recipe


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
        if order != sorted(order):
            self.register_buffer("order", torch.tensor(order), persistent=False)
        self._find_blocks()


def take_over(
    traced: fx.GraphModule,
    node: fx.Node,
    stage: Literal[1, 2, 3],
    mask: Mask | None = None,
    **options: Any,
) -> tuple[nn.Module | None, SFIConv2d]:
    """Put an SFIConv, with the same parameters, where ``node`` calls a convolution.

    Args:
        traced: The network.
        node: The call.
        stage: 1, 2 or 3.
        mask: Which channels of its input carry frequencies, where it has streams to read.
        options: As of SFIConv2d: alpha, beta, downsample, trace_kernel_size.

    Returns:
        A padding that must act on each stream beforehand, or None; and the SFIConv.

    Raises:
        OptionError: If the parameters are computed from others, or the forward is not that of a
            convolution; the message names the convolution.
    """
    target = str(node.target)
    conv = traced.get_submodule(target)
    assert isinstance(conv, nn.Conv2d)
    try:
        before, new = _replacement(conv, stage, mask, options)
    except ValueError as error:
        raise OptionError(f"{target} cannot become an SFIConv: {error}") from error
    traced.set_submodule(target, new)
    return before, new


def _replacement(
    conv: nn.Conv2d, stage: Literal[1, 2, 3], mask: Mask | None, options: dict[str, Any]
) -> tuple[nn.Module | None, SFIConv2d]:
    if not isinstance(conv._parameters.get("weight"), nn.Parameter):
        raise OptionError(
            f"The weight of {type(conv).__name__} is computed by a parametrization; remove it "
            "first, with torch.nn.utils.parametrize.remove_parametrizations."
        )
    before, bare = _bare(conv, options.get("downsample", "pool"))
    make = recipe(conv)
    if mask is not None and (_is_usual(mask, options["alpha"]) or not can_read(conv, mask)):
        mask = None
    if make is None and mask is None:
        return before, SFIConv2d.from_conv(stage, bare, **options)
    new = PlacedSFIConv2d.from_conv(stage, bare, **options)
    if mask is not None:
        new.read(mask)
    if make is not None:
        new.derive = make
        for name in names_of(make):
            new._parameters[name] = conv._parameters[name]
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


def can_read(conv: nn.Module, mask: Mask) -> bool:
    """Whether a convolution can read streams of such channels; groups keep them in order."""
    frequency = channels_of(mask, True)
    assert isinstance(conv, nn.Conv2d)
    return conv.groups == 1 or frequency == list(range(len(mask) - len(frequency), len(mask)))


def _is_usual(mask: Mask, alpha: float) -> bool:
    cut = split_channels(len(mask), alpha)[0]
    return mask == (False,) * cut + (True,) * (len(mask) - cut)


def _bare(conv: nn.Conv2d, downsample: str) -> tuple[nn.Module | None, nn.Conv2d]:
    """An ordinary convolution with the parameters of ``conv``, and the padding it asks for."""
    before: nn.Module | None = None
    padding: Any = conv.padding
    if padding_of(conv) == "same":
        same = SamePad2d(conv.kernel_size, conv.stride, conv.dilation)
        even = all(reach % 2 == 0 for reach in same.reach)
        if even and (downsample == "pool" or max(conv.stride) == 1):
            padding = tuple(reach // 2 for reach in same.reach)
        else:
            before, padding = same, 0
    elif conv.padding_mode != "zeros":
        kinds = {"reflect": nn.ReflectionPad2d, "replicate": nn.ReplicationPad2d}
        sides: Any = tuple(conv._reversed_padding_repeated_twice)
        before, padding = kinds.get(conv.padding_mode, nn.CircularPad2d)(sides), 0
    bare = nn.Conv2d(
        conv.in_channels, conv.out_channels, (1, 1), groups=conv.groups, bias=False, device="meta"
    )
    bare.kernel_size, bare.stride, bare.dilation = conv.kernel_size, conv.stride, conv.dilation
    bare.padding, bare.weight, bare.bias = padding, conv.weight, conv.bias
    return before, bare.train(conv.training)
