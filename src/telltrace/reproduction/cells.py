"""What a table needs: its cells, and the runs behind them at some scale."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from telltrace.errors import OptionError
from telltrace.files import json_sha256
from telltrace.files.plain import from_plain
from telltrace.models.registry import default_options
from telltrace.training.config import DataConfig, Device, OptimConfig, by_content

from .tables import Column, Row, Table, read_toml

if TYPE_CHECKING:
    from .figures import CellFigure


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


SCALES: Final[dict[str, Scale]] = {
    "paper": Scale(),
    "small": Scale(image_size=128, epochs=6, frames=16, test_frames=32, batch_size=32, lr=5e-4),
    "laptop": Scale(
        image_size=96, epochs=4, frames=16, test_frames=16, batch_size=32, lr=1e-3, crops=6000
    ),
    "tiny": Scale(image_size=64, epochs=3, frames=4, test_frames=16, batch_size=16, lr=1e-3),
}


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How and where a table is run.

    Args:
        data: Folder with one prepared data set a folder, such as DATA/ffpp-hq/manifest.csv.
        out: Folder for the runs; all tables share them.
        scale: "paper" trains as the paper did, the others on less of everything.
        seeds: One run each; the paper's is 7.
        rows: Only these rows.
        columns: Only these columns.
        device: Where to compute.
        devices: Processes that train together, each with a device of its own.
        precision: Arithmetic of training; the papers' is float32.
        workers: Threads that prepare batches; by default one for each processor of this machine.
        weights: ImageNet weights for the rows that the paper starts from them: a folder with a
            file DETECTOR.safetensors or DETECTOR.pth for each, or "timm" to let timm supply
            (and download) them. Without them such rows start from nothing, and the page says so.
        show: Run nothing; show what earlier runs have done.
        shared_people: Judge people too whom training saw, where a data set's split shares them, as
            the papers' do; the page says so. Otherwise such a cell is refused.
    """

    data: Path = Path("crops")
    out: Path = Path("runs/reproduce")
    scale: Literal["paper", "laptop", "small", "tiny"] = "paper"
    seeds: Sequence[int] = (7,)
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    device: Device = "auto"
    devices: int = 1
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    workers: int | None = None
    weights: str | None = None
    show: bool = False
    shared_people: bool = False

    def manifest_of(self, name: str) -> Path:
        """Where the manifest of a data set lies."""
        return self.data / name / "manifest.csv"

    def weights_of(self, row: Row) -> str | None:
        """What a row starts from; None for nothing.

        Raises:
            OptionError: If it has no file in the folder.
        """
        if not row.imagenet:
            return None
        if self.weights in (None, "timm"):
            return self.weights
        stem = f"{self.weights}/{row.detector}"
        for file in (f"{stem}.safetensors", f"{stem}.pth"):
            if Path(file).is_file():
                return file
        remedy = "Put it there, or .pth, or give --weights timm."
        raise OptionError("no such file of weights", remedy=remedy, path=f"{stem}.safetensors")

    def scale_of(self, row: Row) -> Scale:
        """The scale, with the next size of image that the row's network takes."""
        scale = SCALES[self.scale]
        if scale.image_size is None or scale.image_size % row.multiple == 0:
            return scale
        return replace(scale, image_size=-(-scale.image_size // row.multiple) * row.multiple)

    def describe(self, table: Table, rows: Iterable[Row]) -> str:
        """What differs from the paper, and the number of seeds."""
        rows = list({row.name: row for row in rows if row.detector}.values())
        found = [] if self.scale == "paper" else [str(SCALES[self.scale])]
        sizes = {row.name: self.scale_of(row).image_size for row in rows if row.multiple > 1}
        found += [
            f"{name} at {size} pixels"
            for name, size in sizes.items()
            if size != SCALES[self.scale].image_size
        ]
        recipes = dict.fromkeys(row.recipe or table.recipe for row in rows)
        found += [text for name in recipes for text in read_toml("recipes.toml")[name]["differs"]]
        if self.precision != "32-true":
            found.append(f"computed in {self.precision}, the paper in float32")
        if fresh := dict.fromkeys(x.name for x in rows if x.imagenet and self.weights is None):
            found.append(f"{', '.join(fresh)} from fresh weights, in the paper from ImageNet's")
        if self.shared_people:
            found.append("people of the test may have been learnt from: figures can flatter")
        unlike = f" but for: {'; '.join(dict.fromkeys(found))}" if found else ""
        count = len(self.seeds)
        return f"the paper's settings{unlike}; {count} seed{'s' * (count > 1)}"


def settings(name: str, scale: Scale) -> tuple[DataConfig, OptimConfig]:
    """How a recipe of ``recipes.toml`` trains at this scale."""
    recipe = read_toml("recipes.toml")[name]
    reduced = {key: value for key, value in asdict(scale).items() if value is not None}
    for part, keys in (("data", ("image_size", "batch_size")), ("optim", ("epochs", "lr"))):
        recipe[part] |= {key: reduced[key] for key in keys if key in reduced}
    return from_plain(DataConfig, recipe["data"]), from_plain(OptimConfig, recipe["optim"])


@dataclass(frozen=True)
class Cell:
    """One cell of a table: a detector, trained on one thing and judged on another."""

    row: Row
    column: Column
    reason: str = ""
    """Why it has no figures of ours, or cannot have them here, and what would help."""
    figures: Mapping[str, "CellFigure"] = field(default_factory=dict)
    """Ours, by metric."""

    @property
    def failed(self) -> bool:
        """Whether it cannot be run as it is, as against lacking data or time."""
        return self.reason.startswith("failed")

    def published(self, table: Table, metric: str) -> float | None:
        """The paper's figure in percent."""
        values = self.row.published[table.columns.index(self.column)]
        return dict(zip(table.metrics, values, strict=False)).get(metric)


@dataclass(frozen=True)
class Run:
    """One training behind one or more cells: all that its outcome depends on but the pixels."""

    detector: str
    options: dict[str, Any]
    objective: dict[str, Any]
    recipe: str
    scale: Scale
    train: str
    train_methods: tuple[str, ...]
    seed: int
    precision: str = "32-true"

    @property
    def name(self) -> str:
        """A folder's name: readable, and another for every other setting."""
        digest = json_sha256(by_content(asdict(self)))[:10]
        told = {k: v for k, v in self.options.items() if k not in ("image_size", "weights")}
        options = "-".join(map(str, told.values()))
        text = f"{self.detector}-{options}-{self.train}-seed{self.seed}-{digest}"
        return re.sub(r"[^A-Za-z0-9._]+", "-", text)


def run_of(table: Table, cell: Cell, setup: Setup, seed: int) -> Run:
    """The training that a cell needs; equal trainings of different tables are one."""
    row, recipe, scale = cell.row, cell.row.recipe or table.recipe, setup.scale_of(cell.row)
    assert row.detector is not None
    options = dict(row.options)
    if default_options(row.detector).get("image_size"):  # it is built for one size of image
        options["image_size"] = settings(recipe, scale)[0].image_size
    if weights := setup.weights_of(row):
        options["weights"] = weights
    data = cell.column.train, cell.column.train_methods
    objective = dict(row.objective)
    return Run(row.detector, options, objective, recipe, scale, *data, seed, setup.precision)
