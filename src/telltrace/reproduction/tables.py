"""A published table as data: its rows are detectors, its columns what they learn from and judge."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from telltrace.errors import OptionError
from telltrace.files.plain import from_plain

SHOWN = {"auc": "AUC", "balanced_accuracy": "BACC"}
"""The metrics of the tables and what the papers call them."""


@dataclass(frozen=True)
class Column:
    """One experiment: which data a detector learns from, and which it judges."""

    name: str
    train: str
    """Name of a prepared data set, such as ffpp-hq."""
    test: str
    train_methods: tuple[str, ...] = ()
    """Manipulations to learn from; empty for all."""
    test_methods: tuple[str, ...] = ()
    whole: bool = False
    """Whether every split is judged, where nothing of the data set is learnt from."""


@dataclass(frozen=True)
class Row:
    """One detector, and its published figures in percent: one tuple a column, one value a metric.

    The tuple is empty where no figure was published, or none is to hand.
    """

    name: str
    published: tuple[tuple[float, ...], ...]
    detector: str | None = None
    """Name in the registry; None for a detector that is not ours to run, whose figure is quoted."""
    options: Mapping[str, Any] = field(default_factory=dict)
    recipe: str = ""
    """How it is trained; empty for the table's own."""
    objective: Mapping[str, Any] = field(default_factory=dict)
    """What is minimised, where not the detector's own as it is by default."""
    imagenet: bool = False
    """Whether the paper starts it from ImageNet weights."""
    multiple: int = 1
    """The side of its images is a multiple of so many pixels: at a scale it is rounded up."""
    cost: tuple[str, ...] = ()
    """Published parameters and multiply-accumulates, such as ("13.95 M", "3.08 G")."""
    twin: str | None = None
    """Name of the row that it is compared with, seed by seed and video by video."""


@dataclass(frozen=True)
class Table:
    """A table of a paper."""

    name: str
    title: str
    source: str
    metrics: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    recipe: str = "sficonv"
    notes: tuple[str, ...] = ()


def table_names() -> list[str]:
    """Every table that the package knows."""
    folder = files(__package__).joinpath("tables")
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir())


def load_table(name: str) -> Table:
    """Read one table; an OptionError names those there are."""
    if name not in table_names():
        known = ", ".join(table_names())
        raise OptionError(f"No table is named {name!r}. There are {known}.")
    parts = read_toml("tables", f"{name}.toml")
    for row in parts["rows"]:
        row.setdefault("published", [()] * len(parts["columns"]))
    return from_plain(Table, {"name": name, **parts})


def read_toml(*path: str) -> dict[str, Any]:
    """A file of this package."""
    return tomllib.loads(files(__package__).joinpath(*path).read_text(encoding="utf-8"))
