"""Our figures beside the published ones, as text, Markdown and JSON; percent, as in the papers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from telltrace.evaluation.comparison import TableDraws
from telltrace.evaluation.metrics import METRICS
from telltrace.evaluation.ranking import Floats

from .cells import Cell
from .costs import HEADINGS as COST_HEADINGS
from .costs import cost_lines
from .tables import SHOWN, Table

REPLICATES = 2000


@dataclass(frozen=True)
class CellFigure:
    """One metric of one cell, per frame as the papers count, in [0, 1]."""

    value: float
    """Mean over the seeds."""
    low: float
    high: float
    """95 % of the draws of seeds and videos (or groups of people) lie between these."""
    seeds: tuple[float, ...]
    """The metric of each seed."""
    reals: int
    fakes: int
    """Test videos of each class."""
    drawn: str
    """"videos" or "people"."""
    replicates: Floats = field(repr=False, compare=False)

    def minus(self, other: "CellFigure") -> tuple[float, float, float]:
        """Difference to another cell judged on the same videos, and its interval.

        The same draws are taken of both, so what is easy or hard for both does not count.
        """
        return (self.value - other.value, *_interval(self.replicates - other.replicates))

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        found = {key: getattr(self, key) for key in ("value", "low", "high", "drawn")}
        videos = {"real": self.reals, "fake": self.fakes}
        return {**found, "seeds": list(self.seeds), "videos": videos}


def cell_figure(scores: Sequence[pd.DataFrame], metric: str) -> CellFigure:
    """The figure of a cell from the scores tables of its seeds, all of the same crops.

    Raises:
        UndefinedError: If a class is missing, or is in one video only.
        ManifestError: If the tables judge different videos.
    """
    values = tuple(METRICS[metric](table["label"], table["score"]) for table in scores)
    draws = TableDraws(scores[0], replicates=REPLICATES)
    each = np.stack([draws.values(table, metric) for table in scores])
    chosen = np.random.default_rng(0).integers(len(scores), size=(REPLICATES, len(scores)))
    replicates = each[chosen, np.arange(REPLICATES)[:, None]].mean(1)
    fakes = int((draws.videos["label"] == 1).sum())
    mean, reals = float(np.mean(values)), len(draws.videos) - fakes
    low, high = _interval(replicates)
    return CellFigure(mean, low, high, values, reals, fakes, draws.drawn, replicates)


def _interval(values: Floats) -> tuple[float, float]:
    """What 95 % of the draws of seeds and videos lie between."""
    low, high = np.nanquantile(values, (0.025, 0.975))
    return float(low), float(high)


@dataclass(frozen=True)
class Result:
    """One cell with our figures by metric, or the reason why there are none."""

    cell: Cell
    figures: dict[str, CellFigure]
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether it was run and could not be, as against lacking data or time."""
        return self.reason.startswith("failed")

    def published(self, table: Table, metric: str) -> float | None:
        """The paper's figure in percent."""
        place = [column.name for column in table.columns].index(self.cell.column.name)
        values = self.cell.row.published[place]
        at = table.metrics.index(metric)
        return values[at] if at < len(values) else None


HEADINGS = ["detector", "column", "metric", "published", "ours [95 %]", "seeds", "against its twin"]


def lines(table: Table, results: Sequence[Result]) -> list[list[str]]:
    """One line a cell and metric, in the order of :data:`HEADINGS`."""
    found = {(r.cell.row.name, r.cell.column.name): r for r in results}
    made = []
    for result in results:
        row, column = result.cell.row, result.cell.column
        twin = found.get((row.twin, column.name)) if row.twin else None
        for metric in table.metrics:
            published, figure = result.published(table, metric), result.figures.get(metric)
            ours = ["", "", ""]
            if figure is not None:
                seeds = " ".join(f"{100 * value:.1f}" for value in figure.seeds)
                ours = [_percent(figure), seeds, _against(figure, twin, metric)]
            shown = "" if published is None else f"{published:.2f}"
            made.append([row.name, column.name, SHOWN[metric], shown, *ours])
    return made


def _percent(figure: CellFigure) -> str:
    if figure.low == figure.high:  # no certainty: one verdict for all faces, in every draw
        return f"{100 * figure.value:.1f} [n/a]"
    return f"{100 * figure.value:.1f} [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


def _against(figure: CellFigure, twin: Result | None, metric: str) -> str:
    if twin is None or metric not in twin.figures:
        return ""
    gap, low, high = figure.minus(twin.figures[metric])
    verdict = "ahead" if low > 0 else "behind" if high < 0 else "tie"
    return f"{100 * gap:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}] {verdict}"


def summary(table: Table, results: Sequence[Result], how: str) -> list[str]:
    """What a reader must know beside the figures, as sentences."""
    said = [f"{table.title}. {table.source}.", f"Ours: {how}."]
    said += [f"{name}: judged on {videos}." for name, videos in _videos(results).items()]
    compared = [line[-1] for line in lines(table, results) if line[-1]]
    if compared:
        ahead = sum(text.endswith("ahead") for text in compared)
        behind = sum(text.endswith("behind") for text in compared)
        said.append(
            f"Against their vanilla twins, on the same videos and seeds: of {len(compared)} "
            f"figures {ahead} ahead, {behind} behind, {len(compared) - ahead - behind} ties."
        )
    if any(f.low == f.high for r in results for f in r.figures.values()):
        said.append("n/a: every draw gave the same figure, as one verdict for all faces does.")
    said += table.notes
    cells: dict[str, list[Cell]] = {}  # a reason is said once for all cells that share it
    for result in results:
        cells.setdefault(result.reason, []).append(result.cell)
    for reason, (cell, *others) in cells.items():
        more = f" and {len(others)} more" if others else ""
        if reason:
            name = f"{cell.row.name}, {cell.column.name}"
            said.append(f"Without a figure of ours: {name}{more}: {reason}.")
    return said


def _videos(results: Sequence[Result]) -> dict[str, str]:
    """What each column was judged on, and by what its intervals draw."""
    found = {}
    for result in results:
        for figure in result.figures.values():
            few = ", too few: the truth lies outside more often than the intervals say"
            found[result.cell.column.name] = (
                f"{figure.reals + figure.fakes} videos ({figure.reals} real, {figure.fakes} fake), "
                f"intervals draw {figure.drawn} and {len(figure.seeds)} seeds"
                f"{few if min(figure.reals, figure.fakes) < 10 else ''}"
            )
    return found


def to_text(table: Table, results: Sequence[Result], how: str) -> str:
    """For a terminal: one line a cell and metric."""
    grids = [_grid([HEADINGS, *lines(table, results)]), *_costs(table, results)]
    return "\n".join([*grids, *summary(table, results, how)])


def to_markdown(table: Table, results: Sequence[Result], how: str) -> str:
    """For a page of documentation: a grid a metric; rows and columns without ours are left out."""
    text = "\n".join(f"- {sentence}" for sentence in summary(table, results, how))
    grids = [_grid(_across(table, results, metric)) for metric in table.metrics]
    return f"### {table.name}\n\n{text}\n\n" + "\n".join(grids + _costs(table, results))


def _costs(table: Table, results: Sequence[Result]) -> list[str]:
    """The grid of what the networks cost, if the paper printed that."""
    rows = list({result.cell.row.name: result.cell.row for result in results}.values())
    found = cost_lines(table, rows)
    return [_grid([COST_HEADINGS, *found])] if found else []


def _across(table: Table, results: Sequence[Result], metric: str) -> list[list[str]]:
    """Detectors down, columns across; published, ours and the difference to the twin."""
    name = SHOWN[metric]
    kept = {(x[0], x[1]): x for x in lines(table, results) if x[2] == name and x[4]}
    across = [c.name for c in table.columns if any(column == c.name for _, column in kept)]
    down = [r.name for r in table.rows if any(row == r.name for row, _ in kept)]
    parts = [3, 4, 6] if any(line[6] for line in kept.values()) else [3, 4]
    rows = [[name, *(f"{column}: {HEADINGS[part]}" for column in across for part in parts)]]
    for row in down:
        cells = [kept.get((row, column)) for column in across]
        rows.append([row, *(line[at] if line else "" for line in cells for at in parts)])
    return rows


def _grid(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text as a table in Markdown, whose columns are aligned for a terminal too."""
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    heading, *body = (
        " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        for row in rows
    )
    rule = " | ".join("-" * width for width in widths)
    return "\n".join(f"| {line} |" for line in (heading, rule, *body)) + "\n"


def to_dict(table: Table, results: Sequence[Result], how: str) -> dict[str, Any]:
    """As JSON holds it; figures in [0, 1], published ones in percent."""
    cells = [
        {
            "row": result.cell.row.name,
            "column": result.cell.column.name,
            "published": {metric: result.published(table, metric) for metric in table.metrics},
            "ours": {metric: figure.to_dict() for metric, figure in result.figures.items()},
            "reason": result.reason,
        }
        for result in results
    ]
    rows = list({result.cell.row.name: result.cell.row for result in results}.values())
    costs = [dict(zip(COST_HEADINGS, line, strict=True)) for line in cost_lines(table, rows)]
    found = {"schema": "telltrace.reproduction/1", "table": table.name, "how": how}
    return {**found, "cells": cells, "costs": costs}
