"""Which crops an epoch shows, in which order: a function of (seed, epoch) and of nothing else."""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import ManifestError
from ..pixels.augmentations import generator
from .manifest import source_of

Order = Literal["balanced", "shuffled", "manifest"]
Indices = NDArray[np.int64]


def epoch_order(manifest: pd.DataFrame, epoch: int, seed: int, order: Order) -> Indices:
    """Which rows one epoch shows, in which order: as many as the manifest has.

    "balanced" gives half of the epoch to each class, and an equal share of the fakes to each
    method. A group that is smaller than its share is repeated as evenly as can be; of a larger
    one each epoch shows another part. "shuffled" shows every row once, "manifest" in its order.

    Raises:
        ManifestError: If "balanced" is asked of one class only.
    """
    count = len(manifest)
    if order == "manifest":
        return np.arange(count)
    rng = generator(seed, epoch, 0)
    if order == "shuffled":
        return rng.permutation(count)
    labels, methods = manifest.label.to_numpy(), manifest.method.to_numpy()
    if len(set(labels)) < 2:
        only = "reals" if labels[0] == 0 else "fakes"
        raise ManifestError(
            f"holds {only} only, so its classes cannot be balanced",
            remedy="Add the other class, or make fakes by blending.",
            path=source_of(manifest),
        )
    names = sorted(set(methods[labels == 1]))
    groups = [np.flatnonzero(labels == 0)]
    groups += [np.flatnonzero((labels == 1) & (methods == name)) for name in names]
    shares = _shares(count // 2, 1) + _shares(count - count // 2, len(names))
    chosen = [_draw(group, share, rng) for group, share in zip(groups, shares, strict=True)]
    return rng.permutation(np.concatenate(chosen))


def _shares(total: int, parts: int) -> list[int]:
    """``total`` in ``parts`` whole numbers that differ by at most one."""
    return [total // parts + (i < total % parts) for i in range(parts)]


def _draw(group: Indices, count: int, rng: np.random.Generator) -> Indices:
    """``count`` rows of a group, none more than once oftener than another."""
    rounds = -(-count // len(group))
    return np.concatenate([rng.permutation(group) for _ in range(rounds)] or [group])[:count]
