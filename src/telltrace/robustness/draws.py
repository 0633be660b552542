"""The same draws of videos for many scores tables, so that their differences can be told."""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from telltrace.evaluation.intervals import cluster_strata, draw_weights, weighted_auc
from telltrace.evaluation.judging import ENOUGH_PEOPLE
from telltrace.evaluation.metrics import THRESHOLD
from telltrace.evaluation.scores import VIDEO_KEY
from telltrace.evaluation.videos import identity_groups, index_videos

Floats = NDArray[np.float64]

_CELLS = 2**21
"""Numbers that one block of draws may hold at a time: 16 MiB."""


class Draws:
    """Bootstrap draws of whole videos, or of groups of people, applied to any number of tables.

    Groups of people are drawn where both classes have enough of them, as in `evaluate`.

    Args:
        scores: A scores table with all videos.
        replicates: Number of draws.
        seed: The same seed gives the same draws.

    Raises:
        UndefinedError: If fewer than two videos or groups hold reals, or fakes.
    """

    def __init__(self, scores: pd.DataFrame, *, replicates: int = 1000, seed: int = 0) -> None:
        self.videos, _ = index_videos(scores)
        labels = self.videos["label"].to_numpy(np.int8)
        groups = identity_groups(self.videos)
        self.drawn: Literal["people", "videos"] = "videos"
        self._cluster = np.arange(len(self.videos))
        if groups is not None and _enough(groups, labels):
            self.drawn, self._cluster = "people", groups
        count = int(self._cluster.max()) + 1
        strata = cluster_strata(labels, self._cluster, count)
        self.weights = draw_weights(strata, count, replicates, np.random.default_rng(seed))
        self._keys = pd.MultiIndex.from_frame(self.videos[VIDEO_KEY])

    def auc(self, scores: pd.DataFrame) -> Floats:
        """The AUC of frames in every draw, (replicates,); NaN where a draw lacks a class.

        Args:
            scores: A table of the same videos, or of some of them.

        Raises:
            ValueError: If it has a video that the first table had not.
        """
        y, s, cluster = self._read(scores)
        block = max(1, _CELLS // max(len(y), 1))
        with np.errstate(invalid="ignore"):
            parts = [
                weighted_auc(y, s, cluster, self.weights[start : start + block])
                for start in range(0, len(self.weights), block)
            ]
        return np.concatenate(parts)

    def balanced_accuracy(self, scores: pd.DataFrame) -> Floats:
        """The balanced accuracy of frames at a score of 0.5 in every draw, as :meth:`auc`."""
        y, s, cluster = self._read(scores)
        size, right = self.weights.shape[1], (s >= THRESHOLD) == y
        shares = []
        with np.errstate(invalid="ignore"):
            for label in (0, 1):
                held = np.bincount(cluster[y == label], minlength=size)
                good = np.bincount(cluster[(y == label) & right], minlength=size)
                shares.append((self.weights @ good) / (self.weights @ held))
        return np.asarray(np.mean(shares, axis=0))

    def of_rows(self, scores: pd.DataFrame) -> Floats:
        """How often each judged row is drawn: (replicates, rows)."""
        return self.weights[:, self._read(scores)[2]]

    def _read(self, scores: pd.DataFrame) -> tuple[NDArray[np.int8], Floats, NDArray[np.int64]]:
        """Labels, scores and clusters of the frames that were judged."""
        judged = scores[scores["score"].notna()]
        place = self._keys.get_indexer(pd.MultiIndex.from_frame(judged[VIDEO_KEY]))
        if (place < 0).any():
            name = "/".join(judged[VIDEO_KEY].iloc[int(np.argmax(place < 0))])
            raise ValueError(f"The video {name} is not among those that are drawn.")
        labels, scores_ = judged["label"].to_numpy(np.int8), judged["score"].to_numpy(np.float64)
        return labels, scores_, self._cluster[place]


def _enough(groups: NDArray[np.int64], labels: NDArray[np.int8]) -> bool:
    """Whether both classes have enough groups of people to draw from."""
    return min(len(np.unique(groups[labels == k])) for k in (0, 1)) >= ENOUGH_PEOPLE


def interval(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """What a share of the draws lies between; draws without a value do not count."""
    tail = (1 - level) / 2
    low, high = np.nanquantile(values, (tail, 1 - tail))
    return float(low), float(high)
