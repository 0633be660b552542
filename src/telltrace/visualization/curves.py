"""Pictures of a scores table: ROC curves down to rare false positives, histograms, reliability."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import matplotlib
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from telltrace.evaluation.calibration import reliability
from telltrace.evaluation.compact import LevelName, ScoreTable
from telltrace.evaluation.groups import Level
from telltrace.evaluation.metrics import THRESHOLD, expected_calibration_error
from telltrace.evaluation.ranking import Floats, Ranking, UndefinedError
from telltrace.evaluation.report import Group, Report
from telltrace.evaluation.shares import Share
from telltrace.files import check_output, write_bytes

MOST_LINES: Final = 9
"""With more lines than this, methods are left out and the datasets alone are drawn."""

MANY_ITEMS: Final = 500
"""Items from which a histogram has 25 bins; below it has 10."""

MOST_POINTS: Final = 20_000
"""Points of a curve that are drawn; of more, as many are chosen."""

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#8A8A8A"
COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#8C564B")
_DASHES: Final = ("-", "--", ":", "-.")
DASHED: Final = (0, (4, 4))


class _Line(NamedTuple):
    name: str
    level: Level
    ranking: Ranking
    style: dict[str, Any]


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Figure, NDArray[Any]]:
    """A figure of so many inches and its axes, (rows, columns), in one style everywhere."""
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(rows, columns, squeeze=False, **options)
    for axes in grid.flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#E6E6E6", lw=0.7)
        axes.set_axisbelow(True)
    return figure, grid


def roc_figure(table: ScoreTable, report: Report) -> Figure:
    """ROC curves per frame (above) and per video (below) of a table: one line a method.

    Left, both axes are linear. Right, the FPR is logarithmic, since a detector is of use where
    false positives are rare. An UndefinedError where no group has both reals and fakes.
    """
    figure, parts = level_axes("ROC curves", table, report, columns=2)
    for axes, level, name in parts:
        found = _lines(table, report, level)
        lines = [x for x in found if x.ranking.real.any() and x.ranking.fake.any()]
        if not lines:
            remedy = "Score both, or leave the picture out."
            raise UndefinedError(f"{name}: no ROC curve without both reals and fakes. {remedy}")
        _draw_roc(axes, lines)
    return figure


def histogram_figure(table: ScoreTable, report: Report) -> Figure:
    """How scores are spread; reals filled, fakes a line a method (or a dataset)."""
    figure, parts = level_axes("Scores", table, report)
    for (axes,), level, _ in parts:
        _draw_histogram(axes, list(_lines(table, report, level, most=5)))
    return figure


def reliability_figure(table: ScoreTable, report: Report) -> Figure:
    """How often faces of a given score are fake, per frame (above) and per video (below).

    Points of a calibrated detector lie on the diagonal; above it scores are too low. Bars count the
    items of each bin; the 95 % interval of the share (Wilson) is too narrow for dependent frames.
    """
    figure, parts = level_axes("Reliability", table, report)
    for (axes,), level, _ in parts:
        scores = table.level(level, report.aggregation, report.top or 1)
        _draw_reliability(axes, report.overall.ranking(table, *scores))
    return figure


def runs_figure(runs: Mapping[str, pd.DataFrame]) -> Figure:
    """Training loss and validation AUC of runs after each epoch, by their names."""
    figure, grid = new_figure(10, 4, columns=2)
    titles = {"loss": "training loss", "val_auc": "validation AUC"}
    for axes, (column, title) in zip(grid[0], titles.items(), strict=True):
        for name, epochs in runs.items():
            axes.plot(epochs["epoch"], epochs[column], marker=".", label=name)
        axes.set(xlabel="epoch", title=title)
    grid[0, 1].legend(fontsize="small")
    return figure


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a .png, whole or not at all; the same figure as the same bytes."""
    check_output(Path(path), ".png")
    content = BytesIO()
    with matplotlib.style.context("default"):
        figure.savefig(content, format="png", dpi=110, metadata={"Software": None})
    write_bytes(content.getvalue(), path)


def level_axes(
    title: str, table: ScoreTable, report: Report, columns: int = 1
) -> tuple[Figure, list[tuple[NDArray[Any], LevelName, str]]]:
    """A figure, and for frames and videos their axes and heading."""
    levels: dict[LevelName, str] = {"frames": "Frames"}
    if table.names_videos:
        levels["videos"] = f"Videos ({report.how} of frames)"
    figure, grid = new_figure(4.6 * columns + 3.4, 4.2 * len(levels), len(levels), columns)
    figure.suptitle(title, fontsize=14, fontweight="bold", x=0.01, ha="left")
    for axes, name in zip(grid, levels.values(), strict=True):
        axes[0].set_title(name, fontsize=10.5)
    return figure, [(axes, *level) for axes, level in zip(grid, levels.items(), strict=True)]


def _lines(
    table: ScoreTable, report: Report, level: LevelName, most: int = MOST_LINES
) -> Iterator[_Line]:
    """What to draw: everything, and each method, or each dataset where methods are too many."""
    scores = table.level(level, report.aggregation, report.top or 1)
    parts = report.methods if len(report.methods) < most else report.sets
    sets = [part.set_name for part in report.sets]
    kinds = list(dict.fromkeys(part.method or part.set_name for part in parts))
    for group in (report.overall, *parts)[len(parts) == 1 :]:
        style: dict[str, Any] = {"color": "black", "lw": 2.2, "zorder": 3}
        if group is not report.overall:
            colour = COLOURS[kinds.index(group.method or group.set_name) % len(COLOURS)]
            dash = _DASHES[sets.index(group.set_name) % len(_DASHES)]
            style = {"color": colour, "ls": dash, "lw": 1.6}
        ranking = group.ranking(table, *scores)
        yield _Line(_name(group, report), getattr(group, level), ranking, style)


def _name(group: Group, report: Report) -> str:
    """As much of a group's name as tells it from the others in the picture."""
    several = len(report.sets) > 1
    whole = len({part.dataset for part in report.sets}) > 1 or not (several or group.method)
    parts = (group.dataset if whole else "", group.compression if several else "", group.method)
    return " ".join(part for part in parts if part) or "all"


def _draw_roc(axes: NDArray[Any], lines: list[_Line]) -> None:
    linear, rare = axes
    reals = max(int(line.ranking.real.sum()) for line in lines)
    least = min(0.5 / reals, 1e-2)
    for line in lines:
        fpr, tpr = _thin_out(*line.ranking.rates)
        value, ends = line.level.metrics["auc"].value, line.level.interval
        interval = f" [{ends.low:.3f}, {ends.high:.3f}]" if ends else ""
        linear.plot(fpr, tpr, label=f"{line.name}\nAUC {value:.3f}{interval}", **line.style)
        rare.plot(np.maximum(fpr, least), tpr, drawstyle="steps-post", **line.style)
    chance = np.geomspace(least, 1, 200)
    linear.plot([0, 1], [0, 1], color=GREY, lw=1, ls=DASHED, zorder=1)
    rare.plot(chance, chance, color=GREY, lw=1, ls=DASHED, zorder=1)
    linear.set(xlim=(-0.01, 1.01), ylabel="TPR (fakes called fake)")
    rare.set(xscale="log", xlim=(least, 1))
    rare.set_title(f"rare false positives spread out (grey: none in {reals})", fontsize=10.5)
    rare.axvspan(least, 1 / reals, color="#EEEEEE", zorder=0)
    for axis in (linear, rare):
        axis.set(ylim=(-0.01, 1.01), xlabel="FPR (reals called fake)")
    _legend_beside(rare, linear)


def _thin_out(fpr: Floats, tpr: Floats) -> tuple[Floats, Floats]:
    """As many points of a curve as can be seen, closer together where the FPR is small."""
    if len(fpr) <= MOST_POINTS:
        return fpr, tpr
    rare = np.searchsorted(fpr, np.geomspace(fpr[fpr > 0][0], 1, MOST_POINTS // 2))
    even = np.linspace(0, len(fpr) - 1, MOST_POINTS // 2).astype(np.int64)
    kept = np.union1d(rare, even)
    return fpr[kept], tpr[kept]


def _draw_histogram(axis: Axes, lines: list[_Line]) -> None:
    real, fake = lines[0].ranking.real, lines[0].ranking.fake
    many = int(real.sum() + fake.sum()) >= MANY_ITEMS
    edges = np.linspace(0, 1, (25 if many else 10) + 1)

    def shares(ranking: Ranking, counts: NDArray[Any]) -> Floats:
        return np.histogram(ranking.scores, edges, weights=counts)[0] / max(counts.sum(), 1)

    heights, label = shares(lines[0].ranking, real), f"real ({real.sum()})"
    axis.stairs(heights, edges, fill=True, color="#D0D0D0", label=label)
    for line in lines[1:] or lines:
        counts = line.ranking.fake
        style = {"color": line.style["color"], "ls": line.style.get("ls", "-"), "lw": 1.6}
        label = f"{line.name} ({counts.sum()})"
        axis.stairs(shares(line.ranking, counts), edges, label=label, **style)
    axis.axvline(THRESHOLD, color=GREY, lw=1, ls=DASHED)
    axis.set(xlim=(0, 1), xlabel="score (probability of fake)", ylabel="share of items")
    _legend_beside(axis, axis)


def _legend_beside(axis: Axes, source: Axes) -> None:
    handles, labels = source.get_legend_handles_labels()
    axis.legend(
        handles, labels, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False,
        fontsize=9, labelspacing=0.9,
    )  # fmt: skip


def _draw_reliability(axes: Axes, ranking: Ranking) -> None:
    error = expected_calibration_error.measure(ranking)
    if error.value is None:
        raise UndefinedError(error.reason or "")
    bins = reliability(ranking)
    p, n = bins.fakes, bins.items
    hits = np.rint(p * n).astype(int).tolist()
    ends = np.array([Share(*pair).interval for pair in zip(hits, n.tolist(), strict=True)]).T
    bars = np.clip([p - ends[0], ends[1] - p], 0, None)
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=DASHED, label="calibrated")
    axes.errorbar(
        *(bins.score, p, bars), fmt="o-", color=BLUE, capsize=3, label=f"ECE {error.value:.3f}"
    )
    counts = axes.twinx()
    counts.bar(bins.score, n, width=0.03, color=GREY, alpha=0.25)
    counts.set_ylabel("items")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set(xlabel="score (probability of fake)", ylabel="share of fakes")
    axes.legend(loc="lower right")
