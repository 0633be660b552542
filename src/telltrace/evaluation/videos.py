"""One score for all frames of a video, and which videos share people."""

import math
from collections.abc import Hashable, Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from telltrace.errors import OptionError

from .ranking import Floats

Aggregation = Literal["mean", "max", "median", "top-k"]
Rows = NDArray[np.int64] | NDArray[np.int32]

_BLOCK = 500_000
"""Scores that are aggregated at a time."""


def aggregate_scores(
    video: Rows, scores: Floats, count: int, how: Aggregation = "mean", top: int = 5
) -> Floats:
    """One score a video from the scores of its frames; "top-k" is the mean of the ``top`` highest.

    Shape:
        The number of each score's video and the scores, (N,), NaN where a frame could not be
        judged; V videos give (V,), NaN for a video of which no frame could be judged.

    Raises:
        OptionError: If ``how`` is unknown or ``top`` is below 1.

    Examples:
        >>> aggregate_scores(np.array([0, 0, 2]), np.array([0.25, 0.75, 1.0]), 3).tolist()
        [0.5, nan, 1.0]
    """
    if how not in get_args(Aggregation):
        raise OptionError(f"aggregation is {how!r}; expected one of {get_args(Aggregation)}")
    if top < 1:
        raise OptionError(f"top is {top}; expected at least 1 frame")
    if how == "mean":
        return _mean(video, scores, count)
    values = np.full(count, np.nan)
    step = max(1, math.ceil(count * _BLOCK / max(len(video), 1)))
    order = np.argsort(video, kind="stable") if (video[1:] < video[:-1]).any() else None
    for first in range(0, count, step):
        ends = np.searchsorted(video, np.array([first, first + step], video.dtype), sorter=order)
        rows = slice(*ends) if order is None else order[slice(*ends)]
        of, s = video[rows] - first, scores[rows]
        known = ~np.isnan(s)
        size = min(step, count - first)
        values[first : first + size] = _aggregate(of[known], s[known], size, how, top)
    return values


def _mean(of: Rows, scores: Floats, count: int) -> Floats:
    """Means in one pass, which need no order of the rows."""
    sums, items = np.zeros(count), np.zeros(count, dtype=np.int64)
    for start in range(0, len(of), _BLOCK):
        s = scores[start : start + _BLOCK]
        known = ~np.isnan(s)
        rows = of[start : start + _BLOCK][known]
        np.add.at(sums, rows, s[known])
        items += np.bincount(rows, minlength=count)
    return np.divide(sums, items, out=np.full(count, np.nan), where=items > 0)


def _aggregate(of: Rows, s: Floats, count: int, how: Aggregation, top: int) -> Floats:
    items = np.bincount(of, minlength=count)
    s = s[np.lexsort((s, of))]
    stop = np.cumsum(items)
    if how == "median":
        middle = (stop - items)[:, None] + np.stack([(items - 1) // 2, items // 2], axis=1)
        found = np.append(s, np.nan)[np.minimum(middle, len(s))].mean(1)
        return np.where(items > 0, found, np.nan)
    kept = np.minimum(items, 1 if how == "max" else top)
    high = np.arange(len(s)) >= np.repeat(stop - kept, items)
    return _mean(np.repeat(np.arange(count), items)[high], s[high], count)


def people(videos: pd.DataFrame) -> set[tuple[str, str]]:
    """Every (dataset, person) named in the videos' identities."""
    names = zip(videos["dataset"], videos["identity"], strict=True)
    return {(data, one) for data, all_ in names for one in all_.split("+") if one}


def identity_groups(videos: pd.DataFrame) -> NDArray[np.int64] | None:
    """Number videos so that two share a number if people link them, however indirectly.

    A forgery of 183 with the face of 253 holds both, so it links their videos. Videos of one
    group are not independent; a fair interval draws groups, not videos. The numbers count from
    0, (V,); None where a video does not say who is in it.
    """
    if len(videos) == 0 or (videos["identity"] == "").any():
        return None
    names = zip(videos["dataset"], videos["identity"], strict=True)
    return connected_groups([[(data, one) for one in all_.split("+")] for data, all_ in names])


def connected_groups(members: Sequence[Sequence[Hashable]]) -> NDArray[np.int64]:
    """Number sets so that two share a number if members link them, however indirectly.

    Examples:
        >>> connected_groups(["ab", "c", "bd", "d"]).tolist()
        [0, 1, 0, 0]
    """
    number: dict[Hashable, int] = {}
    edges = [
        (row, len(members) + number.setdefault(one, len(number)))
        for row, each in enumerate(members)
        for one in each
    ]
    at, size = np.array(edges).reshape(-1, 2), len(members) + len(number)
    links = coo_array((np.ones(len(at)), (at[:, 0], at[:, 1])), shape=(size, size))
    group = connected_components(links, directed=False)[1][: len(members)]
    return np.unique(group, return_inverse=True)[1].astype(np.int64)
