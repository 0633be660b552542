"""The released SFIConv ResNets' state dicts: into our detectors, and out of them again."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from torch import Tensor

from telltrace.layers import SFIConv2d

from ..models.backbones import SpaceFrequency
from ..models.resnet import DEPTHS, Bottleneck, ResNet

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


def load_sfi_resnet(name: str, state: Mapping[str, Tensor]) -> ResNet:
    """Build the detector that a released state dict describes, and fill it.

    Args:
        name: ``sfi_resnet26``, ``sfi_resnet50``, ``sfi_resnet101`` or ``sfi_resnet152``.
        state: State dict of the released network, bare or in its ``MainNet``; all names may
            start with one more prefix, such as ``module.``.

    Raises:
        ValueError: If tensors are missing, left over or of another shape.
    """
    given = _bare(state)
    head = given.get("fc.weight")
    if head is None or head.ndim != 2:
        raise ValueError(
            f"This state dict is not a released {name}: it holds no head fc.weight but "
            f"{', '.join(sorted(given)[:3]) or 'nothing'}."
        )
    depths = DEPTHS[int(name.removeprefix("sfi_resnet"))]
    form = SpaceFrequency(frozen=True)
    detector = ResNet(depths, num_classes=len(head), form=form).to(head.device, head.dtype)
    ours, pieces = detector.state_dict(), list(_pieces(detector))
    _check(name, given, {piece.theirs: piece.of(ours) for piece in pieces})
    for piece in pieces:
        piece.of(ours).copy_(given[piece.theirs])
    return detector


def export_sfi_resnet(detector: ResNet) -> dict[str, Tensor]:
    """Turn a detector into the released state dict that :func:`load_sfi_resnet` reads.

    A detector that has learnt its constrained kernel exports the kernel in force.

    Raises:
        ValueError: If the detector is not of the released form: alpha 0.5, 5x5 traces.
    """
    state = dict(detector.state_dict())
    first = detector.layer1[0].conv1
    if not isinstance(first, SFIConv2d) or first.alpha != 0.5 or first.beta != 1:
        raise ValueError("Only SFI-ResNets at alpha=0.5 and beta=1 were ever released.")
    traces = first.traces
    if traces.kernel_size != 5 or traces.bias is not None:
        raise ValueError("Released networks have constrained kernels of 5x5 without a bias.")
    place = "layer1.0.conv1.traces"
    if not traces.frozen:
        state[f"{place}.weight"] = state[f"{place}.const_weight"] = traces.kernel().detach()
        state[f"{place}.const_bias"] = traces.weight.new_zeros(traces.channels)
    return {piece.theirs: piece.of(state).clone() for piece in _pieces(detector)}


def _bare(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo a common prefix and the ``MainNet`` around the network."""
    given = dict(state)
    while given:
        heads = {name.partition(".")[0] for name in given}
        if len(heads) > 1 or "." not in next(iter(given)):
            break
        given = {name.partition(".")[2]: tensor for name, tensor in given.items()}
    bare = {}
    for name, tensor in given.items():
        if name.startswith(WRAPPER):
            number, _, rest = name.removeprefix(WRAPPER).partition(".")
            name = f"{_NUMBERED.get(number, WRAPPER + number)}.{rest}"
        bare[name] = tensor
    return bare


def _check(name: str, given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    problems = {
        "missing": [t for t in wanted if t not in given],
        "left over": [t for t in given if t not in wanted],
        "of another shape": [
            f"{t} {tuple(given[t].shape)} instead of {tuple(wanted[t].shape)}"
            for t in wanted
            if t in given and given[t].shape != wanted[t].shape
        ],
    }
    found = "; ".join(f"{len(of)} {how}, such as {of[0]}" for how, of in problems.items() if of)
    if found:
        raise ValueError(f"This state dict is not a released {name}: {found}.")


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
        streams = {"bn_s": slice(conv.out_cut), "bn_f": slice(conv.out_cut, None)}
        for stream, rows in streams.items() if conv.stage < 3 else [("bn_s", slice(None))]:
            for tensor in _STATISTICS:
                yield _Piece(f"{theirs}.{stream}.{tensor}", f"{norm_name}.{tensor}", rows)
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
    ours, whole = f"{place}.weight", slice(None)
    to_s, to_f = slice(conv.out_cut), slice(conv.out_cut, None)
    from_s, from_f = slice(conv.in_cut), slice(conv.in_cut, None)
    parts = {
        1: {"s2s": (to_s, whole), "f2f": (to_f, whole)},
        2: {
            "s2s": (to_s, from_s),
            "s2f": (to_f, from_s),
            "f2s": (to_s, from_f),
            "f2f": (to_f, from_f),
        },
        3: {"s2s": (whole, from_s), "f2f": (whole, from_f)},
    }
    for part, (rows, columns) in parts[conv.stage].items():
        yield _Piece(f"{theirs}.{part}.weight", ours, rows, columns)
    if conv.stage == 1:
        for tensor, theirs_too in _TRACES.items():
            yield _Piece(f"{theirs}.MCSConv.{theirs_too}", f"{place}.traces.{tensor}")
