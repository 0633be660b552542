"""Frames, tracks or videos judged for many groups at once, each with its intervals."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from .intervals import Interval, t_interval
from .metrics import Measure, UndefinedError
from .resample import Binned, spreads
from .sweep import Counts, Curve, Items, count, measures, sweep

ENOUGH_PEOPLE: Final = 5
"""Groups of people needed in either class before an interval draws people instead of videos."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Judged:
    """Figures of one group at one level."""

    total: int
    judged: int
    reals: int
    fakes: int
    metrics: dict[str, Measure]
    intervals: dict[str, Interval]
    interval_reason: str | None
    drawn: Literal["people", "videos"]
    as_wrong: dict[str, Measure]


def judge(
    score: NDArray[np.float64],
    owner: NDArray[np.int32],
    label: NDArray[np.int8],
    cell: NDArray[np.integer[Any]],
    inside: list[Mask],
    linked: NDArray[np.integer[Any]] | None,
    *,
    replicates: int,
    level: float,
    seed: int,
    enough: int,
) -> list[Judged]:
    """Judge groups of cells.

    Args:
        score: Of each item, NaN where nothing was judged, (N,).
        owner: Number of each item's video, (N,).
        label: Of each video, (V,).
        cell: Of each video, (V,).
        inside: For each group, which cells it holds, (cells,).
        linked: Group of people of each video, (V,); None draws videos.
        replicates: Number of draws.
        level: How often intervals hold the truth.
        seed: The same seed gives the same draws.
        enough: Groups of people in either class from which people are drawn.
    """
    items = Items(score, owner, label, cell, len(inside[0]))
    counts = count(items)
    curves, bins = sweep(items, inside, counts.judged)
    binned = Binned(items, counts, bins)
    del bins
    found: dict[bytes, Judged] = {}
    for cells, curve in zip(inside, curves, strict=True):
        if cells.tobytes() in found:
            continue
        metrics = measures(curve, counts, items, cells)
        drawn, cluster = _clusters(counts, items, cells, linked, enough)
        intervals, reason = _intervals(metrics, binned, cells, cluster, replicates, level, seed)
        member = cells[cell]
        totals, judged = (
            [int(of[member & (label == k)].sum()) for k in (0, 1)]
            for of in (counts.total, counts.judged)
        )
        wrong = _as_wrong(curve, counts.of_video[member], label[member], totals)
        found[cells.tobytes()] = Judged(
            sum(totals), sum(judged), judged[0], judged[1],
            metrics, intervals, reason, drawn, wrong,
        )  # fmt: skip
    return [found[cells.tobytes()] for cells in inside]


def _clusters(
    counts: Counts, items: Items, cells: Mask, linked: NDArray[np.integer[Any]] | None, enough: int
) -> tuple[Literal["people", "videos"], NDArray[np.integer[Any]]]:
    """Groups of linked people where there are enough of them in both classes, or videos."""
    if linked is not None:
        member = cells[items.cell] & (counts.judged > 0)
        if min(len(np.unique(linked[member & (items.label == k)])) for k in (0, 1)) >= enough:
            return "people", linked
    return "videos", np.arange(len(items.label))


def _intervals(
    metrics: dict[str, Measure],
    binned: Binned,
    cells: Mask,
    cluster: NDArray[np.integer[Any]],
    replicates: int,
    level: float,
    seed: int,
) -> tuple[dict[str, Interval], str | None]:
    """The interval of every metric that has one, and why the AUC has none."""
    try:
        widths, clusters, few = spreads(binned, cells, cluster, replicates, seed)
    except UndefinedError as error:
        return {}, str(error)
    found = {}
    for name, measure in metrics.items():
        if measure.value is not None and name in widths:
            try:
                ends = t_interval(
                    measure.value, widths[name], few - 1, level, share=name != "log_loss"
                )
            except UndefinedError:
                continue
            found[name] = Interval(*ends, level, clusters, replicates)
    same = "no interval: every draw of these clusters gives the same AUC"
    return found, None if "auc" in found else same


def _as_wrong(
    curve: Curve | None,
    sums: NDArray[np.float64],
    label: NDArray[np.int8],
    totals: list[int],
) -> dict[str, Measure]:
    """What the figures would be if every item that was not judged had been judged wrongly.

    A pair with such an item is then lost, and so is every verdict on it.
    """
    right = [float(sums[label == k, 1].sum()) for k in (0, 1)]
    if not sum(totals):
        return {}
    found = {"accuracy": Measure(sum(right) / sum(totals))}
    if min(totals):
        pairs = 0.0 if curve is None else curve.twice_area / 2
        found = {
            "auc": Measure(pairs / (totals[0] * totals[1])),
            **found,
            "balanced_accuracy": Measure((right[0] / totals[0] + right[1] / totals[1]) / 2),
        }
    return found
