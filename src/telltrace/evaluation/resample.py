"""Spread of every metric over bootstrap draws of whole clusters, from counts in bins of scores."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .intervals import cluster_strata, draw_weights
from .metrics import MAX_FPR, RATES
from .sweep import Counts, Items

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_AT_ONCE = 32
_BLOCK = 200_000


class Binned:
    """Items as counts of videos and score bins, a sparse table for each cell.

    A draw gives every cluster a weight; what the draw's curves need is then one product of that
    table with the weights. No item is ever copied.

    Args:
        items: What is judged.
        counts: Their sums.
        bins: Bin of each item, from the highest score, (N,).
    """

    def __init__(self, items: Items, counts: Counts, bins: NDArray[np.uint16]) -> None:
        self.label, self.cell, many = items.label, items.cell, counts.judged
        self.judged = many > 0
        rank = np.argsort(items.cell, kind="stable")
        ends = np.cumsum(many[rank])
        self.count = int(bins.max(initial=0)) + 1
        self.bins = _by_owner(items, bins, rank, ends - many[rank])
        self.videos = [np.flatnonzero(items.cell == c) for c in range(items.cells)]
        self.tables, self.sums = [], []
        ones = np.ones(max((int(many[v].sum()) for v in self.videos), default=0), np.float32)
        start = 0
        for videos in self.videos:
            pointers = np.append(0, np.cumsum(many[videos])).astype(np.int32)
            stop = start + int(pointers[-1])
            parts = (ones[: stop - start], self.bins[start:stop], pointers)
            self.tables.append(sparse.csc_array(parts, shape=(self.count, len(videos))))
            # sparse although it is full: a product this thin costs more in threads than in sums
            self.sums.append(sparse.csc_array(counts.of_video[videos].T.astype(np.float32)))
            start = stop

    def products(
        self, cell: int, weights: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weighted items of a cell in every bin, and their sums: (V, B) -> (bins, B), (4, B)."""
        mine = weights[self.videos[cell]]
        return self.tables[cell] @ mine, self.sums[cell] @ mine


def _by_owner(
    items: Items, bins: NDArray[np.uint16], rank: Numbers, starts: Numbers
) -> NDArray[np.int32]:
    """The judged items' bins, those of one video together, videos in the order of ``rank``."""
    place = np.empty(len(rank), dtype=np.int64)
    place[rank] = starts
    out = np.empty(len(bins) - int(np.isnan(items.score).sum()), dtype=np.int32)
    for start in range(0, len(bins), _BLOCK):
        part = slice(start, start + _BLOCK)
        keep = ~np.isnan(items.score[part])
        of = items.owner[part][keep]
        order = np.argsort(of, kind="stable")
        names, first, many = np.unique(of[order], return_index=True, return_counts=True)
        within = np.arange(len(of)) - np.repeat(first, many)
        out[np.repeat(place[names], many) + within] = bins[part][keep][order]
        place[names] += many
    return out


def spreads(
    binned: Binned,
    cells: NDArray[np.bool_],
    cluster: NDArray[np.integer[Any]],
    replicates: int,
    seed: int,
) -> tuple[dict[str, float], int, int]:
    """Standard deviation of every metric over the draws of a group.

    Args:
        binned: The items in bins.
        cells: Which cells the group holds, (cells,).
        cluster: The cluster of every video, (V,).
        replicates: Number of draws.
        seed: The same seed gives the same draws.

    Returns:
        By metric; the number of clusters; the fewest clusters that either class lies in.

    Raises:
        UndefinedError: If fewer than two clusters hold reals, or fakes.
    """
    member = np.flatnonzero(cells[binned.cell] & binned.judged)
    names, of = np.unique(cluster[member], return_inverse=True)
    strata = cluster_strata(binned.label[member], of, len(names))
    few = min(len(np.unique(of[binned.label[member] == k])) for k in (0, 1))
    rng = np.random.default_rng(seed)
    weights = np.zeros((len(binned.label), _AT_ONCE), dtype=np.float32)
    draws: dict[str, list[Floats]] = {}
    for start in range(0, replicates, _AT_ONCE):
        drawn = draw_weights(strata, len(names), min(_AT_ONCE, replicates - start), rng, spare=1)
        block = weights[:, : len(drawn)]
        block[member] = drawn.T.astype(np.float32)[of]
        for name, values in _figures(binned, cells, np.ascontiguousarray(block)):
            draws.setdefault(name, []).append(values)
    joined = {name: np.concatenate(values) for name, values in draws.items()}
    return {name: float(v.std(ddof=1)) for name, v in joined.items()}, len(names), few


def _figures(
    binned: Binned, cells: NDArray[np.bool_], weights: NDArray[np.float32]
) -> Iterator[tuple[str, Floats]]:
    fakes, reals = np.zeros((2, binned.count, weights.shape[1]))
    sums = np.zeros((2, 4, weights.shape[1]))
    for cell in np.flatnonzero(cells):
        kind = int(binned.label[binned.videos[cell][0]])
        of_bins, of_all = binned.products(int(cell), weights)
        target = fakes if kind else reals
        target += of_bins
        sums[kind] += of_all
    count, right, loss, square = sums.sum(0)
    yield "accuracy", right / count
    yield "balanced_accuracy", (sums[0, 1] / sums[0, 0] + sums[1, 1] / sums[1, 0]) / 2
    yield "log_loss", loss / count
    yield "brier", square / count
    yield from curve_figures(fakes, reals).items()


def curve_figures(fakes: Floats, reals: Floats) -> dict[str, Floats]:
    """The curves' metrics of many draws from weighted counts in bins, highest score first.

    Shape:
        Two of (bins, B) to (B,) each.
    """
    tp, fp = np.cumsum(fakes, 0), np.cumsum(reals, 0)
    total_f, total_r = tp[-1], fp[-1]
    missed = tp - fakes
    found = {"auc": ((missed + tp) * reals).sum(0) / (2 * total_f * total_r)}
    found["ap"] = (fakes * tp / np.maximum(tp + fp, 1e-9)).sum(0) / total_f
    fpr, tpr = _from_zero(fp / total_r), _from_zero(tp / total_f)
    found["eer"] = _crossing(fpr, tpr)
    found["pauc_1e-1"] = _partial(fpr, tpr)
    for name, rate in RATES.items():
        last = (fpr <= rate * (1 + 1e-6)).sum(0) - 1
        found[name] = np.take_along_axis(tpr, last[None], 0)[0]
    return found


def _from_zero(x: Floats) -> Floats:
    return np.concatenate([np.zeros((1, x.shape[1])), x])


def _crossing(fpr: Floats, tpr: Floats) -> Floats:
    gap = fpr - (1 - tpr)
    i = np.argmax(gap >= -1e-9, axis=0)[None]
    after, before = (np.take_along_axis(gap, at, 0) for at in (i, i - 1))
    x, x0 = (np.take_along_axis(fpr, at, 0) for at in (i, i - 1))
    return np.asarray(x0 - before / (after - before) * (x - x0))[0]


def _partial(fpr: Floats, tpr: Floats) -> Floats:
    x0, x1, y0, y1 = fpr[:-1], fpr[1:], tpr[:-1], tpr[1:]
    width = np.clip(x1, 0, MAX_FPR) - np.clip(x0, 0, MAX_FPR)
    share = np.divide(width, x1 - x0, out=np.zeros_like(width), where=x1 > x0)
    area, least = (width * (y0 + share * (y1 - y0) / 2)).sum(0), MAX_FPR**2 / 2
    return np.asarray(0.5 * (1 + (area - least) / (MAX_FPR - least)))
