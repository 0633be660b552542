"""Real and fake items by falling score: all that a metric needs, of one set or of many draws."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from telltrace.errors import ManifestError, TelltraceError

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]
Counts = NDArray[Any]

PIECE = 2**18
"""Scores of a long ranking that are worked on at a time."""


class UndefinedError(TelltraceError):
    """A figure that these labels and scores cannot support; ``str()`` is the reason."""

    def __str__(self) -> str:
        return self.message


def check(labels: ArrayLike, scores: ArrayLike) -> tuple[Labels, Floats]:
    """Labels and scores as vectors of one length, (N,); a ManifestError where they are none."""
    y, s = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if y.shape != s.shape or y.ndim != 1:
        found = f"got {y.shape} and {s.shape}"
        raise ManifestError(f"labels and scores must be 1-D and equally long, {found}")
    if not ((y == 0) | (y == 1)).all():
        raise ManifestError("labels must be 0 (real) or 1 (fake)")
    if wrong := int((~np.isfinite(s)).sum()):
        raise ManifestError(f"{wrong} of {s.size} scores are NaN or infinite")
    return y.astype(np.int8), s


@dataclass(frozen=True, eq=False)
class Ranking:
    """Counts of real and fake items at every distinct score: of one set (T,), of B draws (T, B).

    A metric written along the first axis gives one figure for a set and B figures for draws.
    """

    scores: Floats
    """(T,) distinct scores, highest (most fake) first."""
    real: Counts
    """(T,) or (T, B) real items with each score."""
    fake: Counts
    """(T,) or (T, B) fake items with each score."""
    before: tuple[int, int] = (0, 0)
    """Reals and fakes above the first score, where these are a piece of a longer ranking."""
    whole: tuple[int, int] | None = None
    """Reals and fakes of the longer ranking; None where this is all of it."""

    @classmethod
    def of(cls, labels: ArrayLike, scores: ArrayLike) -> Self:
        """Sort items by score, ties joined; labels and scores as in :func:`check`."""
        y, s = check(labels, scores)
        return cls.of_parts([(s[y == 0], s[y == 1])], len(s))

    @classmethod
    def of_parts(cls, parts: Iterable[tuple[Floats, Floats]], size: int) -> Self:
        """Sort ``size`` items that come in parts: finite scores of its reals and of its fakes.

        Every score of a part is below those of the part before it.
        """
        scores, end = np.empty(size), 0
        smallest = np.dtype(np.int8 if size > PIECE else np.int64)
        reals, fakes = [np.zeros(0, smallest)], [np.zeros(0, smallest)]
        for real, fake in parts:
            values = np.unique(np.concatenate([real, fake]))
            scores[end : end + len(values)] = values[::-1]
            end += len(values)
            reals.append(_count(np.sort(real), values)[::-1])
            fakes.append(_count(np.sort(fake), values)[::-1])
        return cls(scores[:end], np.concatenate(reals), np.concatenate(fakes))

    @property
    def totals(self) -> tuple[Any, Any]:
        """All reals and all fakes, also those of the longer ranking that this is a piece of."""
        return self.whole or (self.real.sum(0), self.fake.sum(0))

    @property
    def counts(self) -> tuple[Floats, Floats]:
        """Reals and fakes above every threshold, (T + 1, ...)."""
        return _running(self.real, self.before[0]), _running(self.fake, self.before[1])

    @cached_property
    def rates(self) -> tuple[Floats, Floats]:
        """False and true positive rate of every threshold, (T + 1, ...), from (0, 0) to (1, 1)."""
        (fp, tp), (reals, fakes) = self.counts, self.totals
        return np.divide(fp, reals, out=fp), np.divide(tp, fakes, out=tp)

    def pieces(self) -> Iterator["Ranking"]:
        """A long ranking piece by piece; thresholds between two pieces are in both of them."""
        if self.real.ndim > 1 or len(self.scores) <= PIECE:  # draws count in a few bins
            yield self
            return
        (real, fake), whole = self.before, self.totals
        for start in range(0, len(self.scores), PIECE):
            part = slice(start, start + PIECE)
            reals, fakes = self.real[part].astype(np.int64), self.fake[part].astype(np.int64)
            yield Ranking(self.scores[part], reals, fakes, (real, fake), whole)
            real, fake = real + int(reals.sum()), fake + int(fakes.sum())

    def rates_until(self, reached: Callable[[Floats, Floats], Counts]) -> tuple[Floats, Floats]:
        """False and true positive rates of the first piece at whose end they are ``reached``."""
        for piece in self.pieces():
            fpr, tpr = piece.rates
            if reached(fpr[-1], tpr[-1]).all():
                break
        return fpr, tpr

    def above(self, threshold: float) -> slice:
        """The scores of at least ``threshold``."""
        return slice(int(np.searchsorted(-self.scores, -threshold, side="right")))


def _count(ordered: Floats, values: Floats) -> Counts:
    """How many of the ``ordered`` numbers equal each of the rising ``values``, in a small type."""
    counts = np.diff(np.searchsorted(ordered, values), append=len(ordered))
    return counts.astype(np.min_scalar_type(-2 * int(counts.max(initial=0)) - 1))


def _running(counts: Counts, before: int) -> Floats:
    total = np.zeros((len(counts) + 1, *counts.shape[1:]))
    np.cumsum(counts, axis=0, out=total[1:])
    return np.add(total, before, out=total) if before else total
