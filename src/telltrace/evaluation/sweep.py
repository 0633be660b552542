"""Every metric of many groups in one pass over the scores, from the highest down, block by block.

The figures are those of :mod:`.metrics`; here they are counted for tables that do not fit into
memory several times over. At no time is more than one block sorted.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metrics import CALIBRATION_BINS, MAX_FPR, METRICS, RATES, THRESHOLD, Measure

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

BINS = 2048
"""Bins of scores that a draw counts in; with fewer items than this each score has its own."""

_BLOCK = 500_000
_SAMPLE = 100_000


@dataclass(frozen=True)
class Items:
    """What is judged: frames, tracks or videos.

    Args:
        score: (N,), NaN where nothing was judged.
        owner: Number of each item's video, (N,).
        label: Label of each video, (V,).
        cell: Dataset, compression and method of each video as one number, (V,).
        cells: How many cells there are.
    """

    score: Floats
    owner: NDArray[np.int32]
    label: NDArray[np.int8]
    cell: NDArray[np.integer[Any]]
    cells: int


@dataclass
class Curve:
    """The ROC and precision curves of one group, fed from the highest score down."""

    fakes: int
    reals: int
    tp: int = 0
    fp: int = 0
    twice_area: int = 0
    precision: float = 0.0
    eer: float | None = None
    partial: float = 0.0
    hits: dict[str, int] = field(default_factory=dict)

    def feed(self, scores: Floats, labels: NDArray[np.int8]) -> None:
        """Take the next scores, in falling order; equal scores must come together."""
        last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
        tp = np.append(self.tp, self.tp + np.cumsum(labels, dtype=np.int64)[last])
        fp = np.append(self.fp, self.fp + self.tp + last + 1 - tp[1:])
        self.tp, self.fp = int(tp[-1]), int(fp[-1])
        rises = np.diff(tp)
        self.twice_area += int(np.dot(np.diff(fp), tp[1:] + tp[:-1]))
        self.precision += float(np.dot(rises, tp[1:] / (tp[1:] + fp[1:])))
        fpr, tpr = fp / self.reals, tp / self.fakes
        self._cross(fpr, tpr)
        self._partial(fpr, tpr)
        for name, rate in RATES.items():
            allowed = math.floor(rate * self.reals + 1e-9)
            inside = int(np.searchsorted(fp, allowed, side="right")) - 1
            self.hits[name] = max(self.hits.get(name, 0), int(tp[inside]) if inside >= 0 else 0)

    def _cross(self, fpr: Floats, tpr: Floats) -> None:
        gap = fpr - (1 - tpr)
        i = int(np.argmax(gap >= 0))
        if self.eer is None and gap[i] >= 0:
            step = -gap[i - 1] / (gap[i] - gap[i - 1])
            self.eer = float(fpr[i - 1] + step * (fpr[i] - fpr[i - 1]))

    def _partial(self, fpr: Floats, tpr: Floats) -> None:
        near = int(np.searchsorted(fpr, MAX_FPR, side="right"))
        if near == 0:
            return
        x, y = fpr[:near], tpr[:near]
        self.partial += float(np.dot(np.diff(x), y[1:] + y[:-1])) / 2
        if near < len(fpr):
            share = (MAX_FPR - x[-1]) / (fpr[near] - x[-1])
            rise = share * (tpr[near] - y[-1])
            self.partial += float((MAX_FPR - x[-1]) * (y[-1] + rise / 2))

    def figures(self) -> dict[str, float]:
        least = MAX_FPR**2 / 2
        return {
            "auc": self.twice_area / (2 * self.fakes * self.reals),
            "ap": self.precision / self.fakes,
            "eer": math.nan if self.eer is None else self.eer,
            "pauc_1e-1": 0.5 * (1 + (self.partial - least) / (MAX_FPR - least)),
            **{name: hits / self.fakes for name, hits in self.hits.items()},
        }


@dataclass(frozen=True)
class Counts:
    """Sums over the items: of each video, and of each cell and calibration bin."""

    of_video: Floats
    """(V, 4): items, right verdicts, log loss, squared error."""
    of_bin: Floats
    """(cells, 15, 3): items, scores, fakes."""
    total: Numbers
    """(V,): items of each video, judged or not."""

    @property
    def judged(self) -> Numbers:
        """Judged items of each video, (V,)."""
        return self.of_video[:, 0].astype(np.int64)


def count(items: Items) -> Counts:
    """Add up what needs no order.

    Shape:
        (V, 4), (cells, 15, 3) and (V,).
    """
    total = np.zeros(len(items.label), dtype=np.int64)
    videos, eps = len(items.label), np.finfo(np.float64).eps
    of_video, of_bin = np.zeros((videos, 4)), np.zeros((items.cells * CALIBRATION_BINS, 3))
    for start in range(0, len(items.score), _BLOCK):
        s, owner = items.score[start : start + _BLOCK], items.owner[start : start + _BLOCK]
        total += np.bincount(owner, minlength=videos)
        known = ~np.isnan(s)
        s, owner = s[known], owner[known]
        y = items.label[owner]
        loss = -np.log(np.clip(np.where(y == 1, s, 1 - s), eps, 1 - eps))
        for column, values in enumerate((None, (s >= THRESHOLD) == y, loss, (s - y) ** 2)):
            of_video[:, column] += np.bincount(owner, values, minlength=videos)
        place = np.minimum((s * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
        place += items.cell[owner] * CALIBRATION_BINS
        for column, values in enumerate((None, s, y)):
            of_bin[:, column] += np.bincount(place, values, minlength=len(of_bin))
    return Counts(of_video, of_bin.reshape(items.cells, CALIBRATION_BINS, 3), total)


def falling(score: Floats) -> Iterator[Numbers]:
    """Row numbers by falling score, in blocks between which no score is split; NaN is left out."""
    blocks = math.ceil(len(score) / _BLOCK)
    sample = score[:: max(1, len(score) // _SAMPLE)]
    sample = sample[~np.isnan(sample)]
    if not len(sample):
        sample = np.zeros(1)
    inner = np.unique(np.quantile(sample, np.arange(1, blocks) / blocks))
    edges = np.concatenate([[-np.inf], inner, [np.inf]])
    for low, high in zip(edges[-2::-1], edges[:0:-1], strict=True):
        rows = np.flatnonzero((score >= low) & (score < high))
        if len(rows):
            yield rows[np.argsort(-score[rows])]


def sweep(
    items: Items, inside: list[NDArray[np.bool_]], judged: Numbers
) -> tuple[list[Curve | None], NDArray[np.uint16]]:
    """The curves of every group, and the bin of every item for the draws.

    Args:
        items: What is judged.
        inside: For each group, which cells it holds, (cells,).
        judged: Judged items of each video, (V,).

    Returns:
        A curve a group, None where it lacks a class; and bins from the highest score, (N,).
    """
    curves = [_curve(items, cells, judged) for cells in inside]
    bins = np.zeros(len(items.score), dtype=np.uint16)
    total, reals = int(judged.sum()), int(judged[items.label == 0].sum())
    seen = alarms = distinct = 0
    for rows in falling(items.score):
        s, owner = items.score[rows], items.owner[rows]
        y, cell = items.label[owner], items.cell[owner]
        for curve, cells in zip(curves, inside, strict=True):
            if curve is not None and (keep := cells[cell]).any():
                curve.feed(s[keep], y[keep])
        new = np.append(True, s[1:] != s[:-1])
        first = np.flatnonzero(new)
        if total <= BINS:
            ids = distinct + np.arange(len(first))
        else:
            before = alarms + np.append(0, np.cumsum(y == 0))[first]
            rare = np.log1p(before) / math.log1p(max(reals, 1))
            ids = ((BINS - 1) * ((seen + first) / total + rare) / 2).astype(np.int64)
        bins[rows] = ids[np.cumsum(new) - 1]
        seen, alarms, distinct = seen + len(s), alarms + int((y == 0).sum()), distinct + len(first)
    return curves, bins


def _curve(items: Items, cells: NDArray[np.bool_], judged: Numbers) -> Curve | None:
    of = judged * cells[items.cell]
    fakes, reals = int(of[items.label == 1].sum()), int(of[items.label == 0].sum())
    return Curve(fakes, reals) if fakes and reals else None


def measures(
    curve: Curve | None, counts: Counts, items: Items, cells: NDArray[np.bool_]
) -> dict[str, Measure]:
    """Every metric of a group, in the order of ``METRICS``; or why it has none."""
    mine = counts.of_video[cells[items.cell]]
    label = items.label[cells[items.cell]]
    n, right, loss, square = mine.sum(0)
    if n == 0:
        return {name: Measure(None, "nothing was judged") for name in METRICS}
    totals = [int(mine[label == k, 0].sum()) for k in (0, 1)]
    bins = counts.of_bin[cells].sum(0)
    found: dict[str, float] = {
        "accuracy": right / n,
        "log_loss": loss / n,
        "brier": square / n,
        "ece": float(np.abs(bins[:, 1] - bins[:, 2]).sum() / n),
    }
    if curve is not None:
        shares = [mine[label == k, 1].sum() / totals[k] for k in (0, 1)]
        found |= {"balanced_accuracy": sum(shares) / 2, **curve.figures()}
    return {name: _measure(name, found, totals) for name in METRICS}


def _measure(name: str, found: dict[str, float], totals: list[int]) -> Measure:
    reals, fakes = totals
    if name not in found:
        return Measure(None, f"needs both classes, got {reals} reals and {fakes} fakes")
    if name in RATES and reals * RATES[name] < 1 - 1e-9:
        needed = math.ceil(1 / RATES[name] - 1e-9)
        reason = f"a false-alarm rate of {RATES[name]:g} needs {needed} reals, got {reals}"
        return Measure(None, reason)
    return Measure(float(found[name]))
