"""Activation checkpointing: keep what enters a block, and compute the block again when asked."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def recompute_blocks(
    network: nn.Module,
    together: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> int:
    """Make every repeated block of a network forget its activations; returns how many do.

    A block is an element of a sequence with two or more convolutions in it. Gradients stay the
    same bits. Statistics of batch normalisation are counted once, not again in the second pass.

    Args:
        network: Changed in place; names and weights stay.
        together: Context of every forward pass.

    References:
        Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016, section 3.

    Examples:
        >>> block = lambda: nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        >>> recompute_blocks(nn.Sequential(nn.Linear(2, 2), block(), block()))
        2
    """
    blocks = list(_blocks(network))
    for block in blocks:
        _wrap(block, together)
    return len(blocks)


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(module, nn.Sequential | nn.ModuleList) and _is_block(child):
            yield child
        else:
            yield from _blocks(child)


def _is_block(module: nn.Module) -> bool:
    """Several convolutions, and no sequence of blocks itself."""
    count = sum(isinstance(part, CONVOLUTIONS) for part in module.modules())
    return count > 1 and type(module).forward is not nn.Module.forward and not any(_blocks(module))


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
    """The second forward pass of a block: its statistics have been counted already."""
    counting = [m for m in block.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    with ExitStack() as stack:
        stack.enter_context(together())
        for module in counting:
            module.track_running_stats = False
        try:
            yield
        finally:
            for module in counting:
                module.track_running_stats = True
