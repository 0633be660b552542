"""Pictures of a scores table: ROC curves down to rare false alarms, and score histograms."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from telltrace.evaluation.metrics import (
    THRESHOLD,
    UndefinedError,
    expected_calibration_error,
    reliability,
    roc_curve,
)
from telltrace.evaluation.report import Group, Level, Report, members
from telltrace.evaluation.videos import aggregate_videos
from telltrace.files import atomic_write

MOST_LINES: Final = 9
"""With more lines than this, methods are left out and the datasets alone are drawn."""

MANY_ITEMS: Final = 500
"""Items from which a histogram has 25 bins; below it has 10."""

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#8C564B")
_GREY = "#8A8A8A"
_DASHES: Final = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class _Line:
    name: str
    level: Level
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    style: dict[str, Any]


def roc_figure(scores: pd.DataFrame, report: Report) -> Figure:
    """ROC curves per frame (above) and per video (below): one line a method.

    Left, both axes are linear. Right, the false-alarm rate is logarithmic, since a detector is of
    use where false alarms are rare; steps join thresholds that exist. The legend gives the AUC.

    Args:
        scores: The table that ``report`` was made from.
        report: Its report; it gives the AUCs and their intervals.

    Raises:
        UndefinedError: If there is no group with both reals and fakes.
    """
    with matplotlib.style.context("default"):
        figure, rows = _page("ROC curves", columns=2)
        for (name, frame, attribute), axes in zip(_levels(scores, report), rows, strict=True):
            lines = [x for x in _lines(frame, report, attribute) if 0 < x.labels.mean() < 1]
            if not lines:
                raise UndefinedError(
                    f"{name}: no ROC curve without both reals and fakes. Score both, or leave "
                    "the picture out."
                )
            _draw_roc(axes, lines, name)
        return figure


def histogram_figure(scores: pd.DataFrame, report: Report) -> Figure:
    """How scores are spread, per frame (above) and per video (below).

    Reals are filled; fakes are one line a method, or one a dataset where methods are many.
    """
    with matplotlib.style.context("default"):
        figure, rows = _page("Scores", columns=1)
        for (name, frame, attribute), axes in zip(_levels(scores, report), rows, strict=True):
            _draw_histogram(axes[0], list(_lines(frame, report, attribute, most=5)), name)
        return figure


def reliability_figure(scores: pd.DataFrame, report: Report) -> Figure:
    """How often faces of a given score are fake, per frame (above) and per video (below).

    A calibrated detector's points lie on the diagonal; above it the scores are too low, below it
    too high. The bars count the items of each bin, with a 95 % interval of the share (Wilson),
    which takes items for independent and is too narrow for frames.

    Args:
        scores: The table that ``report`` was made from.
        report: Its report; it says how videos are formed.
    """
    with matplotlib.style.context("default"):
        figure, rows = _page("Reliability", columns=1)
        for (name, frame, _), axes in zip(_levels(scores, report), rows, strict=True):
            judged = frame[frame["score"].notna()]
            _draw_reliability(axes[0], judged["label"], judged["score"], name)
        return figure


def save_reliability(scores: pd.DataFrame, report: Report, path: str | Path) -> None:
    """Write :func:`reliability_figure` as PNG."""
    save_figure(reliability_figure(scores, report), path)


def _draw_reliability(axes: Axes, labels: pd.Series, scores: pd.Series, name: str) -> None:
    bins = reliability(labels, scores)
    z, n, p = 1.959963984540054, bins.items, bins.fakes
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    error = expected_calibration_error(labels, scores)
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--", label="calibrated")
    below, above = p - (centre - reach), centre + reach - p
    bars = np.clip([below, above], 0, None)
    axes.errorbar(
        *(bins.score, p, bars), fmt="o-", color=_COLOURS[0], capsize=3, label=f"ECE {error:.3f}"
    )
    counts = axes.twinx()
    counts.bar(bins.score, n, width=0.03, color=_GREY, alpha=0.25)
    counts.set_ylabel("items")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), title=name)
    axes.set(xlabel="score (probability of fake)", ylabel="share of fakes")
    axes.legend(loc="lower right")


def save_roc(scores: pd.DataFrame, report: Report, path: str | Path) -> None:
    """Write :func:`roc_figure` as PNG."""
    save_figure(roc_figure(scores, report), path)


def save_histogram(scores: pd.DataFrame, report: Report, path: str | Path) -> None:
    """Write :func:`histogram_figure` as PNG."""
    save_figure(histogram_figure(scores, report), path)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG: whole or not at all, and the same figure as the same bytes.

    Raises:
        ValueError: If ``path`` does not end in .png.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"{path}: pictures are PNG files. Give a name that ends in .png.")
    with matplotlib.style.context("default"), atomic_write(path) as partial:
        figure.savefig(partial, format="png", dpi=110, metadata={"Software": None})


def _page(title: str, columns: int) -> tuple[Figure, NDArray[Any]]:
    figure = Figure(figsize=(4.6 * columns + 3.4, 8.4), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=14, fontweight="bold", x=0.01, ha="left")
    return figure, figure.subplots(2, columns, squeeze=False)


def _levels(scores: pd.DataFrame, report: Report) -> list[tuple[str, pd.DataFrame, str]]:
    videos = aggregate_videos(scores, report.aggregation, report.top or 1)
    how = report.aggregation if report.top is None else f"mean of the {report.top} highest"
    return [("Frames", scores, "frames"), (f"Videos ({how} of frames)", videos, "videos")]


def _lines(
    table: pd.DataFrame, report: Report, attribute: str, most: int = MOST_LINES
) -> Iterator[_Line]:
    """What to draw: everything, and each method, or each dataset where methods are too many."""
    table = table[table["score"].notna()]
    parts = report.methods if len(report.methods) < most else report.sets
    sets = [(s.dataset, s.compression) for s in report.sets]
    kinds = list(dict.fromkeys(p.method or (p.dataset, p.compression) for p in parts))
    whole: list[Group] = [report.overall] if len(parts) != 1 else []
    for group in (*whole, *parts):
        rows = table[members(table, group.dataset, group.compression, group.method)]
        style: dict[str, Any] = {"color": "black", "lw": 2.2, "zorder": 3}
        if group is not report.overall:
            colour = kinds.index(group.method or (group.dataset, group.compression))
            dash = sets.index((group.dataset, group.compression))
            style = {
                "color": _COLOURS[colour % len(_COLOURS)],
                "ls": _DASHES[dash % len(_DASHES)],
                "lw": 1.6,
            }
        yield _Line(
            _name(group, report),
            getattr(group, attribute),
            rows["label"].to_numpy(np.int64),
            rows["score"].to_numpy(np.float64),
            style,
        )


def _name(group: Group, report: Report) -> str:
    """As much of a group's name as tells it from the others in the picture."""
    several = len(report.sets) > 1
    whole = len({part.dataset for part in report.sets}) > 1 or not (several or group.method)
    parts = (group.dataset if whole else "", group.compression if several else "", group.method)
    return " ".join(part for part in parts if part) or "all"


def _legend(line: _Line) -> str:
    value, interval = line.level.metrics["auc"].value, line.level.interval
    text = f"{line.name}\nAUC {value:.3f}"
    return text + (f" [{interval.low:.3f}, {interval.high:.3f}]" if interval else "")


def _draw_roc(axes: NDArray[Any], lines: list[_Line], name: str) -> None:
    linear, rare = axes
    reals = max(int((line.labels == 0).sum()) for line in lines)
    least = min(0.5 / reals, 1e-2)
    for line in lines:
        fpr, tpr, _ = roc_curve(line.labels, line.scores)
        linear.plot(fpr, tpr, label=_legend(line), **line.style)
        rare.plot(np.maximum(fpr, least), tpr, drawstyle="steps-post", **line.style)
    chance = np.geomspace(least, 1, 200)
    linear.plot([0, 1], [0, 1], color=_GREY, lw=1, ls=(0, (4, 4)), zorder=1)
    rare.plot(chance, chance, color=_GREY, lw=1, ls=(0, (4, 4)), zorder=1)
    linear.set(xlim=(-0.01, 1.01), title=name, ylabel="hit rate (fakes called fake)")
    rare.set(
        xscale="log", xlim=(least, 1), title=f"rare false alarms spread out (grey: none in {reals})"
    )
    rare.axvspan(least, 1 / reals, color="#EEEEEE", zorder=0)
    for axis in (linear, rare):
        axis.set(ylim=(-0.01, 1.01), xlabel="false-alarm rate (reals called fake)")
    _finish(linear, rare)
    rare.legend(
        *linear.get_legend_handles_labels(), loc="center left", bbox_to_anchor=(1.01, 0.5),
        frameon=False, fontsize=9, labelspacing=0.9,
    )  # fmt: skip


def _draw_histogram(axis: Axes, lines: list[_Line], name: str) -> None:
    everything = lines[0]
    reals = everything.scores[everything.labels == 0]
    edges = np.linspace(0, 1, (25 if len(everything.scores) >= MANY_ITEMS else 10) + 1)
    axis.stairs(
        _share(reals, edges), edges, fill=True, color="#D0D0D0", label=f"real ({len(reals)})"
    )
    for line in lines[1:] or lines:
        fakes = line.scores[line.labels == 1]
        style = {"color": line.style["color"], "ls": line.style.get("ls", "-"), "lw": 1.6}
        axis.stairs(_share(fakes, edges), edges, label=f"{line.name} ({len(fakes)})", **style)
    axis.axvline(THRESHOLD, color=_GREY, lw=1, ls=(0, (4, 4)))
    axis.set(xlim=(0, 1), title=name, xlabel="score (probability of fake)", ylabel="share of items")
    _finish(axis)
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9)


def _share(scores: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.histogram(scores, edges)[0] / max(len(scores), 1)


def _finish(*axes: Axes) -> None:
    for axis in axes:
        axis.title.set_fontsize(10.5)
        axis.grid(color="#E6E6E6", lw=0.7)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
