"""Writing a graph step by step, each step tried on the example as it is written."""

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from .pairs import Join, Mask, Split
from .trace import run

MOVES = {
    "chunk", "contiguous", "expand", "flatten", "flip", "getitem", "movedim", "narrow", "permute",
    "reshape", "roll", "select", "split", "squeeze", "stack", "swapaxes", "transpose", "unbind",
    "unflatten", "unsqueeze", "view",
}  # fmt: skip
"""Names of functions and methods that move values and change none."""


class Pair(NamedTuple):
    """Both streams of one vanilla tensor, in the new graph."""

    spatial: fx.Node
    frequency: fx.Node
    mask: Mask


class Writer:
    """A new graph beside an old one.

    An old step stands for one new step, for a :class:`Pair` of them, or for a list of either.
    New steps know their value for the example, and joined ones which of its entries carry
    frequencies (``tags``), as far as that can be followed. New modules are added to ``traced``.
    """

    def __init__(self, traced: fx.GraphModule) -> None:
        self.traced, self.graph = traced, fx.Graph()
        self.env: dict[fx.Node, Any] = {}

    def emit(self, kind: str, target: Any, args: tuple[Any, ...], kwargs: Any = None) -> fx.Node:
        """Write one step and run it."""
        value = run(self.traced, kind, target, args, kwargs or {}, lambda n: n.meta["value"])
        node = self.graph.create_node(kind, target, args, kwargs or {})
        node.meta["value"], node.meta["effect"] = value, False
        return node

    def call(self, module: nn.Module, *args: fx.Node) -> fx.Node:
        """Call a new module, named after its kind."""
        kind = type(module).__name__.lower()
        taken = sum(name.startswith(kind + "_") for name, _ in self.traced.named_children())
        self.traced.add_submodule(f"{kind}_{taken}", module)
        return self.emit("call_module", f"{kind}_{taken}", args)

    def copy(self, node: fx.Node, entries: Callable[[fx.Node], fx.Node], target: Any) -> fx.Node:
        """Write ``node`` again, with other inputs."""
        args, kwargs = fx.map_arg((node.args, node.kwargs), entries)
        return self.emit(node.op, target, args, kwargs)

    def join(self, entry: Any) -> Any:
        """One tensor in place of each pair."""
        if isinstance(entry, Pair):
            node = self.call(Join(entry.mask), entry.spatial, entry.frequency)
            node.meta["tags"] = spread(entry.mask, node.meta["value"])
            return node
        if isinstance(entry, list):
            return [self.join(part) for part in entry]
        return entry

    def part(self, entry: Any, mask: Mask, beta: float) -> Pair:
        """Both streams of what is one tensor, or streams of other channels."""
        if isinstance(entry, Pair) and entry.mask == mask:
            return entry
        return self.pair(self.call(Split(mask, beta), self.join(entry)), mask)

    def pair(self, both: fx.Node, mask: Mask) -> Pair:
        """Name the two values that ``both`` gives."""
        parts = [self.emit("call_function", operator.getitem, (both, i)) for i in (0, 1)]
        return Pair(parts[0], parts[1], mask)

    def settle(self, pair: Pair) -> Pair | fx.Node:
        """A pair without channels in one stream becomes one tensor."""
        return self.join(pair) if all(pair.mask) or not any(pair.mask) else pair

    def act_joined(self, node: fx.Node) -> fx.Node:
        """Let the old step ``node`` act on joined tensors."""
        merged = {source: self.join(self.env[source]) for source in node.all_input_nodes}
        if node.op in ("placeholder", "get_attr", "output"):
            new = self.graph.node_copy(node, merged.__getitem__)
            new.meta["value"] = node.meta.get("value")
            return new
        new = self.copy(node, merged.__getitem__, node.target)
        new.meta["tags"], new.meta["effect"] = self._follow(new), not node.users
        return new

    def _follow(self, node: fx.Node) -> Any:
        """Which entries of a new, joined step carry frequencies; None if nobody can say."""
        sources = [s for s in node.all_input_nodes if s.meta.get("tags") is not None]
        if not sources:
            return None
        if getattr(node.target, "__name__", node.target) in MOVES | {"cat", "concat"}:
            try:
                return run(self.traced, node.op, node.target, node.args, node.kwargs, _tags)
            except (RuntimeError, TypeError, IndexError):
                return None
        value = node.meta["value"]
        if not isinstance(value, Tensor):
            return None
        for tags in (source.meta["tags"] for source in sources):
            if isinstance(tags, Tensor) and tags.shape == value.shape:
                return tags
            mask = mask_of(tags)
            if mask is not None and value.ndim in (2, 4) and value.shape[1] == len(mask):
                return spread(mask, value)
        return None


def holds_pair(entry: Any) -> bool:
    """Whether an entry is or holds a pair."""
    if isinstance(entry, list):
        return any(holds_pair(part) for part in entry)
    return isinstance(entry, Pair)


def spread(mask: Mask, value: Tensor) -> Tensor:
    """Tags of a tensor whose channels ``mask`` describes."""
    flags = torch.tensor(mask).view(1, -1, *[1] * (value.ndim - 2))
    return flags.expand(value.shape)


def mask_of(tags: Any) -> Mask | None:
    """The mask of a tensor, if it has tags and they are the same all over each channel."""
    if not isinstance(tags, Tensor) or tags.ndim < 2:
        return None
    flat = tags[0].flatten(1) if tags.ndim > 2 else tags[0, :, None]
    mask = flat[:, 0]
    return tuple(mask.tolist()) if torch.equal(flat, mask[:, None].expand_as(flat)) else None


def _tags(node: fx.Node) -> Any:
    value, tags = node.meta.get("value"), node.meta.get("tags")
    if tags is None and isinstance(value, Tensor):
        return torch.zeros(value.shape, dtype=torch.bool)
    return value if tags is None else tags
