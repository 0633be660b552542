"""Activation checkpointing: keep the input of a block, and compute the block again when needed."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from .processes import Context

LISTS = (nn.Sequential, nn.ModuleList)


def recompute_blocks(network: nn.Module, forward_context: Context = nullcontext) -> int:
    """Make every repeated block of a network recompute its activations; returns how many do.

    A block is an element of a sequence that has parts of its own, with kernels or matrices. Names
    and weights stay, gradients stay the same bits, and batch normalisation counts its statistics
    once. Every forward pass runs in the ``forward_context``.

    References:
        Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016, section 3.
    """
    blocks = list(_blocks(network))
    for block in blocks:
        _wrap(block, forward_context)
    return len(blocks)


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """Elements of lists that have parts of their own, and no list of such elements in them."""
    for child in module.children():
        is_element = isinstance(module, LISTS) and _has_parts(child)
        if is_element and not any(map(_is_chain, child.modules())):
            yield child
        else:
            yield from _blocks(child)


def _has_parts(module: nn.Module) -> bool:
    """Parts of its own with kernels or matrices among them, and no mere list of such."""
    matrices = any(weight.ndim > 1 for weight in module.parameters())
    return matrices and type(module) not in LISTS and any(True for _ in module.children())


def _is_chain(module: nn.Module) -> bool:
    """A list with blocks in it, more than the one that a shortcut may hold."""
    return type(module) in LISTS and sum(map(_has_parts, module.children())) > 1


def _wrap(block: nn.Module, forward_context: Context) -> None:
    forward = block.forward

    def contexts() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        return nullcontext(), _second_pass(block, forward_context)

    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if not block.training:
            return forward(*args, **kwargs)
        return checkpoint(forward, *args, use_reentrant=False, context_fn=contexts, **kwargs)

    block.forward = checkpointed


@contextmanager
def _second_pass(block: nn.Module, forward_context: Context) -> Iterator[None]:
    """The second forward pass of a block: what batch normalisation counts, it counts on copies."""
    layers = [module._buffers for module in block.modules() if isinstance(module, _BatchNorm)]
    kept = [dict(buffers) for buffers in layers]
    for buffers in layers:
        buffers.update({k: None if v is None else v.clone() for k, v in buffers.items()})
    try:
        with forward_context():
            yield
    finally:
        for buffers, before in zip(layers, kept, strict=True):
            buffers.update(before)
