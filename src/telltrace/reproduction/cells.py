"""What a table needs: its cells, the runs behind them, and what this machine has of the data."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from telltrace.errors import OptionError
from telltrace.files import json_sha256

from .scale import Scale, builder_options, settings
from .selection import manifest_of
from .tables import Column, Row, Table

Named = TypeVar("Named", Row, Column)

PREPARE = {
    "ffpp-hq": "telltrace prepare --config recipes/data/ffpp-hq.yaml FaceForensics++",
    "ffpp-lq": "telltrace prepare --config recipes/data/ffpp-lq.yaml FaceForensics++",
    "dfdc": "telltrace prepare --config recipes/data/dfdc.yaml DFDC",
    "hff": "telltrace prepare --config recipes/data/hff.yaml HFF",
    "celebdf": "telltrace prepare --config recipes/data/celebdf.yaml Celeb-DF-v2",
    "dfd": "telltrace prepare DFD --layout folder --out crops/dfd",
}
"""How each data set of the tables is made."""


@dataclass(frozen=True)
class Cell:
    """One figure of a table: a detector, trained on one thing and judged on another."""

    row: Row
    column: Column
    missing: str = ""
    """Why it cannot be run here, and what would help; empty if it can."""


@dataclass(frozen=True)
class Run:
    """One training behind one or more cells: all that its outcome depends on but the pixels."""

    detector: str
    options: dict[str, Any]
    recipe: str
    scale: Scale
    train: str
    train_methods: tuple[str, ...]
    seed: int

    @property
    def name(self) -> str:
        """A folder's name: readable, and another for every other setting."""
        digest = json_sha256(asdict(self))[:10]
        options = "-".join(f"{v}" for k, v in self.options.items() if k != "image_size")
        text = f"{self.detector}-{options}-{self.train}-seed{self.seed}-{digest}"
        return re.sub(r"[^A-Za-z0-9._]+", "-", text)


def run_of(table: Table, cell: Cell, scale: Scale, seed: int) -> Run:
    """The training that a cell needs; equal trainings of different tables are one."""
    recipe = cell.row.recipe or table.recipe
    data, _ = settings(recipe, scale)
    detector = cell.row.detector
    assert detector is not None
    options = builder_options(detector, cell.row.options, data.image_size)
    column = cell.column
    return Run(detector, options, recipe, scale, column.train, column.train_methods, seed)


def plan_table(
    table: Table, data: Path, rows: Sequence[str] = (), columns: Sequence[str] = ()
) -> list[Cell]:
    """Every cell of these rows and columns (all by default), with the reason why it cannot be run.

    Raises:
        OptionError: If a row or column has no such name.
    """
    kept_rows = _chosen(table.rows, rows, "row")
    kept_columns = _chosen(table.columns, columns, "column")
    return [Cell(r, c, _missing(r, c, data)) for r in kept_rows for c in kept_columns]


def _chosen(all_: Sequence[Named], names: Sequence[str], what: str) -> list[Named]:
    known = [one.name for one in all_]
    if unknown := [name for name in names if name not in known]:
        raise OptionError(f"No {what} is named {unknown[0]!r}. There are {', '.join(known)}.")
    return [one for one in all_ if not names or one.name in names]


def _missing(row: Row, column: Column, data: Path) -> str:
    if row.detector is None:
        return "quoted from its authors; not in this package"
    lacking = [
        name
        for name in dict.fromkeys((column.train, column.test))
        if not manifest_of(data, name).is_file()
    ]
    if not lacking:
        return ""
    what = " and ".join(str(manifest_of(data, name)) for name in lacking)
    how = "; ".join(f"`{PREPARE[name]}`" for name in lacking)
    return f"no {what}; make it with {how}"
