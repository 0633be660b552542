"""Many runs: over a grid of settings, and any of them side by side, in one table."""

import importlib
import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml

from telltrace.errors import DependencyError, ManifestError, OptionError
from telltrace.files import read_json, write_json, write_table
from telltrace.files.plain import flatten, from_plain

from .config import Settings

Run = Callable[..., Path]


def read_grid(path: Path) -> dict[str, list[Any]]:
    """Dotted settings, each with the values to try; OptionError if the YAML file holds others."""
    try:
        grid = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        grid = None
    if not isinstance(grid, dict) or not all(isinstance(v, list) and v for v in grid.values()):
        example = "'options.alpha: [0.25, 0.5]' and 'seed: [1, 2, 3]'"
        text = f"expected settings with a list of values each, such as {example}"
        raise OptionError(text, path=path)
    return grid


def points(grid: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """Every combination of the values; the last setting varies fastest."""
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def with_point(settings: Settings, point: Mapping[str, Any]) -> Settings:
    """Settings with one point of the grid put into them; an OptionError names unknown ones."""
    values = asdict(settings)
    for key, value in point.items():
        name, _, inner = key.partition(".")
        if name == "manifest" or name not in values:
            remedy = "Name a setting, such as options.alpha."
            raise OptionError(f"A sweep cannot vary {key!r}", remedy=remedy)
        if inner and name != "options" and inner not in values[name]:
            raise OptionError(f"There is no setting {key!r}; known are {', '.join(values[name])}.")
        values[name] = {**values[name], inner: value} if inner else value
    return from_plain(Settings, values)


def run_sweep(
    run: Run,
    settings: Settings,
    out: Path,
    fixed: Mapping[str, Any],
    grid: Path,
    *,
    on: Literal["here", "ray"] = "here",
) -> Path:
    """Train at every point of a grid; returns the table of results.

    Each run has a folder of its own under ``out``; the sweep may be stopped at any moment and
    started again, and finished runs are not repeated. ``results.csv`` is written anew after each
    run: a row for every combination of settings but the seed, with the number of runs, the mean of
    their best validation AUC, and its 95 % interval by Student's t. ``run`` trains once, with the
    settings of a point and the ``fixed`` arguments; on Ray, as many at once as the cluster takes.
    An OptionError if the grid names what cannot be varied.
    """
    if settings.hardware.processes > 1:
        fix = "Leave out --hardware.devices and .nodes; on Ray every device gets a run of its own."
        raise OptionError("A sweep starts runs of one process each", remedy=fix)
    asked, results = read_grid(grid), out / "results.csv"
    folders = {
        out / ",".join(f"{key.rpartition('.')[2]}={value}" for key, value in point.items()): point
        for point in points(asked)
    }
    runs = {folder: with_point(settings, point) for folder, point in folders.items()}
    waiting = {folder: one for folder, one in runs.items() if not _is_finished(folder, one)}
    write_json(asked, out / "grid.json")
    write_table(_tabulate(folders), results)
    here = (run(one, folder, **fixed) for folder, one in waiting.items())
    for _ in _start_on_ray(run, waiting, fixed) if on == "ray" else here:
        write_table(_tabulate(folders), results)
    return results


def _start_on_ray(
    run: Run, runs: Mapping[Path, Settings], fixed: Mapping[str, Any]
) -> Iterator[Path]:
    """One task a run; each asks for a GPU where the cluster has any, else for one core."""
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise DependencyError("Ray is not installed", extra="scale") from None
    if not ray.is_initialized():
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # send no usage statistics
        ray.init(log_to_driver=False, include_dashboard=False)
    gpus = min(1, ray.cluster_resources().get("GPU", 0))
    task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=2)(run)
    waiting = [task.remote(settings, folder, **fixed) for folder, settings in runs.items()]
    while waiting:
        done, waiting = ray.wait(waiting)
        yield from ray.get(done)


def _is_finished(folder: Path, settings: Settings) -> bool:
    """Whether a run has done all its epochs."""
    if not all((folder / name).is_file() for name in ("metrics.csv", "best.safetensors")):
        return False
    return len(pd.read_csv(folder / "metrics.csv")) >= settings.optim.epochs


def _tabulate(folders: Mapping[Path, Mapping[str, Any]]) -> pd.DataFrame:
    """The best validation AUC of every run that has one, with mean and interval over the seeds."""
    from scipy import stats  # here, because it takes a second to import

    found = [
        {**point, "val_auc": pd.read_csv(folder / "metrics.csv").val_auc.max()}
        for folder, point in folders.items()
        if (folder / "metrics.csv").is_file()
    ]
    varied = [key for key in next(iter(folders.values())) if key != "seed"]
    types = dict.fromkeys(varied, str) | {"val_auc": float}
    table = pd.DataFrame(found, columns=list(types)).astype(types)
    keys: Any = varied or [0] * len(table)
    groups = table.groupby(keys, sort=False).val_auc
    rows = groups.agg(runs="count", val_auc="mean", error="sem").reset_index()
    rows["low"], rows["high"] = stats.t.interval(0.95, rows.runs - 1, rows.val_auc, rows.error)
    return rows[[*varied, "runs", "val_auc", "low", "high"]]


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
    recipes = [flatten(read_json(f / "recipe.json")) for f in folders]
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
