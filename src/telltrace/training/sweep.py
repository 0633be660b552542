"""Many runs over a grid of settings, and one table of what they came to."""

import importlib
import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml
from scipy import stats

from telltrace.files import write_json, write_table

Grid = dict[str, list[Any]]
"""Dotted settings, as the command line spells them, each with the values to try."""
RESULTS = "results.csv"


def read_grid(path: Path) -> Grid:
    """Read a grid: a YAML mapping of dotted settings to lists, such as ``options.alpha: [0, 0.5]``.

    Raises:
        ValueError: If it is no such mapping.
    """
    grid = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(grid, dict) or not all(isinstance(v, list) and v for v in grid.values()):
        raise ValueError(
            f"{path}: expected settings with a list of values each, such as "
            "'options.alpha: [0.25, 0.5]' and 'seed: [1, 2, 3]'."
        )
    return grid


def points(grid: Grid) -> Iterator[dict[str, Any]]:
    """Every combination of the values; the last setting varies fastest.

    Examples:
        >>> list(points({"options.alpha": [0.25, 0.5], "seed": [1]}))
        [{'options.alpha': 0.25, 'seed': 1}, {'options.alpha': 0.5, 'seed': 1}]
    """
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def run_name(point: Mapping[str, Any]) -> str:
    """The folder of one run.

    Examples:
        >>> run_name({"options.alpha": 0.25, "seed": 1})
        'alpha=0.25,seed=1'
    """
    return ",".join(f"{key.rpartition('.')[2]}={value}" for key, value in point.items())


def with_point(call: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """A call of ``train`` with one point of the grid put into its settings.

    Raises:
        ValueError: If there is no such setting.
    """
    changed = dict(call)
    for key, value in point.items():
        name, _, inner = key.partition(".")
        if name not in changed or name in {"manifest", "out"}:
            raise ValueError(f"A sweep cannot vary {key!r}. Name a setting, such as options.alpha.")
        changed[name] = _set(changed[name], inner, value, key) if inner else value
    return changed


def _set(holder: Any, name: str, value: Any, key: str) -> Any:
    """The dictionary or frozen settings with one value changed."""
    if holder is None or isinstance(holder, dict):
        return {**(holder or {}), name: value}
    known = [field.name for field in fields(holder)]
    if name not in known:
        raise ValueError(f"There is no setting {key!r}; known are {', '.join(known)}.")
    return replace(holder, **{name: tuple(value) if isinstance(value, list) else value})


def sweep(
    train: Callable[..., Path],
    call: Mapping[str, Any],
    grid: Grid,
    *,
    on: Literal["here", "ray"] = "here",
    metric: str = "val_auc",
) -> pd.DataFrame:
    """Train at every point of a grid and tabulate what came of it.

    Each run has a folder of its own under ``out``; the sweep may be stopped at any moment and
    started again, and finished runs are not repeated. ``results.csv`` is written anew after each
    run.

    Args:
        train: ``telltrace.training.run.train``.
        call: Its arguments; ``out`` is the folder of the sweep.
        grid: What to vary.
        on: One run after the other in this process, or as many at once as a Ray cluster takes.
        metric: The validation figure that is averaged over seeds.

    Returns:
        A row for every combination of settings but the seed: runs, mean, and its 95 % interval.

    Raises:
        ValueError: If the grid names what cannot be varied.
    """
    out = Path(call["out"])
    if call["hardware"].processes > 1:
        raise ValueError(
            "A sweep starts runs of one process each. Leave out --hardware.devices and "
            "--hardware.nodes; with --sweep_on ray, every device gets a run of its own."
        )
    folders = {run_name(point): point for point in points(grid)}
    calls = {n: {**with_point(call, p), "out": out / n} for n, p in folders.items()}
    todo = {n: c for n, c in calls.items() if not _finished(out / n, c)}
    write_json(grid, out / "grid.json")
    run = _run_on_ray if on == "ray" else _run_here
    table = tabulate(out, folders, metric)
    for _ in run(train, todo):
        table = tabulate(out, folders, metric)
        write_table(table, out / RESULTS)
    write_table(table, out / RESULTS)
    return table


def _run_here(train: Callable[..., Path], calls: Mapping[str, dict[str, Any]]) -> Iterator[None]:
    for arguments in calls.values():
        train(**arguments)
        yield


def _run_on_ray(train: Callable[..., Path], calls: Mapping[str, dict[str, Any]]) -> Iterator[None]:
    """One task a run; each asks for a GPU where the cluster has any, else for one core."""
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise ValueError("Ray is not installed. Run: pip install 'telltrace[scale]'") from None
    if not ray.is_initialized():
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # tell nobody
        ray.init(log_to_driver=False, include_dashboard=False)
    gpus = min(1, ray.cluster_resources().get("GPU", 0))
    task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=2)(_call)
    waiting = [task.remote(train, arguments) for arguments in calls.values()]
    while waiting:
        done, waiting = ray.wait(waiting)
        ray.get(done)
        yield


def _call(train: Callable[..., Path], arguments: dict[str, Any]) -> str:
    return str(train(**arguments))


def _finished(out: Path, call: Mapping[str, Any]) -> bool:
    """Whether a run has done all its epochs."""
    file = out / "metrics.csv"
    return (
        file.is_file()
        and (out / "best.safetensors").is_file()
        and len(pd.read_csv(file)) >= call["optim"].epochs
    )


def tabulate(out: Path, folders: Mapping[str, Mapping[str, Any]], metric: str) -> pd.DataFrame:
    """The best epoch's figure of every run that has one, with mean and interval over the seeds.

    Args:
        out: Folder of the sweep.
        folders: Every run's name and its point of the grid.
        metric: A column of metrics.csv.
    """
    rows = []
    for name, point in folders.items():
        file = out / name / "metrics.csv"
        if file.is_file():
            rows.append({**point, metric: pd.read_csv(file)[metric].max()})
    varied = [key for key in next(iter(folders.values())) if key != "seed"]
    columns = [*varied, "runs", metric, "low", "high"]
    if not rows:
        return pd.DataFrame(columns=columns)
    table = pd.DataFrame(rows)
    table[varied] = table[varied].astype(str)
    grouped = table.groupby(varied, sort=False) if varied else [((), table)]
    found = [
        (*(name if isinstance(name, tuple) else (name,)), *mean_interval(part[metric].to_numpy()))
        for name, part in grouped
    ]
    return pd.DataFrame(found, columns=columns)


def mean_interval(values: np.ndarray[Any, Any]) -> tuple[int, float, float, float]:
    """How many values, their mean, and its 95 % interval by Student's t; none for one value.

    Examples:
        >>> count, mean, low, high = mean_interval(np.array([0.7, 0.8, 0.9]))
        >>> count, round(mean, 6), round(low, 4), round(high, 4)
        (3, 0.8, 0.5516, 1.0484)
    """
    values = values[~np.isnan(values.astype(float))]
    count, mean = len(values), float(values.mean()) if len(values) else float("nan")
    if count < 2:
        return count, mean, float("nan"), float("nan")
    reach = stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count)
    return count, mean, float(mean - reach), float(mean + reach)
