"""Run the cells of a table: train what was not trained, judge what was not judged, never twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from telltrace.checkpoint import load_detector
from telltrace.data.crops import read_crops
from telltrace.data.manifest import manifest_hash, read_manifest
from telltrace.evaluation.ranking import UndefinedError
from telltrace.evaluation.scores import read_scores, write_scores
from telltrace.inference import choose_device, score_crops
from telltrace.pools.worker import processors
from telltrace.progress import logger
from telltrace.training import train
from telltrace.training.config import Device, HardwareConfig

from . import selection
from .cells import Cell, Conditions, Run, run_of, settings
from .results import Result, cell_figure
from .tables import Table


@dataclass(frozen=True)
class Place:
    """Where data, selections and runs lie, and where to compute."""

    data: Path
    out: Path
    device: Device
    show: bool
    devices: int = 1
    workers: int | None = None
    manifests: dict[str, pd.DataFrame] = field(default_factory=dict)

    def prepared(self, name: str) -> pd.DataFrame:
        """A prepared data set, read once."""
        if name not in self.manifests:
            self.manifests[name] = read_manifest(selection.manifest_of(self.data, name))
        return self.manifests[name]

    def select(self, rows: pd.DataFrame, name: str) -> Path:
        """A manifest of these rows of a data set."""
        source = selection.manifest_of(self.data, name)
        return selection.write_selection(rows, source, self.out / "data")


def run_cell(
    table: Table, cell: Cell, how: Conditions, seeds: Sequence[int], place: Place
) -> Result:
    """One cell with our figures, or the reason why it has none."""
    if cell.missing:
        return Result(cell, {}, cell.missing)
    try:
        found = [_scores(run_of(table, cell, how, seed), cell, place) for seed in seeds]
        scores = [one for one in found if one is not None]
        figures = {m: cell_figure(scores, m) for m in table.metrics} if scores else {}
        return Result(cell, figures, "" if scores else "not run yet")
    except (ValueError, RuntimeError, FloatingPointError) as error:
        what = "no figure: " if isinstance(error, UndefinedError) else ""
        logger.info("%s, %s: failed: %s%s", cell.row.name, cell.column.name, what, error)
        return Result(cell, {}, f"failed: {what}{error}")


def _scores(run: Run, cell: Cell, place: Place) -> pd.DataFrame | None:
    """The scores of one run on the cell's test crops: from its file, or made now.

    None where they are only to be shown, and there are none.
    """
    source, judged = place.prepared(run.train), place.prepared(cell.column.test)
    scale, column = run.scale, cell.column
    training = selection.training_rows(source, run.train_methods, scale.frames, scale.crops)
    test = selection.judged_rows(judged, column.test_methods, scale.test_frames, column.whole)
    selection.refuse_leaks(training, test)
    folder = place.out / "runs" / f"{run.name}-{manifest_hash(training)[:8]}"
    path = folder / f"scores-{cell.column.test}-{manifest_hash(test)[:8]}.csv"
    if not path.exists():
        if place.show:
            return None
        detector = load_detector(_train(run, training, folder, place), choose_device(place.device))
        crops = read_crops([place.select(test, cell.column.test)])
        write_scores(score_crops(detector, *crops), path)
        logger.info("judged %s", path)
    return read_scores(path)


def _train(run: Run, rows: pd.DataFrame, folder: Path, place: Place) -> Path:
    """The checkpoint of a run; trained now, or gone on with, unless it is there."""
    best, done = folder / "best.safetensors", folder / "done"
    if not done.exists():
        data, optim = settings(run.recipe, run.scale)
        workers = processors() if place.workers is None else place.workers
        train(
            manifest=[place.select(rows, run.train)],
            out=folder,
            detector=run.detector,
            options=run.options,
            data=replace(data, workers=workers),
            optim=optim,
            hardware=HardwareConfig(devices=place.devices),
            seed=run.seed,
            device=place.device,
            precision=run.precision,
        )
        done.touch()
        for state in folder.glob("last*.safetensors"):
            state.unlink()
        logger.info("trained %s", folder)
    return best
