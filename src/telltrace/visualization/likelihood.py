"""Pictures of likelihood ratios: how they are spread, and what believing them costs."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from telltrace.evaluation.compact import ScoreTable
from telltrace.evaluation.cross_entropy import LEAST, cross_entropy, log_ratios, pooled_blocks
from telltrace.evaluation.metrics import cllr, min_cllr
from telltrace.evaluation.odds import logit
from telltrace.evaluation.ranking import Ranking, UndefinedError
from telltrace.evaluation.report import Report

from .curves import BLUE, DASHED, GREY, ORANGE, level_axes


def tippett_figure(table: ScoreTable, report: Report) -> Figure:
    """What share of the reals, and of the fakes, has at least a given likelihood ratio.

    Per frame (above) and per video (below). Where the line of the reals lies right of 1, and that
    of the fakes left of it, ratios mislead. An UndefinedError without both classes.
    """
    return _draw("Tippett plot", table, report, _draw_tippett)


def cross_entropy_figure(table: ScoreTable, report: Report) -> Figure:
    """What believing the likelihood ratios costs a reader, by the prior with which it is read.

    Per frame (above) and per video (below): as they are, after the best rising curve, and without
    any evidence. Above the last they do harm. An UndefinedError without both classes.
    """
    return _draw("Empirical cross-entropy", table, report, _draw_cross_entropy)


def _draw(
    title: str, table: ScoreTable, report: Report, draw: Callable[[Axes, Ranking], None]
) -> Figure:
    figure, parts = level_axes(title, table, report)
    for (axes,), level, name in parts:
        scores = table.level(level, report.aggregation, report.top or 1)
        ranking = report.overall.ranking(table, *scores)
        if (found := cllr.measure(ranking)).value is None:
            raise UndefinedError(f"{name}: no picture of likelihood ratios: {found.reason}.")
        draw(axes, ranking)
    return figure


def _draw_tippett(axes: Axes, ranking: Ranking) -> None:
    ratios = log_ratios(ranking.scores) / np.log(10)
    fpr, tpr = ranking.rates
    sides = ("reals", fpr, BLUE), ("fakes", tpr, ORANGE)
    for name, share, colour in sides:
        axes.step(ratios, share[1:], where="post", color=colour, lw=1.8, label=name)
    axes.axvline(0, color=GREY, lw=1, ls=DASHED)
    reach = max(1.0, float(np.abs(ratios).max())) * 1.05
    axes.set(xlim=(-reach, reach), ylim=(-0.01, 1.01))
    axes.set(xlabel="log10 of the likelihood ratio", ylabel="share with at least this ratio")
    axes.legend(loc="lower left")


def _draw_cross_entropy(axes: Axes, ranking: Ranking) -> None:
    prior = np.linspace(-3, 3, 241)
    real, fake = (np.asarray(of, np.float64) for of in (ranking.real, ranking.fake))
    reals, fakes = pooled_blocks(ranking)
    share = fakes / fakes.sum()
    best = logit(np.clip(share / (share + reals / reals.sum()), LEAST, 1 - LEAST))
    nothing = np.zeros(1), np.ones(1), np.ones(1)
    lines = (
        ("without the evidence", nothing, {"color": GREY, "ls": DASHED}),
        (f"as they are (Cllr {float(cllr.compute(ranking)):.3f})",
         (log_ratios(ranking.scores), real, fake), {"color": ORANGE}),
        (f"best rising curve (Cllr {float(min_cllr.compute(ranking)):.3f})",
         (best, reals, fakes), {"color": BLUE, "ls": "--"}),
    )  # fmt: skip
    for name, items, style in lines:
        axes.plot(prior, cross_entropy(*items, prior * np.log(10)), label=name, lw=1.8, **style)
    axes.axvline(0, color=GREY, lw=0.7)
    axes.set(xlim=(-3, 3), ylim=(0, 1.4))
    axes.set(xlabel="log10 of the prior odds of forgery", ylabel="empirical cross-entropy (bits)")
    axes.legend(loc="upper right", fontsize=9)
