"""Which rows, or else which videos, of two scores tables are the same."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from telltrace.errors import ManifestError

from .compact import ScoreTable
from .scores import REAL

Rows = NDArray[np.intp]


class Pairs(NamedTuple):
    """The items that two tables share, in the first one's order."""

    first: Rows
    second: Rows
    """Numbers in either table, (M,)."""
    frames: bool = True
    """Of rows; False where only the videos are the same."""


def pair_rows(first: ScoreTable, second: ScoreTable) -> tuple[Rows, Rows]:
    """Row numbers of the items that two tables share, (M,) each, in the first table's order.

    An item is a video, path and frame; several faces in one frame are paired in their order. A
    ManifestError says that there are none.
    """
    assert first.item is not None
    assert second.item is not None
    rows = _shared(first.item, second.item)
    if not len(rows[0]):
        remedy = "Predict the same manifest with both, or name the same videos in both."
        raise ManifestError("The two tables share no item", remedy=remedy)
    return rows


def pair_items(first: ScoreTable, second: ScoreTable) -> Pairs:
    """The same of tables of different origin: where no row is the same, frames or videos may be.

    Paths are then left out, and what only one table says of its videos. Frames are paired if half
    of the rows of the shorter table have a partner, else videos.
    """
    try:
        return Pairs(*pair_rows(first, second))
    except ManifestError:
        if not (first.names_videos and second.names_videos):
            raise
        videos = _pair_videos(first.videos, second.videos)
        if not len(videos[0]):
            raise
    place = np.full(len(second.videos), -1)
    place[videos[1]] = videos[0]
    names, chosen = [], []
    for table, video in ((first, first.video), (second, place[second.video])):
        assert table.frame is not None
        rows = np.flatnonzero((video >= 0) & (table.frame >= 0))
        frames = table.frame[rows].astype(np.uint64)
        names.append((video[rows].astype(np.uint64) << np.uint64(32)) + frames)
        chosen.append(rows)
    one, other = _shared(*names)
    if len(one) and 2 * len(one) >= min(len(first.score), len(second.score)):
        return Pairs(chosen[0][one], chosen[1][other])
    return Pairs(*videos, frames=False)


def _pair_videos(first: pd.DataFrame, second: pd.DataFrame) -> tuple[Rows, Rows]:
    """Numbers of the videos that are alike in all that both tables say of them."""
    columns = ["video", "label"]
    for column in ("dataset", "method", "compression"):
        said = [set(table[column]) - {"", REAL, "fake"} for table in (first, second)]
        columns += [column] if all(said) else []
    keys = [pd.MultiIndex.from_frame(table[columns]) for table in (first, second)]
    for key, other in (keys, keys[::-1]):
        if (twice := key.duplicated() & key.isin(other)).any():
            name = key[twice][0][0]
            remedy = "Name the data set, method and compression of the videos in both."
            raise ManifestError(f"Several videos of one table are called {name}", remedy=remedy)
    place = keys[1].get_indexer(keys[0])
    found = np.flatnonzero(place >= 0)
    return found, place[found]


def _shared(first: NDArray[Any], second: NDArray[Any]) -> tuple[Rows, Rows]:
    """Where equal numbers stand in both, in the first one's order; the n-th goes with the n-th."""
    _, a, b = np.intersect1d(_nth(first), _nth(second), return_indices=True)
    order = np.argsort(a)
    return a[order], b[order]


def _nth(item: NDArray[Any]) -> NDArray[np.uint64]:
    """A number for each row that is the same in every table; (N,)."""
    order = np.argsort(item, kind="stable")
    ordered = item[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(item) else order
    occurrence = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    names = np.empty(len(item), np.uint64)
    names[order] = ordered + occurrence.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return names
