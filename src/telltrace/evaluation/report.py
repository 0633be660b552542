"""The report: every metric of a scores table, per frame and per video, whole and by method."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .intervals import Interval
from .judging import ENOUGH_PEOPLE, Judged, judge
from .metrics import THRESHOLD, Measure
from .table import ScoreTable, compact_scores, load_scores
from .videos import Aggregation, aggregate_scores, identity_groups, people

SCHEMA: Final = "telltrace.evaluation/1"
"""Version of :meth:`Report.to_dict`: a new number where a field changes its meaning or goes."""

FEW_CLUSTERS: Final = 10
"""Groups of people, or videos in a class, below which a report calls its intervals too narrow."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Level:
    """What the frames, tracks or videos of a group amount to. Metrics are over the judged ones."""

    total: int
    judged: int
    reals: int
    fakes: int
    metrics: dict[str, Measure]
    interval: Interval | None
    """Of the AUC."""
    interval_reason: str | None
    drawn: Literal["people", "videos"]
    """The clusters that the intervals draw."""
    intervals: dict[str, Interval] = field(default_factory=dict)
    """Of every metric that has one, by its name."""
    as_wrong: dict[str, Measure] = field(default_factory=dict)
    """AUC, accuracy and balanced accuracy if what was not judged counts as judged wrongly."""

    @property
    def coverage(self) -> float | None:
        """Share that was judged; None of nothing."""
        return self.judged / self.total if self.total else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "judged": self.judged,
            "coverage": self.coverage,
            "reals": self.reals,
            "fakes": self.fakes,
            "metrics": {name: m.value for name, m in self.metrics.items()},
            "undefined": {name: m.reason for name, m in self.metrics.items() if m.reason},
            "unjudged_as_wrong": {name: m.value for name, m in self.as_wrong.items()},
            "auc_interval": {**asdict(self.interval), "drawn": self.drawn}
            if self.interval
            else None,
            "auc_interval_undefined": self.interval_reason,
            "intervals": {name: [i.low, i.high] for name, i in self.intervals.items()},
        }


@dataclass(frozen=True)
class Group:
    """A part of the table; None means that every dataset, compression or method is in it.

    The group of a method holds its fakes and all reals of the same dataset and compression.
    """

    dataset: str | None
    compression: str | None
    method: str | None
    people: int
    frames: Level
    videos: Level
    tracks: Level | None = None
    """None where the table names no tracks."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "compression": self.compression,
            "method": self.method,
            "people": self.people,
            "frames": self.frames.to_dict(),
            "videos": self.videos.to_dict(),
            "tracks": self.tracks.to_dict() if self.tracks else None,
        }


@dataclass(frozen=True)
class Report:
    """Every metric of a scores table, and what a reader must know to trust it."""

    aggregation: Aggregation
    top: int | None
    """How many frames "top-k" takes; None where the aggregation is another."""
    splits: tuple[str, ...]
    overall: Group
    sets: tuple[Group, ...]
    """One a dataset and compression, in order."""
    methods: tuple[Group, ...]
    """One a dataset, compression and method, in order."""
    notes: tuple[str, ...]
    unjudged: dict[str, int] = field(default_factory=dict)
    """Rows without a score by their status; "" where it is not said."""

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON holds it: None for what is undefined, never NaN."""
        return {
            "schema": SCHEMA,
            "aggregation": self.aggregation,
            "top": self.top,
            "threshold": THRESHOLD,
            "splits": list(self.splits),
            "overall": self.overall.to_dict(),
            "sets": [group.to_dict() for group in self.sets],
            "methods": [group.to_dict() for group in self.methods],
            "unjudged": self.unjudged,
            "notes": list(self.notes),
        }


def evaluate_scores(
    scores: pd.DataFrame | str | Path | ScoreTable,
    aggregation: Aggregation = "mean",
    *,
    top: int = 5,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    draw: Literal["auto", "people", "videos"] = "auto",
) -> Report:
    """Judge a detector by its scores.

    Args:
        scores: A scores table, or the file that holds it; a file may be of any length.
        aggregation: How the frames of a video, or of a track, become its score.
        top: How many frames "top-k" takes.
        replicates: Draws behind every interval.
        level: How often intervals hold the truth.
        seed: Seed of the draws.
        draw: What the intervals draw: people (groups of those who share a video), videos, or
            people wherever both classes have five groups of them.

    Raises:
        ScoresError: If the table is wrong; the message names the row and the remedy.
    """
    table = _table(scores)
    linked = None if draw == "videos" else identity_groups(table.videos)
    if linked is None and draw == "people":
        raise ValueError("Some videos do not say who is in them. Name them, or draw videos.")
    keys = ["dataset", "compression", "method"]
    videos = table.videos
    fakes = videos.loc[videos["label"] == 1, keys].drop_duplicates().sort_values(keys)
    sets = videos[keys[:2]].drop_duplicates().sort_values(keys[:2])
    names = [*sets.assign(method=None).itertuples(index=False, name=None)]
    names += [*fakes.itertuples(index=False, name=None)]
    if len(sets) > 1:
        names.insert(0, (None, None, None))
    enough = 2 if draw == "people" else ENOUGH_PEOPLE
    draws = {"replicates": replicates, "level": level, "seed": seed, "enough": enough}
    groups = _groups(table, names, aggregation, top, linked, draws)
    overall = groups.pop(0) if len(sets) > 1 else replace(groups[0], dataset=None, compression=None)
    of_sets, splits = tuple(groups[: len(sets)]), tuple(sorted(set(videos["split"])))
    return Report(
        aggregation,
        top if aggregation == "top-k" else None,
        splits,
        overall,
        of_sets,
        tuple(groups[len(sets) :]),
        tuple(_notes(overall, of_sets, splits)),
        table.unjudged,
    )


def _table(scores: pd.DataFrame | str | Path | ScoreTable) -> ScoreTable:
    if isinstance(scores, ScoreTable):
        return scores
    return compact_scores(scores) if isinstance(scores, pd.DataFrame) else load_scores(scores)


def _groups(
    table: ScoreTable,
    names: list[tuple[str | None, str | None, str | None]],
    aggregation: Aggregation,
    top: int,
    linked: NDArray[np.int64] | None,
    draws: dict[str, Any],
) -> list[Group]:
    """Judge every named group, level by level."""
    videos, count = table.videos, len(table.videos)
    cell = videos.groupby(["dataset", "compression", "method", "label"], sort=True).ngroup()
    first = videos.assign(cell=cell).drop_duplicates("cell").sort_values("cell")
    inside = [members(first, *name) for name in names]
    label, place = videos["label"].to_numpy(np.int8), cell.to_numpy(np.int64)
    scores: dict[str, tuple[Any, Any]] = {"frames": (table.score, table.video)}
    if table.track is not None:
        of = table.track_video
        scores["tracks"] = (
            aggregate_scores(table.track, table.score, len(of), aggregation, top),
            of,
        )
    of_videos = aggregate_scores(table.video, table.score, count, aggregation, top)
    scores["videos"] = (of_videos, np.arange(count, dtype=np.int32))
    found = {
        name: [_level(x) for x in judge(*pair, label, place, inside, linked, **draws)]
        for name, pair in scores.items()
    }
    tracks = found.get("tracks", [None] * len(names))
    persons = [len(people(videos[cells[place]])) for cells in inside]
    return [
        Group(*name, n, frames, whole, track)
        for name, n, frames, whole, track in zip(
            names, persons, found["frames"], found["videos"], tracks, strict=True
        )
    ]


def _level(x: Judged) -> Level:
    return Level(
        x.total, x.judged, x.reals, x.fakes, x.metrics, x.intervals.get("auc"), x.interval_reason,
        x.drawn, x.intervals, x.as_wrong,
    )  # fmt: skip


def members(
    table: pd.DataFrame, dataset: str | None, compression: str | None, method: str | None
) -> Mask:
    """Which rows of a table of frames or videos are in a :class:`Group` of these names."""
    inside = np.ones(len(table), dtype=bool)
    if dataset is not None:
        inside &= (table["dataset"] == dataset).to_numpy()
    if compression is not None:
        inside &= (table["compression"] == compression).to_numpy()
    if method is not None:
        inside &= ((table["method"] == method) | (table["label"] == 0)).to_numpy()
    return inside


def _notes(overall: Group, sets: tuple[Group, ...], splits: tuple[str, ...]) -> list[str]:
    notes = []
    frames, videos = overall.frames, overall.videos
    if frames.judged < frames.total:
        notes.append(
            f"{frames.total - frames.judged} of {frames.total} frames and "
            f"{videos.total - videos.judged} of {videos.total} videos could not be judged: "
            "they count in no metric; `unjudged as wrong` says what they could cost."
        )
    if len(splits) > 1:
        notes.append(f"Several splits are mixed: {', '.join(s or '(none)' for s in splits)}.")
    if "train" in splits:
        notes.append("The training split is among it: a detector trained on that is flattered.")
    if len(sets) > 1:
        notes.append(
            f"`all` pools {len(sets)} sets; it also rewards telling these apart. Trust each set."
        )
    if videos.interval is not None:
        notes += _interval_notes(videos, videos.interval)
    return notes


def _interval_notes(videos: Level, interval: Interval) -> list[str]:
    notes, few, basis = [], interval.clusters, f"{interval.clusters} groups of people"
    if videos.drawn == "videos":
        notes.append(
            f"Intervals draw videos: fewer than {ENOUGH_PEOPLE} unrelated groups of people in a "
            "class, or people unnamed. They do not speak of people not seen here."
        )
        few = min(videos.reals, videos.fakes)
        basis = f"{videos.reals} real and {videos.fakes} fake videos"
    if few < FEW_CLUSTERS:
        notes.append(
            f"Intervals rest on {basis}: too few, the truth lies outside more often than they say."
        )
    return notes
