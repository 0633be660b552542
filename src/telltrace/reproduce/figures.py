"""A cell's figure over several seeds, with an interval that draws both seeds and videos."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from telltrace.evaluate.metrics import THRESHOLD, auc, balanced_accuracy
from telltrace.evaluate.report import ENOUGH_PEOPLE
from telltrace.evaluate.videos import identity_groups, index_videos

Floats = NDArray[np.float64]

REPLICATES = 2000
MEASURES = {"auc": auc, "balanced_accuracy": balanced_accuracy}


@dataclass(frozen=True)
class CellFigure:
    """One metric of one cell, per frame as the papers count, in [0, 1]."""

    value: float
    """Mean over the seeds."""
    low: float
    high: float
    """95 % of the draws of seeds and videos (or groups of people) lie between these."""
    seeds: tuple[float, ...]
    """The metric of each seed."""
    reals: int
    fakes: int
    """Test videos of each class."""
    drawn: str
    """"videos" or "people"."""
    replicates: Floats = field(repr=False, compare=False)

    def minus(self, other: "CellFigure") -> tuple[float, float, float]:
        """Difference to another cell judged on the same videos, and its interval.

        The same draws are taken of both, so what is easy or hard for both does not count.
        """
        gap = self.replicates - other.replicates
        low, high = np.quantile(gap, (0.025, 0.975))
        return self.value - other.value, float(low), float(high)


@dataclass(frozen=True)
class _Counts:
    """What the clusters of one scores table amount to."""

    wins: Floats
    """How often a fake of cluster a beats a real of cluster b, ties one half: (C, C)."""
    held: Floats
    """Reals and fakes of each cluster: (2, C)."""
    right: Floats
    """Those that are judged rightly: (2, C)."""

    def measure(self, metric: str, weights: Floats) -> Floats:
        """The metric where cluster c counts ``weights[:, c]`` times: (B, C) -> (B,)."""
        held = weights @ self.held.T
        if metric == "auc":
            beaten = np.einsum("bc,bc->b", weights @ self.wins, weights)
            return beaten / (held[:, 0] * held[:, 1])
        return ((weights @ self.right.T) / held).mean(1)


def cell_figure(scores: Sequence[pd.DataFrame], metric: str, *, seed: int = 0) -> CellFigure:
    """The figure of a cell from the scores tables of its seeds, all of the same crops.

    Args:
        scores: One table a seed.
        metric: "auc" or "balanced_accuracy" (at a score of 0.5).
        seed: Seed of the draws.

    Raises:
        UndefinedError: If a class is missing.
        ValueError: If the tables judge different videos.
    """
    values = tuple(MEASURES[metric](table["label"], table["score"]) for table in scores)
    videos, _ = index_videos(scores[0])
    groups, drawn = _clusters(videos)
    counts = [_count(table, videos, groups) for table in scores]
    rng = np.random.default_rng(seed)
    weights = _draw(counts[0].held > 0, rng)
    each = np.stack([one.measure(metric, weights) for one in counts])
    chosen = rng.integers(len(counts), size=(REPLICATES, len(counts)))
    replicates = each[chosen, np.arange(REPLICATES)[:, None]].mean(1)
    low, high = np.quantile(replicates, (0.025, 0.975))
    fakes = int((videos["label"] == 1).sum())
    return CellFigure(
        float(np.mean(values)), float(low), float(high), values,
        len(videos) - fakes, fakes, drawn, replicates,
    )  # fmt: skip


def _clusters(videos: pd.DataFrame) -> tuple[NDArray[np.int64], str]:
    """Groups of people where both classes have enough of them, or every video by itself."""
    groups = identity_groups(videos)
    if groups is not None:
        labels = videos["label"].to_numpy()
        if min(len(np.unique(groups[labels == k])) for k in (0, 1)) >= ENOUGH_PEOPLE:
            return groups, "people"
    return np.arange(len(videos)), "videos"


def _count(table: pd.DataFrame, videos: pd.DataFrame, groups: NDArray[np.int64]) -> _Counts:
    found, video = index_videos(table)
    if not found.equals(videos):
        raise ValueError("The seeds of one cell must judge the same videos.")
    cluster, size = groups[video], int(groups.max()) + 1
    y, s = table["label"].to_numpy(np.int64), table["score"].to_numpy(np.float64)
    called = (s >= THRESHOLD).astype(np.int64)
    held = np.stack([np.bincount(cluster[y == k], minlength=size) for k in (0, 1)])
    right = [np.bincount(cluster[(y == k) & (called == k)], minlength=size) for k in (0, 1)]
    fakes, of = s[y == 1], cluster[y == 1]
    wins = np.zeros((size, size))
    for b in np.flatnonzero(held[0]):
        reals = np.sort(s[(y == 0) & (cluster == b)])
        beaten = np.searchsorted(reals, fakes, "left") + np.searchsorted(reals, fakes, "right")
        wins[:, b] = np.bincount(of, weights=beaten / 2, minlength=size)
    return _Counts(wins, held.astype(np.float64), np.stack(right).astype(np.float64))


def _draw(held: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """How often each cluster is drawn: clusters with reals, with fakes and with both apart."""
    weights = np.zeros((REPLICATES, held.shape[1]))
    for has_reals, has_fakes in ((1, 0), (0, 1), (1, 1)):
        members = np.flatnonzero((held[0] == has_reals) & (held[1] == has_fakes))
        if len(members):
            share = np.full(len(members), 1 / len(members))
            weights[:, members] = rng.multinomial(len(members), share, size=REPLICATES)
    return weights
