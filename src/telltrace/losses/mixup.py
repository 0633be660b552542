"""Mixup: train on pictures laid over each other, and on both their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from numpy.random import Generator


class Mix(NamedTuple):
    """How a batch is laid over itself."""

    share: float
    """What each image keeps of itself, 0 to 1; the rest comes from its partner."""
    order: Tensor
    """(B,): the partner of each image."""


def draw_mix(batch: int, rng: Generator, alpha: float = 0.5) -> Mix:
    """Draw partners, and one share for the whole batch from Beta(alpha, alpha).

    Args:
        batch: Number of images B.
        rng: Where the draw comes from; make it from (seed, epoch, index).
        alpha: Below 1, most images stay nearly whole. 0 mixes nothing.

    References:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, eq. 1-2.

    Examples:
        >>> import numpy
        >>> mix = draw_mix(4, numpy.random.default_rng(0))
        >>> 0 <= mix.share <= 1, sorted(mix.order.tolist())
        (True, [0, 1, 2, 3])
    """
    if alpha < 0:
        raise ValueError(f"alpha must be 0 (no mixup) or positive, got {alpha}.")
    share = float(rng.beta(alpha, alpha)) if alpha > 0 else 1.0
    return Mix(share, torch.as_tensor(rng.permutation(batch)))


def mix_images(images: Tensor, mix: Mix) -> Tensor:
    """Lay every image over its partner.

    Shape:
        - images: (B, ...), floating point
        - Output: the same
    """
    return torch.lerp(images[mix.order.to(images.device)], images, mix.share)
