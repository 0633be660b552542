"""`telltrace train` and `runs`: settings and crops in, checkpoints out, and runs compared."""

from pathlib import Path
from typing import Any


def train(**options: Any) -> int:
    """Train a detector; the epoch that is best on the validation split is kept.

    Stopped and started again with the same settings it goes on where it was, and ends with the
    same weights as a run that never stopped.
    """
    from telltrace import training
    from telltrace.training.processes import is_first

    result = training.train(**options)
    if options.get("sweep") is not None:
        import pandas as pd

        print(pd.read_csv(result).to_string(index=False, na_rep="-"))
        print(f"Every run and {result.name} -> {result.parent}")
    elif is_first():
        print(f"Best epoch -> {result}")
    return 0


def runs(runs: list[Path], *, plot: Path | None = None, csv: bool = False) -> int:
    """Compare training runs: what differed, the best epoch, the loss, the speed.

    Args:
        runs: Folders of runs, or folders that hold such, at any depth.
        plot: Picture to draw loss and AUC over the epochs to (.png).
        csv: Print CSV instead of a table.
    """
    from telltrace.training.compare import compare_runs, find_runs, plot_runs

    folders = find_runs(runs)
    table = compare_runs(folders)
    if csv:
        print(table.to_csv(index=False), end="")
    else:
        print(table.to_string(index=False, na_rep="-", float_format=lambda v: f"{v:.4g}"))
    if plot is not None:
        plot_runs(folders, plot)
    return 0
