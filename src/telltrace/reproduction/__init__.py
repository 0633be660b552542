"""The tables of the papers, run again: what was published beside what comes out here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from .tables import Table


def reproduce_table(
    table: Table,
    *,
    data: Path = Path("crops"),
    out: Path = Path("runs/reproduce"),
    scale: Literal["paper", "laptop", "small", "tiny"] = "paper",
    seeds: Sequence[int] = (7,),
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    device: Literal["auto", "cpu", "cuda"] = "auto",
    devices: int = 1,
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true",
    workers: int | None = None,
    weights: str | None = None,
    show: bool = False,
) -> list[Any]:
    """Every cell of a table, with our figures where this machine can make them.

    It may be stopped at any moment: runs that are done are not done again, and the one under way
    goes on. Runs are shared by all tables below ``out``.

    Args:
        table: What to reproduce.
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

    Returns:
        A :class:`~telltrace.reproduction.results.Result` for each cell.

    Raises:
        TelltraceError: If a row, column or data set is wrong; the message names it.
    """
    from .cells import SCALES, Conditions, plan_table
    from .run import Place, run_cell

    place = Place(data, out, device, show, devices, workers)
    how = Conditions(SCALES[scale], precision, weights)
    cells = plan_table(table, data, rows, columns, how)
    return [run_cell(table, cell, how, seeds, place) for cell in cells]
