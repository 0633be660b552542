"""The report: every metric of a scores table, per frame and per video, whole and by method."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from .compact import LevelName, Scores, ScoreTable, compact_scores
from .groups import ENOUGH_PEOPLE, Level, judge_groups
from .items import Items, Mask, Numbers
from .metrics import METRICS, THRESHOLD, Measure
from .ranking import Floats, Ranking
from .scores import Columns
from .videos import Aggregation, identity_groups, people

SCHEMA: Final = "telltrace.evaluation/1"
"""Version of :meth:`Report.to_dict`: a new number where a field changes its meaning or goes."""

FEW_CLUSTERS: Final = 10
"""Groups of people, or videos in a class, below which a report calls its intervals too narrow."""

_KEYS = ["dataset", "compression", "method"]
Names = tuple[str | None, str | None, str | None]
"""Of a :class:`Group`."""


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

    @property
    def set_name(self) -> str:
        """Its dataset and compression, as far as they are named."""
        return " ".join(part for part in (self.dataset, self.compression) if part)

    def ranking(self, table: ScoreTable, score: Floats, owner: Numbers) -> Ranking:
        """This group's judged items of one :meth:`ScoreTable.level`, by falling score."""
        inside = members(table.videos, (self.dataset, self.compression, self.method))
        items = Items(score, owner, table.labels, inside.astype(np.int8))
        return items.ranking(np.array([False, True]))

    def to_dict(self) -> dict[str, Any]:
        return {k: v.to_dict() if isinstance(v, Level) else v for k, v in vars(self).items()}


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

    @property
    def how(self) -> str:
        """How a video's score comes from its frames', in words."""
        return self.aggregation if self.top is None else f"mean of the {self.top} highest"

    def by_set(self) -> list[tuple[Group, list[Group]]]:
        """Each set with its methods."""
        methods = self.methods
        return [(part, [g for g in methods if g.set_name == part.set_name]) for part in self.sets]

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON holds it: None for what is undefined, never NaN."""
        found = {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}
        for name in ("sets", "methods"):
            found[name] = [group.to_dict() for group in found[name]]
        found["overall"] = self.overall.to_dict()
        return {"schema": SCHEMA, "threshold": THRESHOLD, **found}


def evaluate(
    scores: Scores,
    *,
    columns: Columns | None = None,
    aggregation: Aggregation = "mean",
    top: int = 5,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Report:
    """Judge a detector by its scores.

    Args:
        scores: A scores table with ``label`` (0 real, 1 fake) and ``score`` (probability of
            fake); the CSV or .parquet file that holds it, of any length; or arrays ``(labels,
            scores)`` or ``(labels, scores, groups)``, (N,) each, the groups being videos.
        columns: Columns that have other names there, ours to theirs.
        aggregation: How the frames of a video, or of a track, become its score.
        top: How many frames "top-k" takes.
        replicates: Draws behind every interval.
        level: How often intervals hold the truth.
        seed: Seed of the draws.

    Raises:
        ManifestError: If the table is wrong; the message names the row and the remedy.

    Examples:
        >>> found = evaluate(([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]))
        >>> found.overall.frames.metrics["auc"].value
        0.75
    """
    table = compact_scores(scores, columns)
    videos = table.videos
    sets = videos[_KEYS[:2]].drop_duplicates().sort_values(_KEYS[:2]).assign(method=None)
    fakes = videos.loc[videos["label"] == 1, _KEYS].drop_duplicates().sort_values(_KEYS)
    parts: list[Any] = [*sets.itertuples(index=False), *fakes.itertuples(index=False)]
    options = {"replicates": replicates, "level": level, "seed": seed}
    overall, *groups = _groups(table, [(None, None, None), *parts], aggregation, top, options)
    of_sets, of_methods = tuple(groups[: len(sets)]), tuple(groups[len(sets) :])
    splits, taken = tuple(sorted(set(videos["split"]))), top if aggregation == "top-k" else None
    notes = tuple(_notes(overall, len(sets), splits))
    return Report(aggregation, taken, splits, overall, of_sets, of_methods, notes, table.unjudged)


def _groups(
    table: ScoreTable, names: Sequence[Names], aggregation: Aggregation, top: int,
    options: dict[str, Any],
) -> list[Group]:  # fmt: skip
    """Judge every named group, level by level."""
    videos, linked = table.videos, identity_groups(table.videos)
    cell = videos.groupby([*_KEYS, "label"], sort=True).ngroup()
    first = videos.assign(cell=cell).drop_duplicates("cell").sort_values("cell")
    inside = [members(first, name) for name in names]
    place, rows = cell.to_numpy(np.int64), not table.names_videos

    def measure(name: LevelName) -> list[Level]:
        items = Items(*table.level(name, aggregation, top), table.labels, place)
        return judge_groups(items, inside, linked, rows=rows, **options)

    frames, why = measure("frames"), "needs the column `video`"
    unnamed = Level(0, 0, 0, 0, dict.fromkeys(METRICS, Measure(None, why)), interval_reason=why)
    whole = [unnamed] * len(names) if rows else measure("videos")
    tracks = [None] * len(names) if table.track is None else measure("tracks")
    persons = [len(people(videos[cells[place]])) for cells in inside]
    levels = zip(names, persons, frames, whole, tracks, strict=True)
    return [Group(*name, n, frame, video, track) for name, n, frame, video, track in levels]


def members(table: pd.DataFrame, names: Names) -> Mask:
    """Which rows of a table of videos are in a :class:`Group` of these names."""
    inside = np.ones(len(table), dtype=bool)
    for column, name in zip(_KEYS, names, strict=True):
        if name is not None:
            always = (column == "method") & (table["label"] == 0)
            inside &= ((table[column] == name) | always).to_numpy()
    return inside


def _notes(overall: Group, sets: int, splits: tuple[str, ...]) -> list[str]:
    frames, videos, interval = overall.frames, overall.videos, overall.videos.interval
    of_videos = interval is not None and videos.drawn == "videos"
    few, basis = min(videos.reals, videos.fakes), "{0.reals} real and {0.fakes} fake videos"
    if interval and not of_videos:
        few, basis = interval.clusters, f"{interval.clusters} groups of people"
    notes = {
        f"{frames.total - frames.judged} of {frames.total} frames and "
        f"{videos.total - videos.judged} of {videos.total} videos could not be judged: "
        "they count in no metric; `unjudged as wrong` says what they could cost.":
            frames.judged < frames.total,
        f"Several splits are mixed: {', '.join(s or '(none)' for s in splits)}.": len(splits) > 1,
        "The training split is among it: a detector trained on that is flattered.":
            "train" in splits,
        f"`all` pools {sets} sets; it also rewards telling these apart. Trust each set.": sets > 1,
        "No column `video`: no figures per video, and intervals take every row for independent. "
        "If rows are frames of videos, name these, or the intervals are too narrow.":
            frames.drawn == "rows",
        f"Intervals draw videos: fewer than {ENOUGH_PEOPLE} unrelated groups of people in a "
        "class, or people unnamed. They do not speak of people not seen here.": of_videos,
        f"Intervals rest on {basis.format(videos)}: too few, the truth lies outside more often "
        "than they say.": interval is not None and few < FEW_CLUSTERS,
    }  # fmt: skip
    return [text for text, holds in notes.items() if holds]
