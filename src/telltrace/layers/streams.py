"""The two streams of a space-frequency network: how they are split, resampled and acted on.

While both have the same size (beta = 1) they are ONE tensor, spatial channels first: whatever acts
on channels alone needs no knowledge of them. When the frequency stream is smaller (beta < 1) they
are a pair. A stream that alpha leaves without channels has 0 channels: it still tells the size.
"""

import math
from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import OptionError

Streams = Tensor | tuple[Tensor, Tensor]
"""Both streams: (B, C, H, W) when equally large, else the pair (spatial, frequency)."""


def split_channels(channels: int, alpha: float) -> tuple[int, int]:
    """How many of ``channels`` are spatial and how many, a share ``alpha``, carry frequencies.

    Raises:
        OptionError: If alpha is out of range, or too small for a channel that it promises.

    Examples:
        >>> split_channels(65, 0.5)
        (33, 32)
    """
    if not 0 <= alpha <= 1:
        raise OptionError(f"alpha is the share of frequency channels, from 0 to 1; got {alpha}.")
    frequency = int(alpha * channels)
    if frequency == 0 and alpha > 0:
        raise OptionError(
            f"{channels} channel(s) cannot be split at alpha={alpha}: the frequency stream would "
            f"be empty. Use alpha=0, alpha>={1 / channels:.4g}, or at least "
            f"{math.ceil(1 / alpha)} channels."
        )
    return channels - frequency, frequency


def check_beta(beta: float) -> float:
    """Return ``beta`` if the frequency stream can have that scale; an OptionError otherwise."""
    if not 0 < beta <= 1:
        raise OptionError(
            f"beta scales the sides of the frequency stream, above 0 and up to 1; got {beta}."
        )
    return beta


def shrink(size: tuple[int, int], beta: float) -> tuple[int, int]:
    """Height and width of a frequency stream beside a spatial one of ``size``, at least 1."""
    return max(1, int(size[0] * beta)), max(1, int(size[1] * beta))


def nearest(length: int, target: int) -> list[int]:
    """Which of ``length`` positions nearest resampling to ``target`` positions picks.

    The rounding of ``F.interpolate(mode="nearest")`` in float32 is imitated in every precision.
    """
    mantissa, exponent = math.frexp(length / target)
    scale = math.ldexp(round(mantissa * 2**24), exponent - 24)
    picks = []
    for i in range(target):
        mantissa, exponent = math.frexp(i * scale)
        picks.append(min(int(math.ldexp(round(mantissa * 2**24), exponent - 24)), length - 1))
    return picks


def step_of(picks: list[int]) -> int | None:
    """The constant step of ``picks`` that start at 0, or None if their steps differ."""
    step = picks[1] if len(picks) > 1 else 1
    return step if step > 0 and picks == list(range(0, step * len(picks), step)) else None


def resample(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Nearest-neighbour resampling of (B, C, H, W) to ``size``: Guo et al., TIFS 2024, Eq. 8.

    Examples:
        >>> resample(torch.arange(4.0).view(1, 1, 1, 4), (1, 2)).tolist()
        [[[[0.0, 2.0]]]]
    """
    height, width = x.shape[-2:]
    if (height, width) == size:
        return x
    if x.shape[1] == 0:
        return x.new_empty(x.shape[0], 0, *size)
    if x.dtype != torch.float64:
        return F.interpolate(x, size=size, mode="nearest")
    rows = torch.tensor(nearest(height, size[0]), device=x.device)
    columns = torch.tensor(nearest(width, size[1]), device=x.device)
    return x.index_select(-2, rows).index_select(-1, columns)


def each(act: Callable[..., Tensor], *streams: Streams) -> Streams:
    """Let ``act`` work on each stream by itself: an activation, a pooling, a residual sum.

    It maps as many tensors (B, C, H, W), channel by channel, as there are streams given.

    Examples:
        >>> apart = torch.ones(1, 2, 6, 6), torch.ones(1, 2, 3, 3)
        >>> [part.shape[-1] for part in each(nn.AvgPool2d(2), apart)]
        [3, 1]
    """
    if isinstance(streams[0], Tensor):
        return act(*streams)
    spatial, frequency = zip(*streams, strict=True)
    return _act(act, spatial), _act(act, frequency)


def _act(act: Callable[..., Tensor], parts: tuple[Tensor, ...]) -> Tensor:
    if parts[0].shape[1] > 0:
        return act(*parts)
    empty = [part.new_zeros(part.shape[0], 1, *part.shape[-2:]) for part in parts]
    return act(*empty)[:, :0]


class StreamBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation (Ioffe and Szegedy, ICML 2015) of both streams by one layer's tensors.

    Of a pair each stream meets its own part of the parameters and statistics, spatial first,
    which is the paper's one BatchNorm per stream.
    """

    def forward(self, input: Streams) -> Streams:  # type: ignore[override]
        if isinstance(input, Tensor):
            return super().forward(input)
        learn = self.training and self.track_running_stats
        if learn and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        spatial, frequency = input
        first, second = self.channels(spatial.shape[1])
        return self._part(spatial, first), self._part(frequency, second)

    def channels(self, cut: int) -> tuple[slice | Tensor, slice | Tensor]:
        """Which parameters belong to a spatial stream of ``cut`` channels, and which do not."""
        return slice(cut), slice(cut, None)

    def _part(self, x: Tensor, channels: slice | Tensor) -> Tensor:
        if x.shape[1] == 0:
            return x
        momentum = self.momentum
        if momentum is None:
            assert self.num_batches_tracked is not None
            momentum = 1 / float(self.num_batches_tracked)
        mean, var, weight, bias = (
            None if tensor is None else tensor[channels]
            for tensor in (self.running_mean, self.running_var, self.weight, self.bias)
        )
        fresh = self.training or mean is None
        x = F.batch_norm(x, mean, var, weight, bias, fresh, momentum, self.eps)
        if isinstance(channels, Tensor) and self.training and mean is not None:  # copies learnt
            with torch.no_grad():
                self.get_buffer("running_mean")[channels] = mean
                self.get_buffer("running_var")[channels] = cast(Tensor, var)
        return x
