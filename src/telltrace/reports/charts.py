"""The pictures of a report: ROC with a band, bars by method, a run's course, the worst faces."""

from contextlib import suppress

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from telltrace.evaluation.columns import VIDEO_KEY
from telltrace.evaluation.compact import ScoreTable
from telltrace.evaluation.comparison import TableDraws
from telltrace.evaluation.ranking import Floats, UndefinedError
from telltrace.evaluation.report import Report
from telltrace.files.pictures import read_crop
from telltrace.visualization.curves import BLUE, DASHED, GREY, ORANGE, new_figure
from telltrace.visualization.page import embed_png, figure, paragraph

GRID = np.linspace(0, 1, 201)
SIDE = 132
"""Side of a thumbnail in pixels."""


def roc_band_figure(table: ScoreTable, report: Report) -> Figure | None:
    """ROC curve of all frames with the band that draws whole videos; None without both classes.

    At every FPR 95 % of the draws lie within the band.
    """
    ranking = report.overall.ranking(table, *table.level("frames"))
    if not (ranking.real.any() and ranking.fake.any()):
        return None
    drawn, ((axes,),) = new_figure(5.2, 4.6)
    with suppress(UndefinedError):
        low, high = _band(TableDraws(table, replicates=400), table)
        axes.fill_between(GRID, low, high, color=BLUE, alpha=0.18, lw=0, label="95 % band")
    axes.plot(*ranking.rates, color=BLUE, lw=2, label="all frames")
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls=DASHED, label="guessing")
    axes.set(xlabel="FPR (reals called fake)", ylabel="TPR (fakes called fake)")
    axes.set(xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    return drawn


def _band(draws: TableDraws, table: ScoreTable) -> tuple[Floats, Floats]:
    """Lowest and highest TPR that 95 % of the draws have at each FPR, (201,) each."""
    curves: list[Floats] = []
    with np.errstate(invalid="ignore"):
        for ranking in draws.draws.rankings(draws.items(table)):
            fpr, tpr = ranking.rates
            curves += [np.interp(GRID, x, y) for x, y in zip(fpr.T, tpr.T, strict=True)]
    low, high = np.nanquantile(curves, (0.025, 0.975), axis=0)
    return low, high


def method_figure(report: Report) -> Figure | None:
    """AUC of each manipulation against the reals of its set, with intervals; None without any."""
    groups = [g for g in report.methods if g.frames.metrics["auc"].value is not None]
    if not groups:
        return None
    drawn, ((axes,),) = new_figure(7.2, 1.1 + 0.5 * len(groups))
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
    names = [" ".join(p for p in (several * g.set_name, g.method) if p) for g in groups]
    axes.set_yticks(range(len(groups)), names)
    axes.invert_yaxis()
    axes.axvline(0.5, color=GREY, lw=1, ls=DASHED)
    axes.set(xlim=(0, 1), xlabel="AUC against the reals (blue per frame, orange per video)")
    return drawn


def worst_mistakes(scores: pd.DataFrame, label: int, count: int) -> pd.DataFrame:
    """The reals with the highest scores, or the fakes with the lowest, the worst of each video."""
    judged = scores[scores["score"].notna() & (scores["label"] == label)]
    order = ["score", *VIDEO_KEY, "frame"]
    ranked = judged.sort_values(order, ascending=[label == 1] + [True] * 5, kind="stable")
    return ranked.drop_duplicates(VIDEO_KEY).head(count)


def thumbnails(rows: pd.DataFrame) -> str:
    """The rows' faces with their scores, as HTML; faces whose files are gone are counted."""
    shown = []
    for row in rows.itertuples(index=False):
        try:
            picture = Image.fromarray(read_crop(str(row.path)))
        except (OSError, ValueError):
            continue
        picture.thumbnail((SIDE, SIDE))
        name = f"{row.method} {row.video}, frame {row.frame}"
        shown.append(figure(embed_png(picture, alt=name, width=SIDE), f"{row.score:.3f} {name}"))
    text = f'<div class="pictures">{"".join(shown)}</div>' if shown else ""
    if missing := len(rows) - len(shown):
        text += paragraph(f"{missing} faces are not shown: their files are no pictures here.")
    return text
