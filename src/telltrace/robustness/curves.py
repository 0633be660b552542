"""Curves of AUC against the strength of each corruption."""

import math
import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from telltrace.visualization.curves import BLUE, DASHED, GREY, ORANGE, new_figure

from .corruptions import CORRUPTIONS
from .results import CellResult, Robustness

COLUMNS = 4


def curves_figure(found: Robustness) -> Figure:
    """One small chart a corruption: AUC per face with its interval, and verdicts that changed."""
    corruptions = found.by_corruption
    rows = max(1, math.ceil(len(corruptions) / COLUMNS))
    figure, grid = new_figure(2.9 * COLUMNS, 2.35 * rows + 0.6, rows, COLUMNS, sharey=True)
    for axes in grid.flat[len(corruptions) :]:
        axes.set_visible(False)
    for axes, (name, cells) in zip(grid.flat, corruptions.items(), strict=False):
        _draw(axes, name, [found.clean, *cells])
    text = "AUC per face, 95 % band (blue); share of faces whose verdict changed (red, dashed)"
    figure.suptitle(text, fontsize=9, x=0.01, ha="left")
    return figure


def _draw(axes: Axes, name: str, cells: list[CellResult]) -> None:
    known = [(i, c.auc) for i, c in enumerate(cells) if c.auc is not None]
    if known:
        axes.plot(*zip(*known, strict=True), color=BLUE, lw=1.8, marker="o", ms=3.5)
    bands = [(i, *c.interval) for i, c in enumerate(cells) if c.interval is not None]
    if bands:
        places, low, high = zip(*bands, strict=True)
        axes.fill_between(places, low, high, color=BLUE, alpha=0.18, lw=0)
    axes.plot(range(len(cells)), [c.flips for c in cells], color=ORANGE, lw=1.2, ls="--")
    axes.axhline(0.5, color=GREY, lw=0.8, ls=DASHED)
    amounts = ["clean", *(f"{c.amount:g}" for c in cells[1:])]
    axes.set_xticks(list(range(len(cells))), amounts, fontsize=7)
    axes.set_title(textwrap.fill(f"{name}: {CORRUPTIONS[name].about}", 46), fontsize=7.5)
    axes.set_ylim(0, 1.02)
    axes.tick_params(labelsize=7)
