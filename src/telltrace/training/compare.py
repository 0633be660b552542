"""Runs side by side: what differed between them, and their results."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from telltrace.errors import ManifestError

from .config import flatten


def find_runs(paths: Sequence[Path]) -> list[Path]:
    """The folders of runs that are named, or lie under one that is; ManifestError if none is."""
    recipes = [recipe for path in paths for recipe in sorted(path.rglob("recipe.json"))]
    found = [r.parent for r in recipes if (r.parent / "metrics.csv").is_file()]
    if not found:
        names = ", ".join(str(path) for path in paths)
        raise ManifestError(
            f"{names}: no run with a finished epoch", remedy="Make one with `telltrace train`."
        )
    return list(dict.fromkeys(found))


def compare_runs(folders: Sequence[Path]) -> pd.DataFrame:
    """A row a run: the settings in which the runs differ, best epoch, last loss and speed."""
    recipes = [flatten(json.loads((f / "recipe.json").read_text())) for f in folders]
    keys = sorted(set().union(*recipes))
    texts = {key: [str(recipe.get(key, "")) for recipe in recipes] for key in keys}
    differ = [key for key in keys if len(set(texts[key])) > 1]
    rows = []
    for i, (name, folder) in enumerate(zip(run_names(folders), folders, strict=True)):
        metrics, speed = pd.read_csv(folder / "metrics.csv"), folder / "speed.csv"
        auc = metrics["val_auc_worst" if "val_auc_worst" in metrics else "val_auc"]
        kept: Any = auc.idxmax() if auc.notna().any() else metrics["val_log_loss"].idxmin()
        rate = pd.read_csv(speed)["images_per_second"].median() if speed.is_file() else float("nan")
        rows.append(
            {
                "run": name,
                **{key: texts[key][i] for key in differ},
                "epochs": f"{len(metrics)}/{recipes[i].get('optim.epochs', '?')}",
                "best": int(metrics["epoch"][kept]),
                "val_auc": metrics["val_auc"][kept],
                "val_log_loss": metrics["val_log_loss"][kept],
                "loss": metrics["loss"].iloc[-1],
                "images/s": rate,
            }
        )
    return pd.DataFrame(rows)


def run_names(folders: Sequence[Path]) -> list[str]:
    """The paths below the folder that holds all the runs."""
    paths = [folder.absolute() for folder in folders]
    shared = os.path.commonpath([path.parent for path in paths])
    return [str(path.relative_to(shared)) for path in paths]


def plot_runs(folders: Sequence[Path], path: Path) -> None:
    """Loss and validation AUC of every run over its epochs, as one picture (.png, .svg, .pdf)."""
    from telltrace.visualization import runs_figure  # here, because it loads matplotlib

    tables = [pd.read_csv(folder / "metrics.csv") for folder in folders]
    path.parent.mkdir(parents=True, exist_ok=True)
    runs_figure(dict(zip(run_names(folders), tables, strict=True))).savefig(path, dpi=120)
