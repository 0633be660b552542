"""Our figures beside the published ones, as text, Markdown and JSON; percent, as in the papers."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as Grid

from .cells import Cell
from .figures import CellFigure
from .tables import SHOWN, Table


@dataclass(frozen=True)
class Result:
    """One cell with our figures by metric, or the reason why there are none."""

    cell: Cell
    figures: dict[str, CellFigure]
    reason: str = ""

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
            published = result.published(table, metric)
            figure = result.figures.get(metric)
            made.append(
                [
                    row.name,
                    column.name,
                    SHOWN[metric],
                    "" if published is None else f"{published:.2f}",
                    "" if figure is None else _percent(figure),
                    "" if figure is None else _seeds(figure),
                    "" if figure is None else _against(figure, twin, metric),
                ]
            )
    return made


def _percent(figure: CellFigure) -> str:
    if figure.low == figure.high:  # no certainty: one verdict for all faces, in every draw
        return f"{100 * figure.value:.1f} [n/a]"
    return f"{100 * figure.value:.1f} [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


def _seeds(figure: CellFigure) -> str:
    return " ".join(f"{100 * value:.1f}" for value in figure.seeds)


def _against(figure: CellFigure, twin: Result | None, metric: str) -> str:
    other = twin.figures.get(metric) if twin else None
    if other is None:
        return ""
    gap, low, high = figure.minus(other)
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
    return [*said, *table.notes, *_reasons(results)]


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


def _reasons(results: Sequence[Result]) -> list[str]:
    """Why there are no figures, said once for all cells that share the reason."""
    cells: dict[str, list[str]] = {}
    for result in results:
        if result.reason:
            name = f"{result.cell.row.name}, {result.cell.column.name}"
            cells.setdefault(result.reason, []).append(name)
    return [
        f"Without a figure of ours: {names[0]}{f' and {len(names) - 1} more' * (len(names) > 1)}: "
        f"{why}."
        for why, names in cells.items()
    ]


def to_text(table: Table, results: Sequence[Result], how: str, width: int = 140) -> str:
    """For a terminal."""
    out = StringIO()
    console = Console(file=out, width=width, color_system=None, highlight=False, markup=False)
    grid = Grid(box=box.SIMPLE_HEAD)
    for heading in HEADINGS:
        grid.add_column(heading, overflow="fold")
    for line in lines(table, results):
        grid.add_row(*line)
    console.print(grid)
    for sentence in summary(table, results, how):
        console.print(sentence)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def to_markdown(table: Table, results: Sequence[Result], how: str) -> str:
    """For a page of documentation: a grid a metric; rows and columns without ours are left out."""
    text = "\n".join(f"- {sentence}" for sentence in summary(table, results, how))
    grids = "\n".join(_grid(table, results, metric) for metric in table.metrics)
    return f"### {table.name}\n\n{text}\n\n{grids}"


def _grid(table: Table, results: Sequence[Result], metric: str) -> str:
    """Detectors down, columns across; published, ours and the difference to the twin."""
    name = SHOWN[metric]
    found = {(line[0], line[1]): line for line in lines(table, results) if line[2] == name}
    kept = {key: line for key, line in found.items() if line[4]}
    across = [c.name for c in table.columns if any(column == c.name for _, column in kept)]
    down = [r.name for r in table.rows if any(row == r.name for row, _ in kept)]
    twins = any(line[6] for line in kept.values())
    parts = {3: "published", 4: "ours [95 %]"} | ({6: "against its twin"} if twins else {})
    rows = [[name, *(f"{column}: {part}" for column in across for part in parts.values())]]
    rows.append(["---"] * len(rows[0]))
    for row in down:
        cells = [kept.get((row, column)) for column in across]
        rows.append([row, *(line[at] if line else "" for line in cells for at in parts)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def to_dict(table: Table, results: Sequence[Result], how: str) -> dict[str, Any]:
    """As JSON holds it; figures in [0, 1], published ones in percent."""
    cells = []
    for result in results:
        ours = {
            metric: {
                "value": f.value,
                "low": f.low,
                "high": f.high,
                "seeds": list(f.seeds),
                "videos": {"real": f.reals, "fake": f.fakes},
                "drawn": f.drawn,
            }
            for metric, f in result.figures.items()
        }
        published = {metric: result.published(table, metric) for metric in table.metrics}
        names = {"row": result.cell.row.name, "column": result.cell.column.name}
        cells.append({**names, "published": published, "ours": ours, "reason": result.reason})
    return {"schema": "telltrace.reproduction/1", "table": table.name, "how": how, "cells": cells}
