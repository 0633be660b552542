"""What the corruptions did: AUC of every cell, how far it fell, and how many verdicts changed."""

import math
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from telltrace.errors import ManifestError
from telltrace.evaluation.calibration import Calibration
from telltrace.evaluation.compact import ScoreTable, compact_scores
from telltrace.evaluation.comparison import TableDraws
from telltrace.evaluation.metrics import auc
from telltrace.evaluation.pairing import pair_rows
from telltrace.evaluation.ranking import Floats, UndefinedError
from telltrace.evaluation.text_tables import text_table, to_lines
from telltrace.files.plain import from_plain
from telltrace.visualization.curves import BLUE, DASHED, GREY, ORANGE, new_figure

from .corruptions import CORRUPTIONS

CLEAN: Final = "clean"
COLUMNS: Final = 4
"""Charts beside one another."""
SCHEMA: Final = "telltrace.robustness/1"

Bounds = tuple[float, float]
Value = TypeVar("Value")


@dataclass(frozen=True)
class CellResult:
    """One corruption at one level. AUCs are None where a class is missing."""

    corruption: str
    level: int
    amount: float | None
    """The level's own number, such as a JPEG quality; None for the clean faces."""
    faces: int
    """Faces judged."""
    lost: int
    """Faces judged clean that were not found again; only whole media can lose any."""
    auc: float | None
    interval: Bounds | None
    """Of the AUC per face, 95 %."""
    video_auc: float | None
    """Of videos, each the mean of its faces."""
    drop: float | None
    """AUC of the clean faces less this one."""
    drop_interval: Bounds | None
    """Of the drop: the same draws are taken of both."""
    flips: float
    """Share of the faces whose verdict (fake, real or undecided) is another than clean."""
    reversals: float
    """Share that went from real to fake or from fake to real."""
    shift: float
    """Mean change of the score; above 0 where corrupted faces look more forged."""


@dataclass(frozen=True)
class Robustness:
    """All cells, the clean faces first."""

    cells: tuple[CellResult, ...]
    mean_drop: float | None
    """Mean over the corruptions of the mean over their levels."""
    mean_drop_interval: Bounds | None
    flips: float
    """Likewise of the verdicts that changed."""
    videos: int
    reals: int
    drawn: str
    """What intervals draw: "videos" or groups of "people"; empty where there are none."""
    thresholds: Bounds
    """Scores below the first are called real, from the second on fake."""

    @property
    def clean(self) -> CellResult:
        """The faces as they were."""
        return self.cells[0]

    @property
    def by_corruption(self) -> dict[str, list[CellResult]]:
        """The cells of each corruption."""
        return _by_corruption(self.cells[1:])

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        about = {name: one.about for name, one in CORRUPTIONS.items()}
        return {"schema": SCHEMA, "about": about, **asdict(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Robustness":
        """The inverse of :meth:`to_dict`; a ManifestError for another schema."""
        if values.get("schema") != SCHEMA:
            raise ManifestError(f"Expected the schema {SCHEMA!r}, got {values.get('schema')!r}")
        return from_plain(cls, {k: v for k, v in values.items() if k not in ("schema", "about")})


def verdicts(scores: Floats, calibration: Calibration) -> NDArray[np.int64]:
    """1 fake, -1 real, 0 undecided."""
    real = -(scores < calibration.real_below).astype(np.int64)
    return np.where(scores >= calibration.fake_from, 1, real)


def summarise(
    clean: pd.DataFrame, cells: Iterable[tuple[str, int, pd.DataFrame]], calibration: Calibration
) -> Robustness:
    """Compare scores of corrupted faces (corruption, level, table) with those of the clean ones.

    The calibration's thresholds make the verdicts.
    """
    first = compact_scores(clean, items=True)
    draws = _defined(lambda: TableDraws(first))
    base = draws.values(first, "auc") if draws else None
    found: list[CellResult] = []
    drops: dict[str, list[Floats]] = {}
    for name, level, scores in ((CLEAN, 0, clean), *cells):
        table = compact_scores(scores, items=True)
        drawn = draws.values(table, "auc") if draws else None
        found.append(_cell(name, level, table, first, draws, drawn, base, calibration))
        if drawn is not None and base is not None and name != CLEAN:
            drops.setdefault(name, []).append(base - drawn)
    corrupted = _by_corruption(found[1:])
    mean_drop, means = _mean_of_means(corrupted, "drop"), None
    if drops:
        means = np.mean([np.mean(parts, axis=0) for parts in drops.values()], axis=0)
    return Robustness(
        cells=tuple(found),
        mean_drop=mean_drop,
        mean_drop_interval=_bounds(draws, mean_drop, means, drop=True),
        flips=_mean_of_means(corrupted, "flips") or 0.0,
        videos=len(first.videos),
        reals=int((first.labels == 0).sum()),
        drawn=draws.drawn if draws else "",
        thresholds=(calibration.real_below, calibration.fake_from),
    )


def _cell(
    name: str, level: int, table: ScoreTable, clean: ScoreTable, draws: TableDraws | None,
    drawn: Floats | None, base: Floats | None, calibration: Calibration,
) -> CellResult:  # fmt: skip
    rows = pair_rows(clean, table)
    scores = np.array([clean.score[rows[0]], table.score[rows[1]]])
    before, now = scores = scores[:, ~np.isnan(scores).any(0)]
    first, second = verdicts(scores, calibration)
    value, of_clean = (_auc(*x.level("frames"), x) for x in (table, clean))
    fall = None if value is None or of_clean is None else of_clean - value
    falls = None if drawn is None or base is None else base - drawn
    return CellResult(
        corruption=name,
        level=level,
        amount=None if name == CLEAN else CORRUPTIONS[name].levels[level - 1],
        faces=len(table.score),
        lost=len(clean.score) - len(before),
        auc=value,
        interval=_bounds(draws, value, drawn),
        video_auc=_auc(*table.level("videos"), table),
        drop=fall,
        drop_interval=_bounds(draws, fall, falls, drop=True),
        flips=float((first != second).mean()),
        reversals=float((first * second == -1).mean()),
        shift=float((now - before).mean()),
    )


def _defined(compute: Callable[[], Value]) -> Value | None:
    """What is computed, or None where it is undefined."""
    try:
        return compute()
    except UndefinedError:
        return None


def _bounds(
    draws: TableDraws | None, value: float | None, drawn: Floats | None, drop: bool = False
) -> Bounds | None:
    """The interval of an AUC, or of a drop, from its values in the draws."""
    if draws is None or value is None or drawn is None:
        return None
    if drop:
        return _defined(lambda: draws.draws.difference(value, drawn))
    found = _defined(lambda: draws.draws.interval(auc, value, drawn))
    return (found.low, found.high) if found else None


def _auc(score: Floats, owner: NDArray[np.int32], table: ScoreTable) -> float | None:
    known = ~np.isnan(score)
    return _defined(lambda: auc(table.labels[owner[known]], score[known]))


def _by_corruption(cells: Iterable[CellResult]) -> dict[str, list[CellResult]]:
    found: dict[str, list[CellResult]] = {}
    for cell in cells:
        found.setdefault(cell.corruption, []).append(cell)
    return found


def _mean_of_means(cells: dict[str, list[CellResult]], name: str) -> float | None:
    values = ([getattr(cell, name) for cell in of] for of in cells.values())
    known = ([value for value in of if value is not None] for of in values)
    means = [np.mean(of) for of in known if of]
    return float(np.mean(means)) if means else None


def to_text(found: Robustness) -> str:
    """A table of AUC by corruption and level, and what to make of it."""
    levels = sorted({cell.level for cell in found.cells[1:]})
    figures = [*(f"level {n}" for n in levels), "mean drop", "flips"]
    grid = text_table(["corruption", *figures], right=figures)
    for name, cells in found.by_corruption.items():
        shown = {cell.level: _figure(cell.auc) for cell in cells}
        drop, flips = (_mean_of_means({name: cells}, what) for what in ("drop", "flips"))
        aucs = [shown.get(n, "") for n in levels]
        grid.add_row(name, *aucs, _figure(drop, "+"), f"{flips or 0:.1%}")
    return to_lines([grid, *sentences(found)], 110)


def sentences(found: Robustness) -> list[str]:
    """The results in words."""
    clean = found.clean
    low, high = found.thresholds
    said = [
        f"Clean: AUC {_figure(clean.auc)}{_shown(clean.interval)} per face, "
        f"{_figure(clean.video_auc)} per video; {clean.faces} faces of {found.videos} videos "
        f"({found.reals} real).",
        f"Mean drop of the AUC over corruptions and levels: {_figure(found.mean_drop, '+')}"
        f"{_shown(found.mean_drop_interval)}; verdicts changed (fake from {high:.3f}, real below "
        f"{low:.3f}): {found.flips:.1%} of the faces.",
    ]
    if found.drawn:
        said.append(f"Intervals are 95 % and draw {found.drawn}, the same for every cell.")
    if lost := sum(cell.lost for cell in found.cells):
        said.append(f"{lost} faces over all cells were not found again after the corruption.")
    return said


def _figure(value: float | None, sign: str = "") -> str:
    return "n/a" if value is None else f"{value:{sign}.3f}"


def _shown(bounds: Bounds | None) -> str:
    return "" if bounds is None else f" [{bounds[0]:.3f}, {bounds[1]:.3f}]"


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
