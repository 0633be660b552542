"""Steps that take both streams of a converted network apart, and put them together again.

A mask says which channels of a vanilla tensor carry frequencies. Each stream holds its channels in
their order there, so that whatever concatenations and shuffles leave can be split and restored.
"""

import torch
from torch import Tensor, nn

from ..layers.streams import StreamBatchNorm2d, resample, shrink, split_channels

Mask = tuple[bool, ...]
"""Per channel, in vanilla order: whether it carries frequencies."""


def channels_of(mask: Mask, frequency: bool) -> list[int]:
    """Which channels belong to one stream."""
    return [channel for channel, flag in enumerate(mask) if flag is frequency]


def in_order(mask: Mask) -> bool:
    """Whether the channels that carry frequencies are the last ones."""
    return list(mask) == sorted(mask)


def usual_mask(channels: int, alpha: float) -> Mask:
    """The mask of streams that were split at ``alpha``."""
    spatial, frequency = split_channels(channels, alpha)
    return (False,) * spatial + (True,) * frequency


class Take(nn.Module):
    """Some channels of (B, C, ...), or of parameters (C, 1, 1), as a view if they are neighbours.

    What has no channels of its own passes.
    """

    index: Tensor

    def __init__(self, channels: list[int], of: int) -> None:
        super().__init__()
        self.of, self.first, self.count = of, channels[0] if channels else 0, len(channels)
        self.together = channels == list(range(self.first, self.first + self.count))
        index = torch.tensor([] if self.together else channels, dtype=torch.long)
        self.register_buffer("index", index, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        dim = max(x.ndim - 3, 0) if x.ndim != 2 else 1
        if x.ndim in (0, 1) or x.shape[dim] != self.of:
            return x
        if self.together:
            return x.narrow(dim, self.first, self.count)
        return x.index_select(dim, self.index)


def half(mask: Mask, frequency: bool) -> Take:
    """The channels of one stream, out of all."""
    return Take(channels_of(mask, frequency), len(mask))


class Split(nn.Module):
    """Part a tensor (B, C, H, W) into streams; beta scales the sides of the frequency stream."""

    def __init__(self, mask: Mask, beta: float) -> None:
        super().__init__()
        self.beta = beta
        self.spatial, self.frequency = half(mask, False), half(mask, True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        size = shrink((x.shape[-2], x.shape[-1]), self.beta)
        return self.spatial(x), resample(self.frequency(x), size)


class Join(nn.Module):
    """Undo :class:`Split`: one tensor of the spatial stream's size, in vanilla order."""

    index: Tensor

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        order = channels_of(mask, False) + channels_of(mask, True)
        self.ordered = in_order(mask)
        index = torch.tensor([] if self.ordered else order, dtype=torch.long).argsort()
        self.register_buffer("index", index, persistent=False)

    def forward(self, spatial: Tensor, frequency: Tensor) -> Tensor:
        x = torch.cat([spatial, stretch(frequency, spatial)], dim=1)
        return x if self.ordered else x.index_select(1, self.index)


def stretch(x: Tensor, like: Tensor) -> Tensor:
    """Resample a map ``x`` (N, C, H, W) to the sides of ``like`` where they differ."""
    return resample(x, (like.shape[-2], like.shape[-1])) if x.ndim == 4 else x


def fit(x: Tensor, like: Tensor) -> Tensor:
    """As :func:`stretch`, but one pixel, such as a gate, is left to broadcasting."""
    return x if x.ndim < 4 or tuple(x.shape[-2:]) == (1, 1) else stretch(x, like)


def whole_size(spatial: Tensor, frequency: Tensor) -> torch.Size:
    """The shape that both streams, (N, C, H, W) each, have when joined."""
    batch, channels, *sides = spatial.shape
    return torch.Size([batch, channels + frequency.shape[1], *sides])


class MaskedBatchNorm2d(StreamBatchNorm2d):
    """Batch normalisation of streams whose channels lie among each other in the parameters."""

    def channels(self, cut: int) -> tuple[slice | Tensor, slice | Tensor]:
        return self.get_buffer("of_spatial"), self.get_buffer("of_frequency")


def stream_norm(norm: nn.BatchNorm2d, mask: Mask) -> StreamBatchNorm2d:
    """Batch normalisation of streams with the parameters, by the names, of ``norm``."""
    kind = StreamBatchNorm2d if in_order(mask) else MaskedBatchNorm2d
    new = kind.__new__(kind)
    new.__dict__.update(norm.__dict__)
    if kind is MaskedBatchNorm2d:
        device = next((tensor.device for tensor in norm.state_dict().values()), None)
        for name, frequency in (("of_spatial", False), ("of_frequency", True)):
            index = torch.tensor(channels_of(mask, frequency), device=device)
            new.register_buffer(name, index, persistent=False)
    return new
