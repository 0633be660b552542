"""Run the cells of a table: train what was not trained, judge what was not judged, never twice."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from telltrace.checkpoint import load_detector
from telltrace.data.crops import read_crops
from telltrace.data.manifest import manifest_hash
from telltrace.evaluation.ranking import UndefinedError
from telltrace.evaluation.scores import read_scores, write_scores
from telltrace.files.plain import from_plain
from telltrace.inference import choose_device, score_crops
from telltrace.jobs.progress import logger
from telltrace.jobs.threads import processors
from telltrace.training import train
from telltrace.training.config import HardwareConfig, ObjectiveConfig

from .cells import Cell, Run, Setup, run_of, settings
from .figures import cell_figure
from .selection import both_sides, write_selection
from .tables import Table


def run_cell(table: Table, cell: Cell, setup: Setup) -> Cell:
    """One cell with our figures, or the reason why it has none."""
    if cell.reason:
        return cell
    try:
        found = [_scores(run_of(table, cell, setup, seed), cell, setup) for seed in setup.seeds]
        scores = [one for one in found if one is not None]
        if not scores:
            return replace(cell, reason="not run yet")
        return replace(cell, figures={m: cell_figure(scores, m) for m in table.metrics})
    except (ValueError, RuntimeError, FloatingPointError) as error:
        what = "no figure: " if isinstance(error, UndefinedError) else ""
        logger.info("%s, %s: failed: %s%s", cell.row.name, cell.column.name, what, error)
        return replace(cell, reason=f"failed: {what}{error}")


def _scores(run: Run, cell: Cell, setup: Setup) -> pd.DataFrame | None:
    """The scores of a run on the cell's test crops: kept ones, or made now unless only shown."""
    source, judged = setup.manifest_of(run.train), setup.manifest_of(cell.column.test)
    training, test = both_sides(cell.column, run.scale, setup)
    folder = setup.out / "runs" / f"{run.name}-{manifest_hash(training)[:8]}"
    path = folder / f"scores-{cell.column.test}-{manifest_hash(test)[:8]}.csv"
    if not path.exists():
        if setup.show:
            return None
        _train(run, write_selection(training, source, setup.out / "data"), folder, setup)
        detector = load_detector(folder / "best.safetensors", choose_device(setup.device))
        crops = read_crops([write_selection(test, judged, setup.out / "data")])
        write_scores(score_crops(detector, *crops), path)
        logger.info("judged %s", path)
    return read_scores(path)


def _train(run: Run, manifest: Path, folder: Path, setup: Setup) -> None:
    """Train a run, or go on with it, unless it is done."""
    done = folder / "done"
    if done.exists():
        return
    data, optim = settings(run.recipe, run.scale)
    workers = processors() if setup.workers is None else setup.workers
    train(
        manifest=[manifest],
        out=folder,
        detector=run.detector,
        options=run.options,
        objective=from_plain(ObjectiveConfig, run.objective),
        data=replace(data, workers=workers),
        optim=optim,
        hardware=HardwareConfig(devices=setup.devices),
        seed=run.seed,
        device=setup.device,
        precision=setup.precision,
    )
    done.touch()
    for state in folder.glob("last*.safetensors"):
        state.unlink()
    logger.info("trained %s", folder)
