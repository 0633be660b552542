"""What the networks of a table cost, by the paper's count and as executed, beside its figures."""

import re
from collections.abc import Sequence
from functools import cache

import torch

from telltrace.models import create_detector
from telltrace.models.complexity import Complexity, complexity

from .cells import SCALES, Cell, Setup, run_of, settings
from .tables import Table

HEADINGS = [
    "detector", "Param.: published", "ours", "FLOPs (Mac): published", "ours, counted alike",
    "ours, executed",
]  # fmt: skip
_UNITS = {"K": 1e3, "M": 1e6, "G": 1e9}


def cost_lines(table: Table, cells: Sequence[Cell]) -> list[list[str]]:
    """One line for each row whose cost was published, in the order of :data:`HEADINGS`.

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
