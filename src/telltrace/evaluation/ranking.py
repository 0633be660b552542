"""Real and fake items by falling score: all that a metric needs, of one set or of many draws."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from telltrace.errors import ManifestError, TelltraceError

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]
Counts = NDArray[Any]


class UndefinedError(TelltraceError):
    """A figure that these labels and scores cannot support; ``str()`` is the reason."""

    def __str__(self) -> str:
        return self.message


def check(labels: ArrayLike, scores: ArrayLike) -> tuple[Labels, Floats]:
    """Labels and scores as vectors of one length, (N,).

    Raises:
        ManifestError: If lengths differ, a label is not 0 or 1, or a score is not finite.
    """
    y, s = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if y.shape != s.shape or y.ndim != 1:
        raise ManifestError(
            f"labels and scores must be 1-D and equally long, got {y.shape} and {s.shape}"
        )
    if not ((y == 0) | (y == 1)).all():
        raise ManifestError("labels must be 0 (real) or 1 (fake)")
    if wrong := int((~np.isfinite(s)).sum()):
        raise ManifestError(f"{wrong} of {s.size} scores are NaN or infinite")
    return y.astype(np.int8), s


@dataclass(frozen=True, eq=False)
class Ranking:
    """Counts of real and fake items at every distinct score.

    The counts of one set are (T,). Those of B bootstrap draws are (T, B), so that a metric written
    along the first axis gives one figure for a set and B figures for draws.
    """

    scores: Floats
    """(T,) distinct scores, highest (most fake) first."""
    real: Counts
    """(T,) or (T, B) real items with each score."""
    fake: Counts
    """(T,) or (T, B) fake items with each score."""

    @classmethod
    def of(cls, labels: ArrayLike, scores: ArrayLike) -> Self:
        """Sort items by score, ties joined.

        Args:
            labels: 0 real, 1 fake, (N,).
            scores: Higher is more fake, (N,).

        Raises:
            ManifestError: If lengths differ, a label is not 0 or 1, or a score is not finite.
        """
        y, s = check(labels, scores)
        values = np.unique(s)
        real, fake = (_count(np.sort(s[y == kind]), values)[::-1] for kind in (0, 1))
        return cls(values[::-1], real, fake)

    @cached_property
    def rates(self) -> tuple[Floats, Floats]:
        """False and true positive rate of every threshold, (T + 1, ...), from (0, 0) to (1, 1)."""
        return _rate(self.real), _rate(self.fake)

    def above(self, threshold: float) -> slice:
        """The scores of at least ``threshold``."""
        return slice(int(np.searchsorted(-self.scores, -threshold, side="right")))

    def with_wrong(self, reals: int, fakes: int) -> "Ranking":
        """The same with more items, all ranked wrongly: reals at the top, fakes at the bottom."""
        if not reals + fakes:
            return self
        scores = np.concatenate([[np.inf], self.scores, [-np.inf]])
        real, fake = np.append(reals, self.real), np.append(self.fake, fakes)
        return Ranking(scores, np.append(real, 0), np.append(0, fake))


def _count(ordered: Floats, values: Floats) -> NDArray[np.int32]:
    """How many of the ``ordered`` numbers equal each of the rising ``values``."""
    start = np.searchsorted(ordered, values)
    return np.diff(start, append=len(ordered)).astype(np.int32)


def _rate(counts: Counts) -> Floats:
    total = np.zeros((len(counts) + 1, *counts.shape[1:]))
    np.cumsum(counts, axis=0, out=total[1:])
    return np.divide(total, total[-1], out=total)
