"""Activation checkpointing: keep what enters a block, and compute the block again when asked."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

LISTS = (nn.Sequential, nn.ModuleList)


def recompute_blocks(
    network: nn.Module,
    together: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> int:
    """Make every repeated block of a network forget its activations; returns how many do.

    A block is an element of a sequence that has parts of its own, with kernels or matrices.
    Gradients stay the same bits. Statistics of batch normalisation are counted once, not again
    in the second pass.

    Args:
        network: Changed in place; names and weights stay.
        together: Context of every forward pass.

    References:
        Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016, section 3.

    Examples:
        >>> blocks = [nn.TransformerEncoderLayer(4, 1, 8) for _ in range(2)]
        >>> recompute_blocks(nn.Sequential(nn.Linear(2, 4), *blocks))
        2
    """
    blocks = list(_blocks(network))
    for block in blocks:
        _wrap(block, together)
    return len(blocks)


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        is_element = isinstance(module, nn.Sequential | nn.ModuleList) and _has_parts(child)
        if is_element and not any(_is_chain(part) for part in child.modules()):
            yield child
        else:
            yield from _blocks(child)


def _has_parts(module: nn.Module) -> bool:
    """Parts of its own with kernels or matrices among them, and no mere list of such."""
    if type(module) in LISTS or not list(module.children()):
        return False
    return any(weight.ndim > 1 for weight in module.parameters())


def _is_chain(module: nn.Module) -> bool:
    """A list with blocks in it, more than the one that a shortcut may hold."""
    return type(module) in LISTS and sum(map(_has_parts, module.children())) > 1


def _wrap(block: nn.Module, together: Callable[[], AbstractContextManager[object]]) -> None:
    forward = block.forward

    def contexts() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        return nullcontext(), _again(block, together)

    def forgetful(*args: Any, **kwargs: Any) -> Any:
        if not block.training:
            return forward(*args, **kwargs)
        return checkpoint(forward, *args, use_reentrant=False, context_fn=contexts, **kwargs)

    block.forward = forgetful


@contextmanager
def _again(
    block: nn.Module, together: Callable[[], AbstractContextManager[object]]
) -> Iterator[None]:
    """The second forward pass of a block: what it counts, it counts on copies."""
    counting = [module for module in block.modules() if isinstance(module, _BatchNorm)]
    kept = [dict(module._buffers) for module in counting]
    for module, buffers in zip(counting, kept, strict=True):
        module._buffers.update({k: None if v is None else v.clone() for k, v in buffers.items()})
    try:
        with together():
            yield
    finally:
        for module, buffers in zip(counting, kept, strict=True):
            module._buffers.update(buffers)
