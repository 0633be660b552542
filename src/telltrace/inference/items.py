"""What a calibration is fitted on: pictures and videos of a scores table, and what each counts."""

import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from telltrace.evaluation.calibration import Calibration
from telltrace.evaluation.columns import VIDEO_KEY
from telltrace.evaluation.thresholds import Sample, summarise_sample
from telltrace.inference.rule import FEW, Series
from telltrace.inference.timeline import windows

Floats = NDArray[np.float64]

LENGTH = 1.0
"""Seconds of a window."""


class Group(NamedTuple):
    """Items that are judged alike, pictures or videos."""

    labels: NDArray[np.int64]
    margins: Floats
    """Fake logit less real logit; of a video, that of its looks as one."""
    weights: Floats
    """What each counts: each source of a class the same in sum, and so does each class."""
    sources: int

    def of(self, label: int) -> tuple[Floats, Floats]:
        """Margins and weights of one class."""
        return self.margins[self.labels == label], self.weights[self.labels == label]


@dataclass(frozen=True, eq=False)
class Items:
    """Pictures and videos of one table, all of them judged."""

    table: pd.DataFrame
    """Rows with a score, and the column ``margin``."""
    moving: NDArray[np.bool_]
    """Which rows are frames of a video."""
    calibration: Calibration
    """It says how the looks of a video become one."""

    @classmethod
    def of(cls, table: pd.DataFrame, margins: Floats, calibration: Calibration) -> "Items":
        """Tell pictures and videos apart: a video has rows of several frames or moments."""
        rows = table.assign(margin=margins).reset_index(drop=True)
        keys = [*VIDEO_KEY, "track"] if "track" in rows else VIDEO_KEY
        rows["item"] = rows.groupby(keys, sort=True).ngroup()
        each = rows.groupby("item")
        several = (each["frame"].transform("nunique") > 1) | (each["time"].transform("nunique") > 1)
        return cls(rows, several.to_numpy(dtype=bool), calibration)

    @property
    def frames(self) -> pd.DataFrame:
        """Rows of videos, one after the other, each in the order of time."""
        return self.table[self.moving].sort_values(["item", "time", "frame"], kind="stable")

    @property
    def stills(self) -> pd.DataFrame:
        """Rows of pictures; without pictures of both classes, the middle frames of videos too."""
        stills, frames = self.table[~self.moving], self.frames
        if stills["label"].nunique() == 2:
            return stills
        each = frames.groupby("item")["item"]
        return pd.concat([stills, frames[each.cumcount() == each.transform("size") // 2]])

    def looks(self) -> Group:
        """What the curve of a single look is fitted on: pictures, or without them all frames."""
        stills = self.table[~self.moving]
        return group(stills if stills["label"].nunique() == 2 else self.table)

    def pictures(self) -> Group:
        """What the thresholds of a picture are chosen on."""
        return group(self.stills)

    def videos(self) -> Group | None:
        """Videos with the margins of all their looks as one; None where there are none."""
        frames = self.table[self.moving]
        if frames.empty:
            return None
        how: dict[str, Any] = dict.fromkeys(("dataset", "method", "label"), "first")
        how["margin"] = self.calibration.pool
        return group(frames.groupby("item").agg(how))

    def series(self) -> list[Series]:
        """The looks of each video, in the order of :meth:`videos`."""
        found = []
        for _, rows in self.frames.groupby("item"):
            times, margins = (rows[name].to_numpy(np.float64) for name in ("time", "margin"))
            if np.isnan(times).any() or not np.ptp(times):  # no window shall hold two
                times = np.arange(len(rows), dtype=np.float64) * (2 * LENGTH)
            found.append(Series(times, margins[:, None], np.ones(len(rows), dtype=bool)))
        return found


def group(rows: pd.DataFrame) -> Group:
    """Items with weights."""
    labels = rows["label"].to_numpy(np.int64)
    method = rows["method"].where(rows["label"] == 1, "")
    source = pd.MultiIndex.from_arrays([rows["label"], rows["dataset"], method])
    codes, names = pd.factorize(source)
    classes = np.array([label for label, *_ in names], dtype=np.int64)
    sources = np.bincount(classes, minlength=2)
    weights = 1 / (np.bincount(codes)[codes] * sources[labels])
    weights *= len(rows) / weights.sum()
    return Group(labels, rows["margin"].to_numpy(np.float64), weights, len(names))


def window_sample(labels: NDArray[np.int64], series: list[Series]) -> tuple[Sample, float] | None:
    """Mean margins of single seconds of real videos, and their deviation within a video.

    Each video counts the same, and the size is that of the videos: seconds of one are no separate
    draws. None where fewer than two real videos have a second with enough looks.
    """
    means: list[Floats] = []
    for looks in itertools.compress(series, labels == 0):
        full = (looks.margins[window] for window in windows(looks.times, LENGTH))
        values = np.array([margins.mean() for margins in full if len(margins) >= FEW])
        means += [values] if len(values) else []
    if len(means) < 2:
        return None
    lengths = np.array([len(values) for values in means])
    weights = np.repeat(1 / lengths, lengths)
    spread = np.concatenate([values - values.mean() for values in means])
    within = np.sqrt(np.average(np.square(spread), weights=weights))
    return summarise_sample(np.concatenate(means), weights, float(len(means))), float(within)
