"""What a report is made of: scores tables, folders of runs, and measured robustness."""

import csv
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from telltrace.checkpoint import read_card
from telltrace.errors import ManifestError
from telltrace.evaluation.scores import Columns, read_scores
from telltrace.files import file_sha256, read_json
from telltrace.robustness import Robustness
from telltrace.robustness.run import RESULTS


@dataclass(frozen=True)
class Source:
    """One detector's scores, and what is known of where they come from."""

    name: str
    """As the reader sees it."""
    scores: pd.DataFrame
    origin: dict[str, str] = field(default_factory=dict)
    """Names and values for the section on provenance."""
    history: pd.DataFrame | None = None
    """Figures of each epoch, where the scores are a run's."""
    robustness: Robustness | None = None


def read_source(path: Path, columns: Columns | None = None) -> list[Source]:
    """Everything a report can show of a path.

    It is a scores table; the folder of a training run that holds one or more; or the folder that
    `telltrace robustness` wrote. ``columns`` are names that tables have for ours. Without a scores
    table a ManifestError says how to make one.
    """
    if path.is_file():
        run = (path.parent / "recipe.json").is_file()
        return [Source(path.stem, *_scores(path, _about_run(path.parent) if run else {}, columns))]
    if not path.is_dir():
        remedy = "Name a scores table or a run's folder."
        raise ManifestError("no such file or folder", remedy=remedy, path=path)
    if (path / RESULTS).is_file():
        return [_read_robustness(path)]
    tables = [file for file in sorted(path.rglob("*")) if _is_scores(file, columns)]
    if not tables:
        best, out = path / "best.safetensors", path / "test.csv"
        remedy = f"Write one with `telltrace predict ... --checkpoint {best} --out {out}`."
        raise ManifestError("holds no scores table", remedy=remedy, path=path)
    file = path / "metrics.csv"
    history = pd.read_csv(file) if file.is_file() else None
    names = [path.name if len(tables) == 1 else f"{path.name}, {file.stem}" for file in tables]
    origin, pairs = _about_run(path), zip(names, tables, strict=True)
    return [Source(name, *_scores(file, origin, columns), history) for name, file in pairs]


def _read_robustness(path: Path) -> Source:
    values = read_json(path / RESULTS)
    plan = read_json(path / "plan.json")
    origin = {"detector": str(plan["detector"]), "weights (SHA-256)": str(plan["weights"])}
    table, origin = _scores(path / "scores" / "clean.csv", origin)
    return Source(path.name, table, origin, robustness=Robustness.from_dict(values))


def _scores(
    path: Path, origin: dict[str, str], columns: Columns | None = None
) -> tuple[pd.DataFrame, dict[str, str]]:
    digest = file_sha256(path)
    return read_scores(path, columns), {**origin, "scores table": path.name, "its SHA-256": digest}


def _is_scores(path: Path, columns: Columns | None) -> bool:
    """Whether a file's header names a label and a score."""
    names: list[str] = []
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", errors="replace") as file:
            names = next(csv.reader(file), names)
    elif path.suffix == ".parquet":
        from pyarrow import parquet

        names = parquet.read_schema(path).names
    return {(columns or {}).get(name, name) for name in ("label", "score")} <= set(names)


def _about_run(folder: Path) -> dict[str, str]:
    """Recipe, versions and checkpoint of a run, as far as they lie in its folder."""
    found: dict[str, str] = {}
    for name in ("recipe", "environment"):
        file = folder / f"{name}.json"
        if file.is_file():
            values = read_json(file)
            found |= {f"{name}: {k}": _brief(v) for k, v in values.items()}
    best = folder / "best.safetensors"
    if best.is_file():
        card, zone = read_card(best), read_card(best).calibration
        known = {
            "preprocessing": asdict(card.preprocessing),
            "thresholds": f"real below {zone.real_below:.4f}, fake from {zone.fake_from:.4f}",
            **card.provenance,
        }
        found |= {f"checkpoint: {k}": _brief(v) for k, v in known.items() if k != "recipe"}
    return found


def _brief(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
