"""Run the cells of a table: train what was not trained, judge what was not judged, never twice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from telltrace.checkpoint import load_detector
from telltrace.data.crops import read_crops
from telltrace.data.manifest import manifest_hash, read_manifest
from telltrace.evaluation.metrics import UndefinedError
from telltrace.evaluation.scores import read_scores, write_scores
from telltrace.inference import choose_device, score_crops
from telltrace.training import train
from telltrace.training.config import Device

from . import selection
from .cells import Cell, Run, plan_table, run_of
from .figures import cell_figure
from .results import Result
from .scale import SCALES, ScaleName, settings
from .tables import Table


@dataclass(frozen=True)
class _Place:
    """Where data, selections and runs lie, and where to compute."""

    data: Path
    out: Path
    device: Device
    tell: Callable[[str], None]
    show: bool
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


def reproduce_table(
    table: Table,
    data: Path,
    out: Path,
    *,
    scale: ScaleName = "paper",
    seeds: Sequence[int] = (7,),
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    device: Device = "auto",
    show: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Result]:
    """Every cell of a table, with our figures where this machine can make them.

    It may be stopped at any moment: runs that are done are not done again, and the one under way
    goes on. Runs are shared by all tables below ``out``.

    Args:
        table: What to reproduce.
        data: Folder with one prepared data set a folder, such as ``data/ffpp-hq/manifest.csv``.
        out: Folder for the runs.
        scale: How much smaller than the paper.
        seeds: One run each; the paper's is 7.
        rows: Only rows of these names.
        columns: Only columns of these names.
        device: "auto", "cpu" or "cuda".
        show: Only show what earlier runs have done.
        tell: Called with one line after each training or judging.

    Raises:
        TelltraceError: If a row, column or data set is wrong; the message names it.
    """
    place = _Place(data, out, device, tell, show)
    results = []
    for cell in plan_table(table, data, rows=rows, columns=columns):
        if cell.missing:
            results.append(Result(cell, {}, cell.missing))
            continue
        runs = [run_of(table, cell, SCALES[scale], seed) for seed in seeds]
        try:
            tables = [_scores(run, cell, place) for run in runs]
            scores = [one for one in tables if one is not None]
            figures = {m: cell_figure(scores, m) for m in table.metrics} if scores else {}
            results.append(Result(cell, figures, "" if scores else "not run yet"))
        except (ValueError, RuntimeError, FloatingPointError) as error:
            what = "no figure: " if isinstance(error, UndefinedError) else ""
            tell(f"{cell.row.name}, {cell.column.name}: failed: {what}{error}")
            results.append(Result(cell, {}, f"failed: {what}{error}"))
    return results


def _scores(run: Run, cell: Cell, place: _Place) -> pd.DataFrame | None:
    """The scores of one run on the cell's test crops: from its file, or made now.

    None where they are only to be shown, and there are none.
    """
    source, judged = place.prepared(run.train), place.prepared(cell.column.test)
    training = selection.training_rows(source, run.train_methods, run.scale.frames)
    test = selection.judged_rows(judged, cell.column.test_methods, run.scale.test_frames)
    selection.refuse_leaks(training, test)
    folder = place.out / "runs" / f"{run.name}-{manifest_hash(training)[:8]}"
    path = folder / f"scores-{cell.column.test}-{manifest_hash(test)[:8]}.csv"
    if not path.exists():
        if place.show:
            return None
        detector = load_detector(_train(run, training, folder, place), choose_device(place.device))
        crops = read_crops([place.select(test, cell.column.test)])
        write_scores(score_crops(detector, *crops), path)
        place.tell(f"judged {path}")
    return read_scores(path)


def _train(run: Run, rows: pd.DataFrame, folder: Path, place: _Place) -> Path:
    """The checkpoint of a run; trained now, or gone on with, unless it is there."""
    best, done = folder / "best.safetensors", folder / "done"
    if not done.exists():
        data, optim = settings(run.recipe, run.scale)
        train(
            manifest=[place.select(rows, run.train)],
            out=folder,
            detector=run.detector,
            options=run.options,
            data=data,
            optim=optim,
            seed=run.seed,
            device=place.device,
        )
        done.touch()
        for state in folder.glob("last*.safetensors"):
            state.unlink()
        place.tell(f"trained {folder}")
    return best
