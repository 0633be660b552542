"""The released SFIConv ResNets, in and out."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from telltrace.layers import SFIConv2d
from telltrace.models.resnet import Bottleneck, ResNet

from .layout import Layout, State

WRAPPER = "rgb_extract_feature."
"""What the released ``MainNet`` calls the network without its head, whose parts it numbers."""
_NUMBERED = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
_STATISTICS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
_TRACES = {"weight": "weight", "const_weight": "const_weight", "const_bias": "bias"}


class _Piece(NamedTuple):
    """A released tensor, and where it lies in ours."""

    theirs: str
    ours: str
    rows: slice = slice(None)
    columns: slice | None = None
    """Second dimension; None for vectors and numbers."""

    def of(self, state: Mapping[str, Tensor]) -> Tensor:
        tensor = state[self.ours]
        if tensor.ndim == 0:
            return tensor
        return tensor[self.rows] if self.columns is None else tensor[self.rows, self.columns]


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
    ours = detector.state_dict()
    for piece in _pieces(detector):
        theirs, place = state.pop(piece.theirs), piece.of(ours)
        if theirs.shape != place.shape:
            found = f"{tuple(theirs.shape)} instead of {tuple(place.shape)}"
            raise RuntimeError(f"{piece.theirs} {found}")
        place.copy_(theirs)
    state.update(ours)


def _refuse(detector: ResNet) -> str:
    first = detector.layer1[0].conv1
    if not isinstance(first, SFIConv2d) or first.alpha != 0.5 or first.beta != 1:
        return "Only SFI-ResNets at alpha=0.5 and beta=1 were ever released."
    if first.traces.kernel_size != 5:
        return "Released networks have constrained kernels of 5x5."
    return ""


def _complete(state: State, detector: Any) -> None:
    """A detector that has learnt its constrained kernel gives the kernel in force."""
    place, traces = "layer1.0.conv1.traces", detector.layer1[0].conv1.traces
    if not traces.frozen:
        state[f"{place}.weight"] = state[f"{place}.const_weight"] = traces.kernel().detach()
        state[f"{place}.const_bias"] = traces.weight.new_zeros(traces.channels)
    pieces = {piece.theirs: piece.of(state).clone() for piece in _pieces(detector)}
    state.clear()
    state.update(pieces)


def _pieces(detector: ResNet) -> Iterator[_Piece]:
    """Every released tensor, in the order in which an image meets them."""
    for conv_name, norm_name in _pairs(detector):
        conv = detector.get_submodule(conv_name)
        if not isinstance(conv, SFIConv2d):
            yield _Piece(f"{conv_name}.weight", f"{conv_name}.weight")
            for tensor in _STATISTICS:
                yield _Piece(f"{norm_name}.{tensor}", f"{norm_name}.{tensor}")
            continue
        block, _, layer = conv_name.rpartition(".")
        theirs = f"{block}.0" if block.endswith("downsample") else f"{block}.SFIC{layer[-1]}"
        yield from _blocks(f"{theirs}.conv", conv_name, conv)
        for stream, rows in (("s", slice(conv.out_cut)), ("f", slice(conv.out_cut, None))):
            for tensor in _STATISTICS if stream == "s" or conv.stage < 3 else ():
                yield _Piece(f"{theirs}.bn_{stream}.{tensor}", f"{norm_name}.{tensor}", rows)
    yield _Piece("fc.weight", "fc.weight")
    yield _Piece("fc.bias", "fc.bias")


def _pairs(detector: ResNet) -> Iterator[tuple[str, str]]:
    """Names of each convolution and of the norm behind it."""
    yield "conv1", "bn1"
    for place, block in detector.named_modules():
        if isinstance(block, Bottleneck):
            for number in (1, 2, 3):
                yield f"{place}.conv{number}", f"{place}.bn{number}"
            if block.downsample is not None:
                yield f"{place}.downsample.0", f"{place}.downsample.1"


def _blocks(theirs: str, place: str, conv: SFIConv2d) -> Iterator[_Piece]:
    whole = slice(None)
    outputs = {"s": slice(conv.out_cut), "f": slice(conv.out_cut, None)}
    inputs = {"s": slice(conv.in_cut), "f": slice(conv.in_cut, None)}
    for read, write in ("ss", "sf", "fs", "ff"):
        if conv.stage == 2 or read == write:
            rows = outputs[write] if conv.stage < 3 else whole
            columns = inputs[read] if conv.stage > 1 else whole
            yield _Piece(f"{theirs}.{read}2{write}.weight", f"{place}.weight", rows, columns)
    if conv.stage == 1:
        for tensor, theirs_too in _TRACES.items():
            yield _Piece(f"{theirs}.MCSConv.{theirs_too}", f"{place}.traces.{tensor}")


def released(depth: int) -> Layout:
    """The layout of the SFI-ResNet of that depth, bare or in its ``MainNet``."""

    def describe(state: State) -> tuple[str, dict[str, Any]]:
        return f"sfi_resnet{depth}", {"num_classes": len(state["fc.weight"]), "frozen": True}

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
