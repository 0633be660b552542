"""What is judged (frames, tracks or videos), and the same as counts of score bins for draws."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .metrics import THRESHOLD
from .ranking import PIECE, Floats, Labels, Ranking

BINS = 2048
"""Bins of scores that a draw counts in; with fewer items than this each score has its own."""

SAMPLE = 100_000
"""Scores, evenly over the table, that say where to part a long one."""

Numbers = NDArray[np.integer[Any]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Items:
    """What is judged: frames, tracks or videos."""

    score: Floats
    """(N,), NaN where nothing was judged."""
    owner: Numbers
    """Number of each item's video, (N,)."""
    label: Labels
    """Of each video, (V,)."""
    cell: Numbers
    """Of each video, (V,): videos that are always judged together, all of one label."""

    def ranking(self, cells: Mask | None = None) -> Ranking:
        """The judged items of these cells, (cells,), or of all."""
        inside = np.ones(len(self.cell), bool) if cells is None else cells[self.cell]
        size = int(self.counts[1][inside].sum())
        return Ranking.of_parts(self._falling(inside, math.ceil(size / PIECE)), size)

    def _falling(self, inside: Mask, parts: int) -> Iterator[tuple[Floats, Floats]]:
        """Scores of the reals and of the fakes of these videos, (V,), part by part from the top."""
        edges = np.zeros(0)
        some = self.score[:: max(1, len(self.score) // SAMPLE)]
        if parts > 1 and not np.isnan(some).all():
            edges = np.unique(np.nanquantile(some, np.arange(1, parts) / parts))
        kind = np.min_scalar_type(-2 - len(edges))
        part = np.empty(len(self.score), kind)  # of each item; -1 outside
        for start in range(0, len(part), PIECE):
            block = slice(start, start + PIECE)
            score, owner = self.score[block], self.owner[block]
            part[block] = np.searchsorted(edges, score, side="right")
            part[block][np.isnan(score) | ~inside[owner]] = -1
        for number in range(len(edges), -1, -1):
            rows = np.flatnonzero(part == number)
            score, label = self.score[rows], self.label[self.owner[rows]]
            yield score[label == 0], score[label == 1]

    @cached_property
    def counts(self) -> tuple[Numbers, Numbers]:
        """All items and judged items of each video, (V,) each."""
        total, known = np.zeros((2, len(self.label)), np.int64)
        for start in range(0, len(self.owner), PIECE):  # a long table is not copied at once
            block = slice(start, start + PIECE)
            np.add.at(total, self.owner[block], 1)
            np.add.at(known, self.owner[block][~np.isnan(self.score[block])], 1)
        return total, known


class BinnedItems:
    """Items as counts of score bins and videos, a sparse table for each cell.

    A draw gives every video a weight; what the metrics of a draw need is then one product of
    that table with the weights. No item is ever copied.
    """

    def __init__(self, items: Items) -> None:
        lowest, self.scores = _score_bins(items.ranking())
        of = items.cell.astype(np.int16)[items.owner]
        of[np.isnan(items.score)] = -1
        place = np.empty(len(items.label), np.int32)
        cells = range(int(items.cell.max(initial=-1)) + 1)
        self.videos = [np.flatnonzero(items.cell == cell) for cell in cells]
        self.fake = [bool(items.label[videos[:1]].any()) for videos in self.videos]
        self.tables = []
        for cell, videos in enumerate(self.videos):
            place[videos] = np.arange(len(videos))
            shape = len(lowest), len(videos)
            self.tables.append(_table(items, np.flatnonzero(of == cell), place, lowest, shape))

    def ranking(self, weights: Floats, cells: Mask) -> Ranking:
        """The ranking of draws in which videos count ``weights`` times: (V, B) -> (bins, B)."""
        counts = np.zeros((2, len(self.scores), weights.shape[1]))
        for cell in np.flatnonzero(cells):
            counts[int(self.fake[cell])] += self.tables[cell] @ weights[self.videos[cell]]
        return Ranking(self.scores, *counts)


def _table(
    items: Items, rows: Numbers, place: Numbers, lowest: Floats, shape: tuple[int, int]
) -> sparse.csc_array:
    """How many of these rows lie in each bin of each video, of the smallest type that holds it."""
    bins = np.searchsorted(lowest, items.score[rows], side="right").astype(np.int32)
    np.subtract(len(lowest), bins, out=bins)
    index = bins, place[items.owner[rows]]
    del rows  # a long table: nothing may stay that is needed no more
    table = sparse.csc_array((np.ones(len(bins), np.int32), index), shape=shape)
    return table.astype(np.min_scalar_type(int(table.data.max(initial=0))))


def _score_bins(ranking: Ranking) -> tuple[Floats, Floats]:
    """Bins that are finer where scores are high: lowest score, rising, and mean score, falling."""
    reals, total = int(ranking.real.sum()), int(ranking.real.sum()) + int(ranking.fake.sum())
    lowest, sums, counts = np.zeros((3, BINS + 1))
    for piece in ranking.pieces():
        items = piece.real + piece.fake
        number = np.arange(len(items))
        if total > BINS:
            before = np.cumsum(items) - items + sum(piece.before)
            rare = np.log1p(np.cumsum(piece.real) - piece.real + piece.before[0])
            rare /= math.log1p(max(reals, 1))
            number = ((BINS - 1) * (before / total + rare) / 2).astype(np.int64)
            number += piece.scores < THRESHOLD  # no bin on both sides
        lowest[number] = piece.scores  # of scores in one bin the last, which is the lowest
        sums += np.bincount(number, piece.scores * items, BINS + 1)
        counts += np.bincount(number, items, BINS + 1)
    used = counts > 0
    return lowest[used][::-1].copy(), sums[used] / counts[used]
