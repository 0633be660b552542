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
    folders = [recipe.parent for path in paths for recipe in sorted(path.rglob("recipe.json"))]
    found = [folder for folder in dict.fromkeys(folders) if (folder / "metrics.csv").is_file()]
    if not found:
        reason = f"{', '.join(map(str, paths))}: no run with a finished epoch"
        raise ManifestError(reason, remedy="Make one with `telltrace train`.")
    return found


def compare_runs(folders: Sequence[Path]) -> pd.DataFrame:
    """A row a run: the settings in which the runs differ, best epoch, last loss and speed."""
    recipes = [flatten(json.loads((f / "recipe.json").read_text())) for f in folders]
    keys = sorted(set().union(*recipes))
    differ = [key for key in keys if len({str(recipe.get(key, "")) for recipe in recipes}) > 1]
    rows = []
    for name, folder, recipe in zip(run_names(folders), folders, recipes, strict=True):
        metrics, speed = pd.read_csv(folder / "metrics.csv"), folder / "speed.csv"
        auc = metrics["val_auc_worst" if "val_auc_worst" in metrics else "val_auc"]
        kept: Any = auc.idxmax() if auc.notna().any() else metrics["val_log_loss"].idxmin()
        rate = pd.read_csv(speed)["images_per_second"].median() if speed.is_file() else float("nan")
        rows.append(
            {
                "run": name,
                **{key: str(recipe.get(key, "")) for key in differ},
                "epochs": f"{len(metrics)}/{recipe.get('optim.epochs', '?')}",
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
