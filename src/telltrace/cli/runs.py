"""`telltrace runs`: training runs side by side."""

from pathlib import Path


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
