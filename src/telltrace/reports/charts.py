"""The figures of a report: ROC with a band, reliability, bars by method, and a run's course."""

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from telltrace.evaluation.metrics import UndefinedError, reliability, roc_curve
from telltrace.evaluation.report import Report
from telltrace.evaluation.videos import aggregate_videos
from telltrace.robustness.draws import Draws

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#8A8A8A"
GRID = np.linspace(0, 1, 201)
MANY_FRAMES = 50_000
"""Frames from which the band is drawn from videos instead."""


def roc_band_figure(scores: pd.DataFrame, report: Report) -> Figure | None:
    """ROC curve of all frames with the band that draws whole videos; None without both classes.

    At every false-alarm rate 95 % of the draws lie within the band.
    """
    judged = scores[scores["score"].notna()]
    what = "frames"
    if len(judged) > MANY_FRAMES:
        judged, what = _as_frames(judged, report), "videos"
    if judged["label"].nunique() < 2:
        return None
    figure, axes = _chart(5.2, 4.6)
    fpr, tpr, _ = roc_curve(judged["label"], judged["score"])
    try:
        draws = Draws(judged, replicates=400)
        low, high = _band(judged, draws)
        axes.fill_between(GRID, low, high, color=BLUE, alpha=0.18, lw=0, label="95 % band")
    except UndefinedError:
        pass
    axes.plot(fpr, tpr, color=BLUE, lw=2, label=f"all {what}")
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=(0, (4, 4)), label="guessing")
    axes.set(
        xlabel="false-alarm rate (reals called fake)",
        ylabel="hit rate (fakes called fake)",
        xlim=(0, 1),
        ylim=(0, 1.01),
    )
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    return figure


def _as_frames(judged: pd.DataFrame, report: Report) -> pd.DataFrame:
    """One row a video."""
    return aggregate_videos(judged, report.aggregation, report.top or 1).dropna(subset=["score"])


def _band(judged: pd.DataFrame, draws: Draws) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest hit rate that 95 % of the draws have at each false-alarm rate."""
    order = np.argsort(-judged["score"].to_numpy(), kind="stable")
    label = judged["label"].to_numpy()[order]
    weights = draws.of_rows(judged)[:, order]
    curves = np.empty((len(weights), len(GRID)))
    for row, weight in enumerate(weights):
        hits, alarms = np.cumsum(weight * label), np.cumsum(weight * (1 - label))
        if hits[-1] and alarms[-1]:
            curves[row] = np.interp(GRID, alarms / alarms[-1], hits / hits[-1])
        else:
            curves[row] = np.nan
    low, high = np.nanquantile(curves, (0.025, 0.975), axis=0)
    return low, high


def reliability_figure(scores: pd.DataFrame) -> Figure:
    """How often faces of a score are fake; on the diagonal scores are probabilities."""
    judged = scores[scores["score"].notna()]
    found = reliability(judged["label"], judged["score"], bins=10)
    figure, axes = _chart(5.2, 4.2)
    size = 20 + 380 * found.items / found.items.max()
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=(0, (4, 4)))
    axes.plot(found.score, found.fakes, color=BLUE, lw=1.2)
    axes.scatter(found.score, found.fakes, s=size, color=BLUE, alpha=0.55, lw=0)
    axes.set(
        xlabel="score (mean of a bin)",
        ylabel="share of fakes",
        xlim=(-0.03, 1.03),
        ylim=(-0.05, 1.05),
    )
    return figure


def method_figure(report: Report) -> Figure | None:
    """AUC of each manipulation against the reals of its set, with intervals; None without any."""
    groups = [g for g in report.methods if g.frames.metrics["auc"].value is not None]
    if not groups:
        return None
    figure, axes = _chart(7.2, 1.1 + 0.5 * len(groups))
    for row, group in enumerate(groups):
        for level, shift, colour in ((group.frames, -0.16, BLUE), (group.videos, 0.16, ORANGE)):
            value = level.metrics["auc"].value
            if value is None:
                continue
            axes.barh(row + shift, value, height=0.3, color=colour, alpha=0.75)
            if level.interval is not None:
                bounds = (level.interval.low, level.interval.high)
                axes.plot(bounds, (row + shift,) * 2, color="black", lw=1.3, marker="|", ms=6)
    several = len(report.sets) > 1
    names = [
        " ".join(p for p in ((g.dataset, g.compression) if several else ()) + (g.method,) if p)
        for g in groups
    ]
    axes.set_yticks(range(len(groups)), names)
    axes.invert_yaxis()
    axes.axvline(0.5, color=GREY, lw=1, ls=(0, (4, 4)))
    axes.set(xlim=(0, 1), xlabel="AUC against the reals (blue per frame, orange per video)")
    return figure


def history_figure(history: pd.DataFrame) -> Figure:
    """Training loss, and AUC on the validation split, after each epoch."""
    figure, left = _chart(7.2, 3)
    left.plot(history["epoch"], history["loss"], color=GREY, lw=1.6, marker="o", ms=3)
    left.set(xlabel="epoch", ylabel="training loss (grey)")
    right = left.twinx()
    right.plot(history["epoch"], history["val_auc"], color=BLUE, lw=1.6, marker="o", ms=3)
    right.set(ylabel="validation AUC (blue)", ylim=(0, 1.02))
    right.spines[["top"]].set_visible(False)
    return figure


def _chart(width: float, height: float) -> tuple[Figure, Axes]:
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#E6E6E6", lw=0.7)
    axes.set_axisbelow(True)
    return figure, axes
