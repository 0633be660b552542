"""What a table needs: its cells, the runs behind them at some scale, and the data for them."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from telltrace.errors import OptionError
from telltrace.files import json_sha256
from telltrace.models.registry import default_options
from telltrace.training import DataConfig, OptimConfig

from .selection import manifest_of
from .tables import Column, Row, Table, frozen

Named = TypeVar("Named", Row, Column)

PREPARE = {
    "ffpp-hq": "telltrace prepare --config recipes/data/ffpp-hq.yaml FaceForensics++",
    "ffpp-lq": "telltrace prepare --config recipes/data/ffpp-lq.yaml FaceForensics++",
    "ffpp-luo": "telltrace prepare --config recipes/data/ffpp-luo.yaml FaceForensics++",
    "dfdc": "telltrace prepare --config recipes/data/dfdc.yaml DFDC",
    "hff": "telltrace prepare --config recipes/data/hff.yaml HFF",
    "celebdf": "telltrace prepare --config recipes/data/celebdf.yaml Celeb-DF-v2",
    "celebdf-v1": "telltrace prepare Celeb-DF-v1 --layout celeb-df-v1 --out crops/celebdf-v1",
    "dfdc-preview": "telltrace prepare DFDC-Preview --layout dfdc-preview --out crops/dfdc-preview",
    "dfd": "telltrace prepare DFD --layout dfd --out crops/dfd",
    "dfdc-faces": "telltrace prepare DFDC-faces --layout dfdc-faces --out crops/dfdc-faces",
    "ciplab": "telltrace prepare CIPLab --layout splices --out crops/ciplab",
}
"""How each data set of the tables is made."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What is changed against the paper's recipe; None changes nothing."""

    image_size: int | None = None
    """Side of the network's input, in pixels."""
    epochs: int | None = None
    frames: int | None = None
    """Frames of a training video."""
    test_frames: int | None = None
    """Frames of a test video."""
    batch_size: int | None = None
    lr: float | None = None
    """Learning rate: few steps need large ones."""
    crops: int | None = None
    """Training crops: those of the first groups of people in the order of their hashes."""

    def __str__(self) -> str:
        crops = f"{self.crops} training crops, " if self.crops else ""
        return (
            f"reduced to {self.image_size} pixels, {self.epochs} epochs, {crops}{self.frames} "
            f"frames of a training and {self.test_frames} of a test video, batches of "
            f"{self.batch_size}, learning rate {self.lr:g}"
        )


Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True)
class Conditions:
    """How a table is run, in so far as its figures depend on it."""

    scale: Scale = Scale()
    precision: Precision = "32-true"
    weights: str | None = None
    """Folder of ImageNet weights, or "timm"."""

    def weights_of(self, row: Row) -> str | None:
        """What a row starts from; None for nothing.

        Raises:
            OptionError: If it has no file in the folder.
        """
        if not row.imagenet or self.weights in (None, "timm"):
            return self.weights if row.imagenet else None
        stem = f"{self.weights}/{row.detector}"
        for file in (f"{stem}.safetensors", f"{stem}.pth"):
            if Path(file).is_file():
                return file
        remedy = "Put it there, or .pth, or give --weights timm."
        raise OptionError("no such file of weights", remedy=remedy, path=f"{stem}.safetensors")

    def differences(self, rows: Sequence[Row]) -> list[str]:
        """What differs from the paper, as sentences' parts; empty if nothing does."""
        found = [] if self.scale == Scale() else [str(self.scale)]
        if self.precision != "32-true":
            found.append(f"computed in {self.precision}, the paper in float32")
        if fresh := [row.name for row in rows if row.imagenet and self.weights is None]:
            found.append(f"{', '.join(fresh)} from fresh weights, in the paper from ImageNet's")
        return found


SCALES: Final[dict[str, Scale]] = {
    "paper": Scale(),
    "small": Scale(image_size=128, epochs=6, frames=16, test_frames=32, batch_size=32, lr=5e-4),
    "laptop": Scale(
        image_size=128, epochs=6, frames=16, test_frames=16, batch_size=32, lr=1e-3, crops=20000
    ),
    "tiny": Scale(image_size=64, epochs=3, frames=4, test_frames=16, batch_size=16, lr=1e-3),
}


@cache
def _recipes() -> dict[str, dict[str, dict[str, Any]]]:
    return tomllib.loads(files(__package__).joinpath("recipes.toml").read_text(encoding="utf-8"))


def settings(name: str, scale: Scale) -> tuple[DataConfig, OptimConfig]:
    """How a recipe of ``recipes.toml`` trains at this scale."""

    def part(name: str, **changed: float | None) -> dict[str, Any]:
        return frozen(recipe[name] | {k: v for k, v in changed.items() if v is not None})

    recipe = _recipes()[name]
    data = part("data", image_size=scale.image_size, batch_size=scale.batch_size)
    return DataConfig(**data), OptimConfig(**part("optim", epochs=scale.epochs, lr=scale.lr))


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
    precision: Precision = "32-true"

    @property
    def name(self) -> str:
        """A folder's name: readable, and another for every other setting."""
        digest = json_sha256(asdict(self))[:10]
        told = {k: v for k, v in self.options.items() if k not in ("image_size", "weights")}
        options = "-".join(map(str, told.values()))
        text = f"{self.detector}-{options}-{self.train}-seed{self.seed}-{digest}"
        return re.sub(r"[^A-Za-z0-9._]+", "-", text)


def run_of(table: Table, cell: Cell, how: Conditions, seed: int) -> Run:
    """The training that a cell needs; equal trainings of different tables are one."""
    row, column, recipe = cell.row, cell.column, cell.row.recipe or table.recipe
    assert row.detector is not None
    options = dict(row.options)
    if default_options(row.detector).get("image_size"):  # it is built for one size of image
        options["image_size"] = settings(recipe, how.scale)[0].image_size
    if weights := how.weights_of(row):
        options["weights"] = weights
    data = column.train, column.train_methods
    return Run(row.detector, options, recipe, how.scale, *data, seed, how.precision)


def plan_table(
    table: Table,
    data: Path,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    how: Conditions = Conditions(),
) -> list[Cell]:
    """Every cell of these rows and columns (all by default), with the reason why it cannot be run.

    Raises:
        OptionError: If a row or column has no such name.
    """
    asked = _chosen(table.rows, rows, "row"), _chosen(table.columns, columns, "column")
    return [Cell(row, column, _missing(row, column, data, how)) for row, column in product(*asked)]


def _chosen(all_: Sequence[Named], names: Sequence[str], what: str) -> list[Named]:
    known = [one.name for one in all_]
    if unknown := [name for name in names if name not in known]:
        raise OptionError(f"No {what} is named {unknown[0]!r}. There are {', '.join(known)}.")
    return [one for one in all_ if not names or one.name in names]


def _missing(row: Row, column: Column, data: Path, how: Conditions) -> str:
    if row.detector is None:
        return "quoted from its authors; not in this package"
    needed = dict.fromkeys((column.train, column.test))
    lacking = [name for name in needed if not manifest_of(data, name).is_file()]
    if not lacking:
        try:
            how.weights_of(row)
        except OptionError as error:
            return str(error)
        return ""
    what = " and ".join(str(manifest_of(data, name)) for name in lacking)
    made = "; ".join(f"`{PREPARE[name]}`" for name in lacking)
    return f"no {what}; make it with {made}"
