"""Rewriting a traced network so that its two streams, of different sizes, travel apart.

A step that treats every channel by itself acts on each stream; whether it does is found by trying
it on one stream's channels. Concatenations and selections follow the channels. Any other step
meets both streams joined, and they part again where the next convolution wants them apart.
"""

import operator
from typing import Any

import torch
from torch import Tensor, fx, nn

from telltrace.errors import OptionError

from ..layers.space_frequency import SFIConv2d, Stage
from . import pairs
from .convolutions import take_over
from .pairs import Mask, Take, channels_of, half, in_order, usual_mask
from .steps import Pair, Writer, holds_pair, mask_of, spread
from .trace import OUT_OF_PLACE, before_any, changes_in_place, run

CONCATENATIONS = (torch.cat, torch.concat, torch.concatenate)
SELECTIONS = (operator.getitem, torch.chunk, torch.split, torch.narrow, "chunk", "split", "narrow")
SIZES = ("size", "shape", "dim", "ndim", "device", "dtype", "is_cuda", "requires_grad")


def rewrite(
    traced: fx.GraphModule, stages: dict[fx.Node, Stage], options: dict[str, Any]
) -> fx.Graph:
    """Write the graph of the converted network, whose modules are replaced and added in ``traced``.

    ``stages`` says which convolutions become SFIConvs, ``options`` are those of SFIConv2d.
    """
    writer = Writer(traced)
    body = before_any(traced.graph, set(stages))
    for node in traced.graph.nodes:
        entry: Any = None
        if node in stages:
            entry = convolve(writer, node, stages[node], options)
        elif node.target is operator.getitem and isinstance(writer.env.get(node.args[0]), list):
            entry = writer.env[node.args[0]][node.args[1]]  # one of several tensors held apart
        elif any(holds_pair(writer.env[s]) for s in node.all_input_nodes):
            _refuse_part(traced, node)
            rules, first = RULES if node in body else (), writer.env[node.all_input_nodes[0]]
            answers = (rule(writer, node, first) for rule in rules)
            entry = next((answer for answer in answers if answer is not None), None)
        writer.env[node] = writer.act_joined(node) if entry is None else entry
    return writer.graph


def _refuse_part(traced: fx.GraphModule, node: fx.Node) -> None:
    """Raise an error if ``node`` writes into a part of a tensor that is two here."""
    if not node.users and changes_in_place(traced, node):
        source = node.all_input_nodes[0]
        raise OptionError(
            f"{getattr(node.target, '__name__', node.target)} writes into a part of a tensor "
            f"({source.name}), which is two tensors at beta < 1; use beta=1, or let the forward "
            "build a new tensor, with torch.cat or torch.where."
        )


def convolve(writer: Writer, node: fx.Node, stage: Stage, options: dict[str, Any]) -> Any:
    """Replace a convolution by its SFIConv."""
    source = writer.env[node.all_input_nodes[0]]
    conv: Any = writer.traced.get_submodule(str(node.target))
    mask = None if stage == 1 else _mask(node.all_input_nodes[0], source, options["alpha"])
    made = None
    if mask is not None and (conv.groups == 1 or in_order(mask)):  # groups keep their order
        streams = writer.part(source, mask, options["beta"])[:2]
        try:
            made = _replaced(writer, node, stage, streams, mask=mask, **options)
        except RuntimeError:  # the frequency stream is smaller than the kernel
            writer.traced.set_submodule(str(node.target), conv)
    out, new = made or _replaced(writer, node, stage, (writer.join(source),), **options)
    if stage == 3:
        return out
    standard = usual_mask(new.out_channels, options["alpha"])
    if isinstance(out.meta["value"], Tensor):
        out.meta["tags"] = spread(standard, out.meta["value"])
        return out
    return writer.settle(writer.pair(out, standard))


def _replaced(
    writer: Writer, node: fx.Node, stage: Stage, given: tuple[fx.Node, ...], **options: Any
) -> tuple[fx.Node, SFIConv2d]:
    """Put the SFIConv in its place and call it on both streams, or on one tensor."""
    before, new = take_over(writer.traced, node, stage, **options)
    if before is not None:
        given = tuple(writer.call(before, stream) for stream in given)
    args = (given if len(given) == 2 else given[0],)
    return writer.emit("call_module", node.target, args), new


def _mask(node: fx.Node, entry: Any, alpha: float) -> Mask:
    """Which channels of a convolution's input carry frequencies."""
    known = entry.mask if isinstance(entry, Pair) else mask_of(entry.meta.get("tags"))
    return usual_mask(node.meta["value"].shape[1], alpha) if known is None else known


def _size(writer: Writer, node: fx.Node, pair: Any) -> Any:
    """Asking for a size, or another property that both streams share."""
    name = node.args[1] if node.target is getattr else node.target
    if node.op == "call_module" or name not in SIZES or not isinstance(pair, Pair):
        return None
    if name not in ("size", "shape"):
        return writer.copy(node, lambda _: pair.spatial, node.target)
    size = writer.emit("call_function", pairs.whole_size, (pair.spatial, pair.frequency))
    asked = [*node.args[1:], *node.kwargs.values()]
    if name == "size" and asked:
        return writer.emit("call_function", operator.getitem, (size, asked[0]))
    return size


def _norm(writer: Writer, node: fx.Node, pair: Any) -> Any:
    """Batch normalisation, and the activation that some carry along."""
    target = str(node.target)
    norm = writer.traced.get_submodule(target) if node.op == "call_module" else None
    if not isinstance(norm, nn.BatchNorm2d) or not isinstance(pair, Pair):
        return None
    after = [name for name, _ in norm.named_children()]
    new = pairs.stream_norm(norm, pair.mask)
    if type(norm) is not nn.BatchNorm2d and not _same(norm, new, after, node):
        return None
    writer.traced.set_submodule(target, new)
    streams = (pair.spatial, pair.frequency)
    pair = writer.pair(writer.emit("call_module", target, (streams,)), pair.mask)
    for name in after:
        parts = [writer.emit("call_module", f"{target}.{name}", (s,)) for s in pair[:2]]
        pair = Pair(parts[0], parts[1], pair.mask)
    return pair


def _same(norm: nn.Module, new: nn.Module, after: list[str], node: fx.Node) -> bool:
    x = torch.rand_like(node.all_input_nodes[0].meta["value"]) - 0.5
    with torch.no_grad():
        y = new(x.clone())
        for name in after:
            y = norm.get_submodule(name)(y)
        return torch.allclose(norm(x), y)


def _concatenate(writer: Writer, node: fx.Node, _: Any) -> Any:
    """Concatenation of channels: of the spatial streams, and of the frequency streams."""
    dim = [*node.args[1:], *node.kwargs.values()]
    if node.target not in CONCATENATIONS or dim not in ([1], [-3]):
        return None
    parts: Any = node.args[0]
    entries = writer.env[parts] if isinstance(parts, fx.Node) else [writer.env[p] for p in parts]
    streams: tuple[list[fx.Node], list[fx.Node]] = ([], [])
    mask: Mask = ()
    like = next(entry for entry in entries if isinstance(entry, Pair)).frequency
    for entry in entries:
        if not isinstance(entry, Pair):
            channels = entry.meta["value"].shape[1]
            flags = mask_of(entry.meta.get("tags")) or (False,) * channels
            halves = [writer.call(half(flags, stream), entry) for stream in (False, True)]
            entry = Pair(halves[0], halves[1], flags)
        mask += entry.mask
        streams[0].extend([entry.spatial] if not all(entry.mask) else [])
        if any(entry.mask):
            streams[1].append(writer.emit("call_function", pairs.stretch, (entry.frequency, like)))
    both = [writer.emit("call_function", torch.cat, (stream, 1)) for stream in streams]
    return Pair(both[0], both[1], mask)


def _select(writer: Writer, node: fx.Node, pair: Any) -> Any:
    """Selections of channels: slices and chunks."""
    if node.target not in SELECTIONS or not isinstance(pair, Pair) or len(node.all_input_nodes) > 1:
        return None
    value = node.all_input_nodes[0].meta["value"]
    ids = torch.arange(value.shape[1]).view(1, -1, 1, 1).expand(value.shape)
    if ids.ndim != 4:
        return None
    picked = run(writer.traced, node.op, node.target, node.args, node.kwargs, lambda _: ids)
    if isinstance(picked, Tensor):
        return _chosen(writer, pair, picked, value)
    pieces = [_chosen(writer, pair, piece, value) for piece in picked]
    return None if None in pieces else pieces


def _chosen(writer: Writer, pair: Pair, ids: Tensor, value: Tensor) -> Any:
    """The channels of ``pair`` that ``ids`` names; None if it names anything else."""
    if ids.ndim != 4 or ids.shape[-2:] != value.shape[-2:]:
        return None
    wanted = [int(i) for i in ids[0, :, 0, 0]]
    mask = tuple(pair.mask[i] for i in wanted)
    parts = []
    for stream, flag in zip(pair[:2], (False, True), strict=True):
        there = channels_of(pair.mask, flag)
        places = [there.index(i) for i in wanted if pair.mask[i] is flag]
        parts.append(writer.call(Take(places, len(there)), stream))
    return writer.settle(Pair(parts[0], parts[1], mask))


def _each(writer: Writer, node: fx.Node, _: Any) -> Any:
    """Steps that treat channels by themselves, such as activations, poolings, sums and gates."""
    sources = node.all_input_nodes
    first = next((e for s in sources if isinstance(e := writer.env[s], Pair)), None)
    if first is None or not _is_channelwise(writer, node, first.mask):
        return None
    target = OUT_OF_PLACE.get(node.target, node.target)
    target = target.rstrip("_") if node.op == "call_method" else target
    parts = []
    for stream, flag in zip(first[:2], (False, True), strict=True):
        given = {s: _stream(writer, s, first.mask, stream, flag) for s in sources}
        try:
            parts.append(writer.copy(node, given.__getitem__, target))
        except (RuntimeError, ValueError):  # a frequency stream too small for a window
            return None
    return Pair(parts[0], parts[1], first.mask)


def _stream(writer: Writer, source: fx.Node, mask: Mask, like: fx.Node, flag: bool) -> Any:
    """One stream of any input of a step, in the size of ``like``."""
    entry = writer.env[source]
    if isinstance(entry, list) or not isinstance(source.meta.get("value"), Tensor):
        return entry
    if isinstance(entry, Pair) and entry.mask == mask:
        entry = entry[int(flag)]
    else:
        entry = writer.call(half(mask, flag), writer.join(entry))
    return entry if entry is like else writer.emit("call_function", pairs.fit, (entry, like))


def _is_channelwise(writer: Writer, node: fx.Node, mask: Mask) -> bool:
    """Try ``node`` on all channels, and on those of one stream: are the results the same?"""
    trial = {s: _trial(s) for s in node.all_input_nodes}
    again = {s: x.clone() if isinstance(x, Tensor) else x for s, x in trial.items()}
    step = (node.op, node.target, node.args, node.kwargs)
    whole = run(writer.traced, *step, trial.__getitem__)
    if not isinstance(whole, Tensor) or whole.ndim not in (2, 4) or whole.shape[1] != len(mask):
        return False
    for flag in (False, True):
        take = half(mask, flag)
        given = {s: take(x).clone() if isinstance(x, Tensor) else x for s, x in again.items()}
        try:
            part = run(writer.traced, *step, given.__getitem__)
        except (RuntimeError, ValueError, IndexError, AssertionError):
            return False
        expected = take(whole)
        if part.shape != expected.shape or not torch.allclose(part, expected, 1e-4, 1e-6):
            return False
    return True


def _trial(node: fx.Node) -> Any:
    value = node.meta.get("value")
    if node.op == "get_attr" or not isinstance(value, Tensor) or not value.is_floating_point():
        return value
    return torch.rand_like(value) - 0.5


RULES: Any = (_size, _norm, _concatenate, _select, _each)
"""Tried in turn, with the entry of a step's first input; the first that knows the step decides."""
