"""The training loop, in full view."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from telltrace.errors import TelltraceError

from .config import OptimConfig
from .processes import synced_batch_norm

Batch = tuple[Tensor, ...]
"""(B, H, W, 3) uint8 images, (B,) labels, 0 real and 1 fake, and, where the data has them,
(B, H, W) masks in [0, 1] of what was forged, negative where that is not known."""


@dataclass
class State:
    """All that a run must remember to go on as if it had never stopped."""

    network: nn.Module
    objective: nn.Module
    """(network, images, labels) -> named losses."""
    optimizer: torch.optim.Optimizer
    average: nn.Module | None = None
    """Exponential moving average of the network, or None."""
    epoch: int = 0
    step: int = 0
    """Steps done in this epoch."""
    loss_sum: float = 0.0
    """Sum of the losses of those steps."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """One row of figures for each finished epoch."""

    @property
    def plain(self) -> nn.Module:
        """The network without what owns its device, precision and processes."""
        return cast(nn.Module, getattr(self.network, "module", self.network))

    @property
    def evaluated(self) -> nn.Module:
        """The network that is validated and kept: the averaged one, where there is one."""
        return self.plain if self.average is None else getattr(self.average, "module", self.average)


def learning_rate(
    optim: OptimConfig, epoch: int, step: int, steps: int, losses: Sequence[float] = ()
) -> float:
    """Learning rate of a step, from the finished epochs and the finished steps of this one.

    ``losses`` are those of the validations so far.
    """
    done = epoch * steps + step
    rate = optim.lr * min(1.0, (done + 1) / max(1, optim.warmup_steps))
    if optim.patience is not None:
        rate *= _on_plateau(optim.patience, losses)
    if optim.schedule == "halve":
        return float(rate * 0.5**epoch)
    if optim.schedule == "cosine" and optim.cosine_steps:
        return float(rate * 0.5 * (1 + math.cos(math.pi * step / optim.cosine_steps)))
    if optim.schedule == "cosine":
        return float(rate * 0.5 * (1 + math.cos(math.pi * done / (optim.epochs * steps))))
    return rate


def _on_plateau(patience: int, losses: Sequence[float]) -> float:
    """What torch's rule has made of a learning rate of 1 after these losses."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    rule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=patience)
    for loss in losses:
        rule.step(loss)
    return float(optimizer.param_groups[0]["lr"])


class NonFiniteError(TelltraceError, FloatingPointError):
    """A loss that is NaN or infinite, with the batch that gave it."""

    def __init__(self, state: State, losses: dict[str, float], batch: Batch) -> None:
        super().__init__(
            f"The loss is not finite at epoch {state.epoch}, step {state.step}: {losses}",
            remedy="Lower the learning rate, or clip gradients with --optim.clip_norm 1.",
        )
        self.losses, self.batch = losses, batch


def fit(
    state: State,
    batches: Callable[[int, int], Iterable[Batch]],
    fabric: Fabric,
    *,
    optim: OptimConfig,
    steps: int,
    to_input: Callable[[Tensor], Tensor],
    seed: int = 0,
    after_step: Callable[[State, float], None] = lambda state, loss: None,
    after_epoch: Callable[[State, float], None] = lambda state, loss: None,
) -> None:
    """Train until ``state.epoch`` reaches ``optim.epochs``.

    Randomness depends on the seed, the epoch, the step and the process alone, so a run resumed
    from any saved state equals one that never stopped, bit for bit.

    Args:
        state: Where to start, set up with the fabric; it is advanced in place.
        batches: ``(epoch, first step) -> batches`` from that step on, this process's share.
        fabric: Owns device, precision and processes.
        optim: How to learn.
        steps: Steps in an epoch.
        to_input: Turns (B, H, W, 3) uint8 images into the network's (B, 3, H, W) input.
        seed: Of dropout and of every other draw inside the network.
        after_step: Called with the state and the loss of the step.
        after_epoch: Likewise, with the mean of the epoch.

    Raises:
        NonFiniteError: If the loss is NaN or infinite.
    """
    while state.epoch < optim.epochs:
        state.network.train()
        losses = [row["val_log_loss"] for row in state.history]
        for batch in batches(state.epoch, state.step):
            step = (seed * 1_000_003 + state.epoch) * 1_000_003 + state.step
            torch.manual_seed(step + 7_919 * fabric.global_rank)
            for group in state.optimizer.param_groups:
                group["lr"] = learning_rate(optim, state.epoch, state.step, steps, losses)
            state.optimizer.zero_grad(set_to_none=True)
            loss = _backward(state, batch, fabric, optim.accumulate, to_input)
            _step(state, fabric, optim, steps)
            state.step += 1
            state.loss_sum += loss
            after_step(state, loss)
        mean = state.loss_sum / state.step
        state.epoch, state.step, state.loss_sum = state.epoch + 1, 0, 0.0
        after_epoch(state, mean)


def _backward(
    state: State, batch: Batch, fabric: Fabric, pieces: int, to_input: Callable[[Tensor], Tensor]
) -> float:
    """Gradients of a batch, in pieces that hold a face and its blend; the mean of all losses."""
    count, total = len(batch[0]), 0.0
    pieces = min(pieces, count)
    for number in range(pieces):
        piece = fabric.to_device(tuple(part[number::pieces] for part in batch))
        share = len(piece[0]) / count
        with fabric.no_backward_sync(state.network, enabled=number < pieces - 1):  # type: ignore[arg-type]
            with synced_batch_norm(fabric)():
                losses = state.objective(state.network, to_input(piece[0]), *piece[1:])
            loss = float(_mean(losses["loss"].detach(), fabric))
            if not math.isfinite(loss):
                raise NonFiniteError(state, {k: v.item() for k, v in losses.items()}, batch)
            fabric.backward(losses["loss"] * share)
        total += loss * share
    return total


def _step(state: State, fabric: Fabric, optim: OptimConfig, steps: int) -> None:
    """Clip, step and average."""
    if fabric.world_size > 1:
        for parameter in state.objective.parameters():  # the network's are shared by its strategy
            if parameter.grad is not None:
                parameter.grad = _mean(parameter.grad, fabric)
    if optim.clip_norm is not None:
        fabric.clip_gradients(state.network, state.optimizer, max_norm=optim.clip_norm)
    state.optimizer.step()
    if state.average is not None:
        done = state.epoch * steps + state.step  # a short history forgets its start sooner
        _update_average(state.evaluated, state.plain, min(optim.ema, (1 + done) / (10 + done)))


def _mean(tensor: Tensor, fabric: Fabric) -> Tensor:
    """The mean over all processes."""
    return cast(Tensor, fabric.all_reduce(tensor, reduce_op="mean"))


@torch.no_grad()
def _update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the averaged weights, and the statistics that belong to them, towards the network's."""
    ours, theirs = average.state_dict(), network.state_dict()  # both share the weights' memory
    for name, kept in ours.items():
        if kept.is_floating_point():
            kept.lerp_(theirs[name].detach().to(kept.dtype), 1 - decay)
        else:
            kept.copy_(theirs[name])
