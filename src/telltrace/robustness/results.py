"""What the corruptions did: AUC of every cell, how far it fell, and how many verdicts changed."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from io import StringIO
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from telltrace.checkpoint import Calibration
from telltrace.evaluation.metrics import UndefinedError, auc
from telltrace.evaluation.scores import VIDEO_KEY
from telltrace.evaluation.videos import aggregate_videos

from .corruptions import CORRUPTIONS
from .draws import Draws, Floats, interval

CLEAN: Final = "clean"
SCHEMA: Final = "telltrace.robustness/1"
FACE: Final = [*VIDEO_KEY, "frame", "occurrence"]
"""What makes two rows of two tables the same face."""

Bounds = tuple[float, float]


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

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        about = {name: one.about for name, one in CORRUPTIONS.items()}
        return {"schema": SCHEMA, "about": about, **asdict(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Robustness":
        """The inverse of :meth:`to_dict`.

        Raises:
            ValueError: If the values are of another schema.
        """
        if values.get("schema") != SCHEMA:
            raise ValueError(f"Expected the schema {SCHEMA!r}, got {values.get('schema')!r}.")
        parts = _frozen({k: v for k, v in values.items() if k not in ("schema", "about", "cells")})
        return cls(cells=tuple(CellResult(**_frozen(c)) for c in values["cells"]), **parts)


def _frozen(values: dict[str, Any]) -> dict[str, Any]:
    """The same with tuples for the lists of JSON."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def verdicts(scores: Floats, calibration: Calibration) -> NDArray[np.int64]:
    """1 fake, -1 real, 0 undecided.

    Examples:
        >>> verdicts(np.array([0.1, 0.5, 0.9]), Calibration(real_below=0.4, fake_from=0.6))
        array([-1,  0,  1])
    """
    fake, real = scores >= calibration.fake_from, scores < calibration.real_below
    return fake.astype(np.int64) - (real & ~fake).astype(np.int64)


def summarise(
    clean: pd.DataFrame,
    cells: Iterable[tuple[str, int, pd.DataFrame]],
    calibration: Calibration,
) -> Robustness:
    """Compare the scores of corrupted faces with those of the same faces clean.

    Args:
        clean: Scores table of the clean faces.
        cells: Corruption, level and scores table.
        calibration: Its thresholds make the verdicts.
    """
    try:
        draws: Draws | None = Draws(clean)
    except UndefinedError:
        draws = None
    base = draws.auc(clean) if draws else None
    found = [_cell(CLEAN, 0, clean, clean, draws, base, calibration)]
    fallen: dict[str, list[Floats]] = {}
    for name, level, table in cells:
        found.append(_cell(name, level, table, clean, draws, base, calibration))
        if draws is not None and base is not None:
            fallen.setdefault(name, []).append(base - draws.auc(table))
    corrupted = found[1:]
    bounds = None
    if fallen:
        bounds = interval(np.mean([np.mean(parts, axis=0) for parts in fallen.values()], axis=0))
    videos = clean.drop_duplicates(VIDEO_KEY)
    return Robustness(
        tuple(found),
        _mean_of_means(corrupted, "drop"),
        bounds,
        _mean_of_means(corrupted, "flips") or 0.0,
        len(videos),
        int((videos["label"] == 0).sum()),
        draws.drawn if draws else "",
        (calibration.real_below, calibration.fake_from),
    )


def _cell(
    name: str,
    level: int,
    table: pd.DataFrame,
    clean: pd.DataFrame,
    draws: Draws | None,
    base: Floats | None,
    calibration: Calibration,
) -> CellResult:
    both = _faces(clean).merge(_faces(table), on=FACE, suffixes=("", "_now"))
    before, now = (both[column].to_numpy(np.float64) for column in ("score", "score_now"))
    said = [verdicts(values, calibration) for values in (before, now)]
    value, first = _auc(table), _auc(clean)
    drawn = draws.auc(table) if draws else None
    return CellResult(
        name,
        level,
        None if name == CLEAN else CORRUPTIONS[name].levels[level - 1],
        len(table),
        len(clean) - len(both),
        value,
        None if drawn is None else _spread(drawn),
        _auc(aggregate_videos(table)),
        None if value is None or first is None else first - value,
        None if drawn is None or base is None else interval(base - drawn),
        float((said[0] != said[1]).mean()),
        float((said[0] * said[1] == -1).mean()),
        float((now - before).mean()),
    )


def _spread(values: Floats) -> Bounds | None:
    """The interval of the draws; None where all give one figure, which no draw is proof of."""
    if np.isnan(values).all() or np.nanmax(values) - np.nanmin(values) < 1e-12:
        return None
    return interval(values)


def _faces(table: pd.DataFrame) -> pd.DataFrame:
    """The judged faces; several in one frame are told apart by their order."""
    judged = table[table["score"].notna()]
    return judged.assign(occurrence=judged.groupby([*VIDEO_KEY, "frame"]).cumcount())


def _auc(table: pd.DataFrame) -> float | None:
    judged = table[table["score"].notna()]
    try:
        return auc(judged["label"], judged["score"])
    except UndefinedError:
        return None


def _mean_of_means(cells: Iterable[CellResult], name: str) -> float | None:
    values: dict[str, list[float]] = {}
    for cell in cells:
        value = getattr(cell, name)
        if value is not None:
            values.setdefault(cell.corruption, []).append(value)
    return float(np.mean([np.mean(v) for v in values.values()])) if values else None


def to_text(found: Robustness) -> str:
    """A table of AUC by corruption and level, and what to make of it."""
    levels = sorted({cell.level for cell in found.cells[1:]})
    grid = Table(box=box.SIMPLE_HEAD)
    for heading in ("corruption", *(f"level {n}" for n in levels), "mean drop", "flips"):
        grid.add_column(heading, justify="left" if heading == "corruption" else "right")
    for name in dict.fromkeys(cell.corruption for cell in found.cells[1:]):
        row = {cell.level: cell for cell in found.cells[1:] if cell.corruption == name}
        cells = [_figure(row[n].auc) if n in row else "" for n in levels]
        drop, flips = (_mean_of_means(row.values(), what) for what in ("drop", "flips"))
        grid.add_row(name, *cells, _signed(drop), f"{flips or 0:.1%}")
    out = StringIO()
    console = Console(file=out, width=110, color_system=None, highlight=False, markup=False)
    console.print(grid)
    for sentence in sentences(found):
        console.print(sentence)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def sentences(found: Robustness) -> list[str]:
    """The results in words."""
    clean = found.clean
    low, high = found.thresholds
    said = [
        f"Clean: AUC {_figure(clean.auc)}{_bounds(clean.interval)} per face, "
        f"{_figure(clean.video_auc)} per video; {clean.faces} faces of {found.videos} videos "
        f"({found.reals} real).",
        f"Mean drop of the AUC over corruptions and levels: {_signed(found.mean_drop)}"
        f"{_bounds(found.mean_drop_interval)}; verdicts changed (fake from {high:.3f}, real below "
        f"{low:.3f}): {found.flips:.1%} of the faces.",
    ]
    if found.drawn:
        said.append(f"Intervals are 95 % and draw {found.drawn}, the same for every cell.")
    if lost := sum(cell.lost for cell in found.cells):
        said.append(f"{lost} faces over all cells were not found again after the corruption.")
    return said


def _figure(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _signed(value: float | None) -> str:
    return "n/a" if value is None else f"{value:+.3f}"


def _bounds(bounds: Bounds | None) -> str:
    return "" if bounds is None else f" [{bounds[0]:.3f}, {bounds[1]:.3f}]"
