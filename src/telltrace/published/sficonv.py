"""The released SFIConv ResNets, in and out."""

from collections.abc import Iterator
from typing import Any

from torch import nn

from telltrace.layers import SFIConv2d
from telltrace.models.resnet import ResNet

from .layout import Layout, State

WRAPPER = "rgb_extract_feature."
"""What the released ``MainNet`` calls the network without its head, whose parts it numbers."""
_NUMBERED = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
_STATISTICS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
_TRACES = {"weight": "weight", "const_weight": "const_weight", "const_bias": "bias"}
_Piece = tuple[str, str, tuple[slice, ...]]
"""Name of a released tensor, ours of the tensor that holds it, and where in that it lies."""


def _unnumber(state: State) -> State:
    """Undo the ``MainNet`` around the network."""
    plain = {}
    for name, tensor in state.items():
        if name.startswith(WRAPPER):
            number, _, rest = name.removeprefix(WRAPPER).partition(".")
            name = f"{_NUMBERED.get(number, WRAPPER + number)}.{rest}"
        plain[name] = tensor
    return plain


def _simplify(state: State, detector: ResNet) -> None:
    own = detector.state_dict()
    for theirs, ours, index in _pieces(detector):
        tensor, place = state.pop(theirs), own[ours][index]
        if tensor.shape != place.shape:
            found = f"{tuple(tensor.shape)} instead of {tuple(place.shape)}"
            raise RuntimeError(f"{theirs} {found}")
        place.copy_(tensor)
    state.update(own)


def _refuse(detector: ResNet) -> str:
    first = detector.layer1[0].conv1
    if not isinstance(first, SFIConv2d) or first.alpha != 0.5 or first.beta != 1:
        return "Only SFI-ResNets at alpha=0.5 and beta=1 were ever released."
    if not hasattr(first, "traces") or first.traces.kernel_size != 5:
        return "Released networks have constrained kernels of 5x5."
    return ""


def _complete(state: State, detector: Any) -> None:
    """A detector that has learnt its constrained kernel gives the kernel in force."""
    place, traces = "layer1.0.conv1.traces", detector.layer1[0].conv1.traces
    if traces.kind != "constant":
        state[f"{place}.weight"] = state[f"{place}.const_weight"] = traces.kernel().detach()
        state[f"{place}.const_bias"] = traces.weight.new_zeros(traces.channels)
    pieces = {theirs: state[ours][index].clone() for theirs, ours, index in _pieces(detector)}
    state.clear()
    state.update(pieces)


def _pieces(detector: ResNet) -> Iterator[_Piece]:
    """Every released tensor, in the order in which an image meets them."""
    for place, conv in detector.named_modules():
        if not isinstance(conv, nn.Conv2d | SFIConv2d):
            continue
        norm = place.replace("conv", "bn").replace("downsample.0", "downsample.1")
        if isinstance(conv, nn.Conv2d):
            for name in (f"{place}.weight", *(f"{norm}.{tensor}" for tensor in _STATISTICS)):
                yield name, name, ()
            continue
        block, _, layer = place.rpartition(".")
        theirs = f"{block}.0" if block.endswith("downsample") else f"{block}.SFIC{layer[-1]}"
        yield from _blocks(f"{theirs}.conv", place, conv)
        for stream, rows in (("s", slice(conv.out_cut)), ("f", slice(conv.out_cut, None))):
            for tensor in _STATISTICS if stream == "s" or conv.stage < 3 else ():
                index = () if tensor == "num_batches_tracked" else (rows,)
                yield f"{theirs}.bn_{stream}.{tensor}", f"{norm}.{tensor}", index
    yield from (("fc.weight", "fc.weight", ()), ("fc.bias", "fc.bias", ()))


def _blocks(theirs: str, place: str, conv: SFIConv2d) -> Iterator[_Piece]:
    whole = slice(None)
    outputs = {"s": slice(conv.out_cut), "f": slice(conv.out_cut, None)}
    inputs = {"s": slice(conv.in_cut), "f": slice(conv.in_cut, None)}
    for read, write in ("ss", "sf", "fs", "ff"):
        if conv.stage == 2 or read == write:
            rows = outputs[write] if conv.stage < 3 else whole
            columns = inputs[read] if conv.stage > 1 else whole
            yield f"{theirs}.{read}2{write}.weight", f"{place}.weight", (rows, columns)
    if conv.stage == 1:
        for tensor, theirs_too in _TRACES.items():
            yield f"{theirs}.MCSConv.{theirs_too}", f"{place}.traces.{tensor}", ()


def released(depth: int) -> Layout:
    """The layout of the SFI-ResNet of that depth, bare or in its ``MainNet``."""

    def describe(state: State) -> tuple[str, dict[str, Any]]:
        return f"sfi_resnet{depth}", {"num_classes": len(state["fc.weight"]), "traces": "constant"}

    return Layout(
        source=f"a released sfi_resnet{depth} (Guo et al., IEEE TIFS 2024)",
        mark="fc.weight",
        clean=_unnumber,
        describe=describe,
        simplify=_simplify,
        kind=ResNet,
        refuse=_refuse,
        complete=_complete,
    )
