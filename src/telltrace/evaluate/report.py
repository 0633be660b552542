"""The report: every metric of a scores table, per frame and per video, whole and by method."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .intervals import Interval, bootstrap_auc
from .metrics import THRESHOLD, Measure, UndefinedError, measure
from .scores import check_scores
from .videos import Aggregation, aggregate_scores, identity_groups, index_videos, people

SCHEMA: Final = "telltrace.evaluation/1"
"""Version of :meth:`Report.to_dict`: a new number where a field changes its meaning or goes."""

ENOUGH_PEOPLE: Final = 5
"""Groups of people needed in either class before an interval draws people instead of videos."""

FEW_CLUSTERS: Final = 10
"""Groups of people, or videos in a class, below which a report calls its intervals too narrow."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Level:
    """What the frames, or the videos, of a group amount to. Metrics are over the judged ones."""

    total: int
    judged: int
    reals: int
    fakes: int
    metrics: dict[str, Measure]
    interval: Interval | None
    """Of the AUC."""
    interval_reason: str | None
    drawn: Literal["people", "videos"]
    """The clusters that the interval draws."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "judged": self.judged,
            "reals": self.reals,
            "fakes": self.fakes,
            "metrics": {name: m.value for name, m in self.metrics.items()},
            "undefined": {name: m.reason for name, m in self.metrics.items() if m.reason},
            "auc_interval": {**asdict(self.interval), "drawn": self.drawn}
            if self.interval
            else None,
            "auc_interval_undefined": self.interval_reason,
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

    def to_dict(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "compression": self.compression,
            "method": self.method,
            "people": self.people,
            "frames": self.frames.to_dict(),
            "videos": self.videos.to_dict(),
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
            "notes": list(self.notes),
        }


def evaluate_scores(
    scores: pd.DataFrame,
    aggregation: Aggregation = "mean",
    *,
    top: int = 5,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Report:
    """Judge a detector by its scores.

    Args:
        scores: Scores table, as :func:`~telltrace.evaluate.read_scores` gives it.
        aggregation: How the frames of a video become its score.
        top: How many frames "top-k" takes.
        replicates: Draws behind every interval.
        level: Share of the draws that an interval holds.
        seed: Seed of the draws.

    Raises:
        ScoresError: If the table is wrong; the message names the row and the remedy.
    """
    table = check_scores(scores)
    judge = _Judge(
        table, aggregation, top, {"replicates": replicates, "level": level, "seed": seed}
    )
    keys = ["dataset", "compression", "method"]
    fakes = judge.videos.loc[judge.label == 1, keys].drop_duplicates().sort_values(keys)
    sets = judge.videos[keys[:2]].drop_duplicates().sort_values(keys[:2])
    of_sets = tuple(judge.group(*row) for row in sets.itertuples(index=False))
    overall = (
        judge.group() if len(of_sets) > 1 else replace(of_sets[0], dataset=None, compression=None)
    )
    splits = tuple(sorted(set(table["split"])))
    return Report(
        aggregation,
        top if aggregation == "top-k" else None,
        splits,
        overall,
        of_sets,
        tuple(judge.group(*row) for row in fakes.itertuples(index=False)),
        tuple(_notes(overall, of_sets, splits)),
    )


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


class _Judge:
    """A scores table as vectors, from which any group of videos can be judged."""

    def __init__(
        self, table: pd.DataFrame, aggregation: Aggregation, top: int, draws: dict[str, Any]
    ) -> None:
        self.videos, self.video = index_videos(table)
        self.label = self.videos["label"].to_numpy(np.int8)
        self.score = table["score"].to_numpy(np.float64)
        self.video_score = aggregate_scores(
            self.video, self.score, len(self.videos), aggregation, top
        )
        self.linked = identity_groups(self.videos)
        self.draws = draws

    def group(
        self,
        dataset: str | None = None,
        compression: str | None = None,
        method: str | None = None,
    ) -> Group:
        inside = members(self.videos, dataset, compression, method)
        rows = self.video[inside[self.video]]
        return Group(
            dataset,
            compression,
            method,
            len(people(self.videos[inside])),
            self._level(rows, self.score[inside[self.video]]),
            self._level(np.flatnonzero(inside), self.video_score[inside]),
        )

    def _level(self, videos: NDArray[np.int64], scores: NDArray[np.float64]) -> Level:
        judged = ~np.isnan(scores)
        of, kept = videos[judged], scores[judged]
        labels = self.label[of]
        drawn, clusters = self._clusters(of, labels)
        interval, reason = None, None
        try:
            interval = bootstrap_auc(labels, kept, clusters, **self.draws)
        except UndefinedError as error:
            reason = str(error)
        fakes = int(labels.sum())
        return Level(
            len(scores),
            len(kept),
            len(kept) - fakes,
            fakes,
            measure(labels, kept),
            interval,
            reason,
            drawn,
        )

    def _clusters(
        self, videos: NDArray[np.int64], labels: NDArray[np.int8]
    ) -> tuple[Literal["people", "videos"], NDArray[np.int64]]:
        """Groups of linked people where there are enough of them in both classes, or videos."""
        if self.linked is not None:
            groups = self.linked[videos]
            if min(len(np.unique(groups[labels == k])) for k in (0, 1)) >= ENOUGH_PEOPLE:
                return "people", groups
        return "videos", videos


def _notes(overall: Group, sets: tuple[Group, ...], splits: tuple[str, ...]) -> list[str]:
    notes = []
    frames, videos = overall.frames, overall.videos
    if frames.judged < frames.total:
        notes.append(
            f"{frames.total - frames.judged} of {frames.total} frames and "
            f"{videos.total - videos.judged} of {videos.total} videos could not be judged: "
            "they count in no metric."
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
