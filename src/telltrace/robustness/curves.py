"""Curves of AUC against the strength of each corruption."""

import math
import textwrap

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .corruptions import CORRUPTIONS
from .results import CellResult, Robustness

_BLUE, _RED, _GREY = "#0072B2", "#D55E00", "#8A8A8A"
COLUMNS = 4


def curves_figure(found: Robustness) -> Figure:
    """One small chart a corruption: AUC per face with its interval, and verdicts that changed.

    Args:
        found: As `measure_robustness` gives it.
    """
    names = list(dict.fromkeys(cell.corruption for cell in found.cells[1:]))
    rows = max(1, math.ceil(len(names) / COLUMNS))
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(2.9 * COLUMNS, 2.35 * rows + 0.6), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(rows, COLUMNS, squeeze=False, sharey=True)
        for axes in grid.flat[len(names) :]:
            axes.set_visible(False)
        for name, axes in zip(names, grid.flat, strict=False):
            cells = [cell for cell in found.cells[1:] if cell.corruption == name]
            _draw(axes, name, [found.clean, *cells])
        figure.suptitle(
            "AUC per face, 95 % band (blue); share of faces whose verdict changed (red, dashed)",
            fontsize=9,
            x=0.01,
            ha="left",
        )
        return figure


def _draw(axes: "matplotlib.axes.Axes", name: str, cells: list[CellResult]) -> None:
    places = range(len(cells))
    known = [(i, c.auc) for i, c in enumerate(cells) if c.auc is not None]
    if known:
        axes.plot(*zip(*known, strict=True), color=_BLUE, lw=1.8, marker="o", ms=3.5)
    bands = [(i, c.interval) for i, c in enumerate(cells) if c.interval is not None]
    if bands:
        at, bounds = zip(*bands, strict=True)
        low, high = zip(*bounds, strict=True)
        axes.fill_between(at, low, high, color=_BLUE, alpha=0.18, lw=0)
    axes.plot(places, [c.flips for c in cells], color=_RED, lw=1.2, ls="--")
    axes.axhline(0.5, color=_GREY, lw=0.8, ls=(0, (4, 4)))
    amounts = ["clean", *(f"{c.amount:g}" for c in cells[1:])]
    axes.set_xticks(list(places), amounts, fontsize=7)
    title = textwrap.fill(f"{name}: {CORRUPTIONS[name].about}", 46)
    axes.set_title(title, fontsize=7.5)
    axes.set_ylim(0, 1.02)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#E6E6E6", lw=0.6)
    axes.set_axisbelow(True)
