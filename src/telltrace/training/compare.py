"""Runs side by side: what differed between them, and what came of it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from telltrace.training.state import flat_settings


def find_runs(paths: Sequence[Path]) -> list[Path]:
    """The folders of runs that are named, or lie anywhere under a folder that is.

    Raises:
        ValueError: If there is none.
    """
    found = [
        recipe.parent
        for path in paths
        for recipe in sorted(path.rglob("recipe.json"))
        if (recipe.parent / "metrics.csv").is_file()
    ]
    if not found:
        names = ", ".join(str(path) for path in paths)
        raise ValueError(f"{names}: no run with a finished epoch. Make one with `telltrace train`.")
    return list(dict.fromkeys(found))


def compare_runs(folders: Sequence[Path]) -> pd.DataFrame:
    """A row a run: the settings in which the runs differ, its best epoch, its last loss, its speed.

    Args:
        folders: Folders that ``telltrace train`` wrote.
    """
    recipes = [flat_settings(json.loads((f / "recipe.json").read_text())) for f in folders]
    keys = sorted(set().union(*recipes))
    texts = {key: [str(recipe.get(key, "")) for recipe in recipes] for key in keys}
    differ = [key for key in keys if len(set(texts[key])) > 1]
    names = run_names(folders)
    rows = []
    for i, folder in enumerate(folders):
        metrics = pd.read_csv(folder / "metrics.csv")
        best = metrics.loc[_best(metrics)]
        rows.append(
            {
                "run": names[i],
                **{key: texts[key][i] for key in differ},
                "epochs": f"{len(metrics)}/{recipes[i].get('optim.epochs', '?')}",
                "best": int(best["epoch"]),
                "val_auc": best["val_auc"],
                "val_log_loss": best["val_log_loss"],
                "loss": metrics["loss"].iloc[-1],
                "images/s": _speed(folder),
            }
        )
    return pd.DataFrame(rows)


def run_names(folders: Sequence[Path]) -> list[str]:
    """The end of each path that tells it from the others."""
    parts = [folder.absolute().parts for folder in folders]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-count:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _best(metrics: pd.DataFrame) -> Any:
    """The row that training kept: the highest AUC, or the lowest loss where AUC is undefined."""
    if metrics["val_auc"].notna().any():
        return metrics["val_auc"].idxmax()
    return metrics["val_log_loss"].idxmin()


def _speed(folder: Path) -> float:
    """Median images a second over the epochs."""
    file = folder / "speed.csv"
    if not file.is_file():
        return float("nan")
    return float(pd.read_csv(file)["images_per_second"].median())


def plot_runs(folders: Sequence[Path], path: Path) -> None:
    """Loss and validation AUC of every run over its epochs, as one picture.

    Args:
        folders: Folders that ``telltrace train`` wrote.
        path: Picture to write; its name decides the format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2)
    for name, folder in zip(run_names(folders), folders, strict=True):
        metrics = pd.read_csv(folder / "metrics.csv")
        for ax, column in zip(axes, ("loss", "val_auc"), strict=True):
            ax.plot(metrics["epoch"], metrics[column], marker=".", label=name)
    for ax, title in zip(axes, ("training loss", "validation AUC"), strict=True):
        ax.set(xlabel="epoch", title=title)
        ax.grid(alpha=0.3)
    axes[1].legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
