"""Our figures and costs beside the published ones, as text, Markdown and JSON, in percent."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch

from telltrace.models import create_detector
from telltrace.models.complexity import Complexity, complexity

from .cells import SCALES, Cell, Setup, run_of, settings
from .figures import CellFigure
from .tables import SHOWN, Table

HEADINGS = ["detector", "column", "metric", "published", "ours [95 %]", "seeds", "against its twin"]
COST_HEADINGS = [
    "detector", "Param.: published", "ours", "FLOPs (Mac): published", "ours, counted alike",
    "ours, executed",
]  # fmt: skip
_UNITS = {"K": 1e3, "M": 1e6, "G": 1e9}


def lines(table: Table, cells: Sequence[Cell]) -> list[list[str]]:
    """One line a cell and metric, in the order of :data:`HEADINGS`."""
    found = {(cell.row.name, cell.column.name): cell for cell in cells}
    made = []
    for cell in cells:
        row, column = cell.row, cell.column
        twin = found.get((row.twin, column.name)) if row.twin else None
        for metric in table.metrics:
            published, figure = cell.published(table, metric), cell.figures.get(metric)
            ours = ["", "", ""]
            if figure is not None:
                low, high = 100 * figure.low, 100 * figure.high
                certain = low == high  # one verdict for all faces, in every draw
                interval = "[n/a]" if certain else f"[{low:.1f}, {high:.1f}]"
                seeds = " ".join(f"{100 * value:.1f}" for value in figure.seeds)
                own = f"{100 * figure.value:.1f} {interval}"
                ours = [own, seeds, _against(figure, twin, metric)]
            shown = "" if published is None else f"{published:.2f}"
            made.append([row.name, column.name, SHOWN[metric], shown, *ours])
    return made


def _against(figure: CellFigure, twin: Cell | None, metric: str) -> str:
    if twin is None or metric not in twin.figures:
        return ""
    gap, low, high = figure.minus(twin.figures[metric])
    verdict = "ahead" if low > 0 else "behind" if high < 0 else "tie"
    return f"{100 * gap:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}] {verdict}"


def summary(table: Table, cells: Sequence[Cell], how: str) -> list[str]:
    """What a reader must know beside the figures, as sentences."""
    said = [f"{table.title}. {table.source}.", f"Ours: {how}."]
    said += list({cell.column.name: _judged(cell) for cell in cells if cell.figures}.values())
    verdicts = [line[-1].rpartition(" ")[2] for line in lines(table, cells) if line[-1]]
    if verdicts:
        ahead, behind, ties = (verdicts.count(word) for word in ("ahead", "behind", "tie"))
        said.append(
            f"Against their twins, on the same videos and seeds: of {len(verdicts)} "
            f"figures {ahead} ahead, {behind} behind, {ties} ties."
        )
    if any(f.low == f.high for cell in cells for f in cell.figures.values()):
        said.append("n/a: every draw gave the same figure, as one verdict for all faces does.")
    said += table.notes
    for reason in dict.fromkeys(cell.reason for cell in cells if cell.reason):  # said once for all
        first, *others = [cell for cell in cells if cell.reason == reason]
        more = f" and {len(others)} more" if others else ""
        name = f"{first.row.name}, {first.column.name}"
        said.append(f"Without a figure of ours: {name}{more}: {reason}.")
    return said


def _judged(cell: Cell) -> str:
    """What a column was judged on, and by what its intervals draw."""
    *_, figure = cell.figures.values()
    count = len(figure.seeds)
    few = ", too few: the truth lies outside more often than the intervals say"
    return (
        f"{cell.column.name}: judged on {figure.reals + figure.fakes} videos ({figure.reals} real, "
        f"{figure.fakes} fake), intervals draw {figure.drawn} and {count} seed{'s' * (count > 1)}"
        f"{few if min(figure.reals, figure.fakes) < 10 else ''}."
    )


def to_text(table: Table, cells: Sequence[Cell], how: str) -> str:
    """For a terminal: one line a cell and metric."""
    grids = [_grid([HEADINGS, *lines(table, cells)]), *_costs(table, cells)]
    return "\n".join([*grids, *summary(table, cells, how)])


def to_markdown(table: Table, cells: Sequence[Cell], how: str) -> str:
    """For a page of documentation: a grid a metric; rows and columns without ours are left out."""
    text = "\n".join(f"- {sentence}" for sentence in summary(table, cells, how))
    measured = [metric for metric in table.metrics if any(metric in c.figures for c in cells)]
    grids = [_grid(_across(table, cells, metric)) for metric in measured]
    return f"### {table.name}\n\n{text}\n\n" + "\n".join(grids + _costs(table, cells))


def _costs(table: Table, cells: Sequence[Cell]) -> list[str]:
    """The grid of what the networks cost, if the paper printed that."""
    found = cost_lines(table, cells)
    return [_grid([COST_HEADINGS, *found])] if found else []


def _across(table: Table, cells: Sequence[Cell], metric: str) -> list[list[str]]:
    """Detectors down, columns across; published, ours and the difference to the twin."""
    name = SHOWN[metric]
    kept = {(x[0], x[1]): x for x in lines(table, cells) if x[2] == name and x[4]}
    across = [c.name for c in table.columns if any(column == c.name for _, column in kept)]
    down = [r.name for r in table.rows if any(row == r.name for row, _ in kept)]
    parts = [part for part in (3, 4, 6) if any(line[part] for line in kept.values())]
    rows = [[name, *(f"{column}: {HEADINGS[part]}" for column in across for part in parts)]]
    for row in down:
        found = [kept.get((row, column), [""] * len(HEADINGS)) for column in across]
        rows.append([row, *(line[part] for line in found for part in parts)])
    return rows


def _grid(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text as a table in Markdown, whose columns are aligned for a terminal too."""
    widths = [max(3, *map(len, column)) for column in zip(*rows, strict=True)]
    heading, *body = rows
    lined = (heading, ["-" * width for width in widths], *body)
    padded = ([x.ljust(w) for x, w in zip(row, widths, strict=True)] for row in lined)
    return "".join(f"| {' | '.join(row)} |\n" for row in padded)


def to_dict(table: Table, cells: Sequence[Cell], how: str) -> dict[str, Any]:
    """As JSON holds it; figures in [0, 1], published ones in percent."""
    found = [
        {
            "row": cell.row.name,
            "column": cell.column.name,
            "published": {metric: cell.published(table, metric) for metric in table.metrics},
            "ours": {metric: figure.to_dict() for metric, figure in cell.figures.items()},
            "reason": cell.reason,
        }
        for cell in cells
    ]
    costs = [dict(zip(COST_HEADINGS, line, strict=True)) for line in cost_lines(table, cells)]
    about = {"schema": "telltrace.reproduction/1", "table": table.name, "how": how}
    return {**about, "cells": found, "costs": costs}


def cost_lines(table: Table, cells: Sequence[Cell]) -> list[list[str]]:
    """One line for each row whose cost was published, in the order of :data:`COST_HEADINGS`.

    Ours are at the size of the paper's images, whatever the scale of the run, in the units and to
    the digits that were published; one that is more than a unit of the last digit off is marked
    with an asterisk.
    """
    lines = []
    for cell in {cell.row.name: cell for cell in cells}.values():
        row = cell.row
        if row.cost and row.detector:
            run = run_of(table, cell, Setup(), 0)
            size = settings(run.recipe, SCALES["paper"])[0].image_size
            ours = _counted(run.detector, tuple(sorted(run.options.items())), size)
            counted = (ours.parameters, ours.paper_macs)
            alike = [_like(text, value) for text, value in zip(row.cost, counted, strict=True)]
            executed = _like(row.cost[1], ours.executed_macs).rstrip("*")
            lines.append([row.name, row.cost[0], alike[0], row.cost[1], alike[1], executed])
    return lines


@cache
def _counted(detector: str, options: tuple[tuple[str, object], ...], size: int) -> Complexity:
    with torch.device("meta"):
        return complexity(create_detector(detector, **dict(options)), size)


def _like(published: str, value: float) -> str:
    """A count in the unit of a published one, with an asterisk unless it is the same."""
    match = re.fullmatch(r"(>?)(\d+(?:\.(\d+))?) ([KMG])", published)
    assert match is not None, f"no number with a unit: {published}"
    digits, ours = len(match[3] or ""), value / _UNITS[match[4]]
    apart = ours <= float(match[2]) if match[1] else abs(ours - float(match[2])) > 10**-digits
    return f"{ours:.{digits}f} {match[4]}{'*' * apart}"
