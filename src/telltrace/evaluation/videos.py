"""The videos of a table: their numbers, one score for all frames, and which share people."""

from collections.abc import Hashable, Iterable
from sys import intern
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from telltrace.errors import ManifestError, OptionError, check_positive

from .calibration import margins
from .columns import VIDEO_KEY
from .odds import expit
from .pooling import confident
from .ranking import Floats

Aggregation = Literal["mean", "max", "median", "top-k", "logits", "confident"]
Rows = NDArray[np.int64] | NDArray[np.int32]

OF_VIDEO = [*VIDEO_KEY, "identity", "split"]
"""What is the same in all rows of a video."""
_BLOCK = 500_000
"""Scores that are aggregated at a time."""


class Videos:
    """The videos of a table that comes in parts, numbered in the order in which they appear."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: list[tuple[str, ...]] = []
        """``OF_VIDEO`` of each video."""
        self._number: dict[tuple[str, ...], dict[str, int]] = {}

    def add(self, part: pd.DataFrame, first: int = 0) -> NDArray[np.int32]:
        """Each row's video, (N,), or a ManifestError; ``first`` rows came before these."""
        code, rows = number_rows(part, OF_VIDEO)
        found = zip(*(texts_of(part[column], rows) for column in OF_VIDEO), strict=True)
        numbers = [self._add(one, first + row) for one, row in zip(found, rows, strict=True)]
        return np.array(numbers, np.int32)[code]

    def _add(self, found: tuple[str, ...], row: int) -> int:
        *key, video, _, _ = found
        number = self._number.setdefault(tuple(key), {}).setdefault(video, len(self.found))
        if number == len(self.found):
            self.found.append(found)
        for column, new, old in zip(OF_VIDEO, found, self.found[number], strict=True):
            if new != old:
                what = f"row {row + 2}: {column} is {new!r}, but an earlier row of the same video"
                fix = f"One video has one {column}: correct the row, or give the videos different"
                raise ManifestError(f"{what} has {old!r}", remedy=f"{fix} names.", path=self.name)
        return number


def number_rows(
    part: pd.DataFrame, columns: list[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Number the distinct rows of some columns: the number of each row, the first row of each."""
    groups = part.groupby(columns, sort=False, observed=True)
    number = np.asarray(groups.ngroup(), dtype=np.intp)
    return number, np.unique(number, return_index=True)[1]


def texts_of(column: pd.Series, rows: NDArray[np.intp]) -> list[str]:
    """The cells of some rows; equal texts are held once."""
    return [intern(str(text)) for text in column.iloc[rows].astype(object)]


def aggregate_scores(
    video: Rows, scores: Floats, count: int, how: Aggregation = "mean", top: int = 5
) -> Floats:
    """One score a video from the scores of its frames; "top-k" is the mean of the ``top`` highest.

    "logits" is the probability of the mean log odds, "confident" as of
    :func:`~telltrace.evaluation.pooling.confident`. An unknown ``how``, or a ``top`` below 1, is
    an OptionError.

    Shape:
        The number of each score's video and the scores, (N,), NaN where a frame could not be
        judged; V videos give (V,), NaN for a video of which no frame could be judged.
    """
    if how not in get_args(Aggregation):
        raise OptionError(f"aggregation is {how!r}; expected one of {get_args(Aggregation)}")
    check_positive(top=top)
    if how == "mean":
        return _mean(video, scores, count)
    if how == "logits":
        return np.asarray(expit(_mean(video, margins(scores), count)))
    known = pd.Series(scores).dropna()
    if how != "top-k":
        found = known.groupby(video[known.index]).agg(confident if how == "confident" else how)
        return found.reindex(range(count)).to_numpy(np.float64)
    known = known.sort_values()
    rows = known.groupby(video[known.index]).tail(top).index
    return _mean(video[rows], scores[rows], count)


def _mean(of: Rows, scores: Floats, count: int) -> Floats:
    """Means in one pass, which need no order of the rows."""
    sums, items = np.zeros(count), np.zeros(count, dtype=np.int64)
    for start in range(0, len(of), _BLOCK):
        s = scores[start : start + _BLOCK]
        known = ~np.isnan(s)
        rows = of[start : start + _BLOCK][known]
        np.add.at(sums, rows, s[known])
        np.add.at(items, rows, 1)
    return np.divide(sums, items, out=np.full(count, np.nan), where=items > 0)


def people(videos: pd.DataFrame) -> set[tuple[str, str]]:
    """Every (dataset, person) named in the videos' identities."""
    names = zip(videos["dataset"], videos["identity"], strict=True)
    return {(data, one) for data, all_ in names for one in all_.split("+") if one}


def identity_groups(videos: pd.DataFrame) -> NDArray[np.int64] | None:
    """Number videos so that two share a number if people link them, however indirectly.

    A forgery of 183 with the face of 253 links the videos of both. Videos of one group are not
    independent; a fair interval draws groups. (V,), from 0; None where a video does not say who is
    in it.
    """
    if len(videos) == 0 or (videos["identity"] == "").any():
        return None
    names = zip(videos["dataset"], videos["identity"], strict=True)
    return connected_groups([(data, one) for one in text.split("+")] for data, text in names)


def connected_groups(members: Iterable[Iterable[Hashable]]) -> NDArray[np.int64]:
    """Number sets so that two share a number if members link them, however indirectly."""
    sets = [list(each) for each in members]
    number: dict[Hashable, int] = {}
    count, rows = len(sets), np.repeat(np.arange(len(sets)), [len(each) for each in sets])
    named = [count + number.setdefault(one, len(number)) for each in sets for one in each]
    size = count + len(number)
    links = coo_array((np.ones(len(rows)), (rows, np.array(named, int))), (size, size))
    group = connected_components(links, directed=False)[1][:count]
    return np.unique(group, return_inverse=True)[1].astype(np.int64)
