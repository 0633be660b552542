"""Frames, tracks or videos judged for many groups at once, each metric with its interval."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np

from .intervals import Draws, Interval
from .items import BinnedItems, Items, Mask, Numbers
from .metrics import METRICS, Measure, measure_ranking
from .ranking import Floats, UndefinedError

ENOUGH_PEOPLE: Final = 5
"""Groups of people needed in either class before an interval draws people instead of videos."""

Drawn = Literal["people", "videos", "rows"]


@dataclass(frozen=True)
class Level:
    """What the frames, tracks or videos of a group amount to. Metrics are over the judged ones."""

    total: int
    judged: int
    reals: int
    fakes: int
    metrics: dict[str, Measure]
    intervals: dict[str, Interval] = field(default_factory=dict)
    """Of every metric that has one, by its name."""
    interval_reason: str | None = None
    """Why the AUC has none."""
    drawn: Drawn = "videos"
    """The clusters that the intervals draw."""
    as_wrong: dict[str, Measure] = field(default_factory=dict)
    """Some metrics if what was not judged counts as judged wrongly."""

    @property
    def interval(self) -> Interval | None:
        """Of the AUC."""
        return self.intervals.get("auc")

    @property
    def coverage(self) -> float | None:
        """Share that was judged; None of nothing."""
        return self.judged / self.total if self.total else None

    def show(self, metric: str, interval: bool = True) -> str:
        """A metric, with its interval where it has one; "n/a" where it is undefined."""
        value, ends = self.metrics[metric].value, self.intervals.get(metric)
        if value is None:
            return "n/a"
        return f"{value:.4f}" + (f" [{ends.low:.3f}, {ends.high:.3f}]" if ends and interval else "")

    def to_dict(self) -> dict[str, Any]:
        interval, counts = self.interval, ("total", "judged", "coverage", "reals", "fakes")
        return {
            **{name: getattr(self, name) for name in counts},
            "metrics": {name: m.value for name, m in self.metrics.items()},
            "undefined": {name: m.reason for name, m in self.metrics.items() if m.reason},
            "unjudged_as_wrong": {name: m.value for name, m in self.as_wrong.items()},
            "auc_interval": {**asdict(interval), "drawn": self.drawn} if interval else None,
            "auc_interval_undefined": self.interval_reason,
            "intervals": {name: [i.low, i.high] for name, i in self.intervals.items()},
        }


def judge_groups(
    items: Items, inside: list[Mask], linked: Numbers | None, *, rows: bool = False, **options: Any
) -> list[Level]:
    """Judge groups of cells; ``inside`` says for each which cells it holds, (cells,).

    ``linked`` is the group of people of each video, (V,), None to draw videos; ``rows`` whether
    each row is taken for a video of its own, because none is named; further options are those of
    :class:`Draws`.
    """
    groups = {cells.tobytes(): cells for cells in inside}
    found = {key: _measure(items, cells) for key, cells in groups.items()}
    binned, judged = BinnedItems(items), items.counts[1] > 0
    for key, cells in groups.items():
        member = cells[items.cell] & judged
        drawn, cluster = choose_clusters(items.label, member, linked)
        level = replace(found[key], drawn="rows" if rows and drawn == "videos" else drawn)
        try:
            draws = Draws(items.label, cluster, member, **options)
        except UndefinedError as error:
            found[key] = replace(level, interval_reason=str(error))
        else:
            found[key] = _add_intervals(level, draws, draws.values(binned, cells))
    return [found[cells.tobytes()] for cells in inside]


def _measure(items: Items, cells: Mask) -> Level:
    """A group without its intervals: only one ranking of a long table is in memory at a time."""
    ranking, member = items.ranking(cells), cells[items.cell]
    (r, f), (real, fake) = (
        [int(of[member & (items.label == k)].sum()) for k in (0, 1)] for of in items.counts
    )
    worst = replace(ranking, before=(r - real, 0), whole=(r, f))  # reals above it, fakes below
    measured = {name: m.measure(worst) for name, m in METRICS.items() if m.worst_case}
    as_wrong = {name: m for name, m in measured.items() if m.value is not None}
    return Level(r + f, real + fake, real, fake, measure_ranking(ranking), as_wrong=as_wrong)


def choose_clusters(
    label: Numbers, member: Mask, linked: Numbers | None
) -> tuple[Literal["people", "videos"], Numbers]:
    """Groups of linked people where there are enough of them in both classes, or videos.

    Labels, whether a video is judged, and its group of people (None: not named) are (V,) each.
    """
    if linked is not None:
        counts = [len(np.unique(linked[member & (label == kind)])) for kind in (0, 1)]
        if min(counts) >= ENOUGH_PEOPLE:
            return "people", linked
    return "videos", np.arange(len(label))


def _add_intervals(level: Level, draws: Draws, drawn: dict[str, Floats]) -> Level:
    """The level with the interval of every metric that has one, or why the AUC has none."""
    intervals, reason = {}, None
    for name, values in drawn.items():
        value = level.metrics[name].value
        try:
            if value is not None:
                intervals[name] = draws.interval(METRICS[name], value, values)
        except UndefinedError as error:
            reason = str(error) if name == "auc" else reason
    return replace(level, intervals=intervals, interval_reason=reason)
