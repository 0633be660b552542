"""Results that other benchmarks wrote, under our names of columns, datasets and methods.

A table is recognised by its columns. DeepfakeBench's trainer pickles a dict of ``pred``, ``label``
and figures, and the pictures' names in a second file beside it; people save the same as JSON or
CSV. deepfake-workbench writes a CSV of videos.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from telltrace.errors import ManifestError

from .names import COMPRESSIONS, describe_crop, sources_of
from .pickles import read_pickle

PICKLES: Final = (".pickle", ".pkl", ".p")
SUFFIXES: Final = (*PICKLES, ".json")
"""Endings of files of results that are no tables."""
WORKBENCH: Final = {"dataset", "key", "compression", "label", "score", "status"}
"""Columns that every score file of deepfake-workbench has (its ``dfwb.scores/1``)."""
BENCHMARK: Final = {
    "score": ("pred", "prob", "y_pred"),
    "label": ("label", "y_true"),
    "video": ("image", "img_names", "img_name", "img_path"),
}
"""What DeepfakeBench and its descendants call our columns; their pictures name the videos."""
NAMES: Final = "data_dict_test.pickle"
"""What DeepfakeBench writes beside its results: ``image`` and ``label`` in the same order."""
DATASETS: Final = {
    **{name: name for name in ("FaceForensics++", "Celeb-DF-v1", "Celeb-DF-v2", "DFDC", "UADFV")},
    "DFDCP": "DFDC-Preview",
    "DeeperForensics-1.0": "DeeperForensics-1.0",
    "ffpp": "FaceForensics++",
    "dfd": "DeepFakeDetection",
    "dfdc": "DFDC",
    "uadfv": "UADFV",
    "celebdf-v1": "Celeb-DF-v1",
    "celebdf-v2": "Celeb-DF-v2",
    "dfdcp": "DFDC-Preview",
}
"""Our names of data sets, by DeepfakeBench's folders and the workbench's names."""


class Foreign(NamedTuple):
    """How a table of others is read."""

    columns: dict[str, str]
    """Our names of columns to theirs."""
    finish: Callable[[pd.DataFrame], pd.DataFrame]
    """From their cells, under our names of columns, to ours."""


def recognise(names: Iterable[str], path: Path) -> Foreign | None:
    """How a table with these columns is read; None for one of ours, or of nobody that we know."""
    there = set(names)
    if there >= WORKBENCH:
        split = _split_of(path)
        return Foreign({"video": "key"}, lambda part: _workbench(part).assign(split=split))
    known = {c: next((n for n in one if n in there), "") for c, one in BENCHMARK.items()}
    if not (known["score"] and known["label"]) or {"score", "video"} & there:
        return None
    found = {ours: theirs for ours, theirs in known.items() if theirs}
    return Foreign(found, _benchmark)


def read_results(path: Path) -> pd.DataFrame:
    """The table in a pickled or JSON file of results, under its own names of columns.

    The file holds a mapping with lists of one length, several such mappings by the name of their
    data set, or a list of rows. Anything else is a ManifestError.
    """
    content = _content(path)
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        return pd.DataFrame(content)
    if not isinstance(content, dict):
        raise _no_results(path, f"holds a {type(content).__name__}")
    inner = {name: one for name, one in content.items() if isinstance(one, dict)}
    if not inner:
        return _table(content, path)
    tables = [_table(one, path).assign(dataset=str(name)) for name, one in inner.items()]
    return pd.concat(tables, ignore_index=True)


def _content(path: Path) -> Any:
    if path.suffix in PICKLES:
        return read_pickle(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _no_results(path, f"is no JSON ({error})") from None


def _no_results(path: Path, what: str) -> ManifestError:
    remedy = "Give lists of equal length, such as `pred`, `label` and `image`, by their names."
    return ManifestError(what, remedy=remedy, path=path)


def _table(found: Mapping[str, Any], path: Path) -> pd.DataFrame:
    """The lists of a mapping as columns; single figures and features are left out."""
    columns = {str(name): _column(values) for name, values in found.items()}
    lists = {name: values for name, values in columns.items() if values is not None}
    beside = path.with_name(NAMES)
    if path.suffix in PICKLES and not set(BENCHMARK["video"]) & lists.keys() and beside.is_file():
        lists |= _names_beside(beside, lists)
    if len({len(values) for values in lists.values()}) != 1:
        sizes = ", ".join(f"{name} {len(values)}" for name, values in lists.items()) or "none"
        raise _no_results(path, f"needs lists of one length, has {sizes}")
    return pd.DataFrame(lists)


def _column(values: Any) -> list[Any] | None:
    """A list of single values, (N,) or (N, 1); of a list of frames, the first."""
    if isinstance(values, np.ndarray):
        values = values.reshape(-1) if values.ndim == 1 or values.size == len(values) else [[]]
        values = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(values, list) or not values:
        return None
    cells = [one[0] if isinstance(one, list) and one else one for one in values]
    several = any(isinstance(one, list) and len(one) > 1 for one in values)
    single = all(isinstance(cell, str | int | float | None) for cell in cells)
    return cells if single and (not several or isinstance(cells[0], str)) else None


def _names_beside(file: Path, lists: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """The pictures' names, if their labels are those of the results."""
    content = read_pickle(file)
    found = content if isinstance(content, dict) else {}
    image, labels = _column(found.get("image")), _column(found.get("label"))
    own = lists.get("label")
    if image is None or labels is None or own is None or len(image) != len(labels):
        raise _no_results(file, "names no pictures with their labels")
    if [int(label > 0) for label in labels] != [int(label > 0) for label in own]:
        remedy = "Take both files from the same run, or move this one away."
        raise ManifestError("its labels are not those of the results", remedy=remedy, path=file)
    return {"image": image}


def _benchmark(part: pd.DataFrame) -> pd.DataFrame:
    """DeepfakeBench's: a video's data set, method, compression and frame are in its path."""
    part = part.assign(label=(part["label"] > 0).astype("float64").where(part["label"].notna()))
    if "video" not in part:
        return part
    known = part["dataset"] if "dataset" in part else [""] * len(part)
    cells = zip(part["video"], part["label"], known, strict=True)
    rows = [_of_picture(str(name), int(label > 0), str(of)) for name, label, of in cells]
    columns = ["dataset", "method", "compression", "video", "identity", "frame"]
    named = pd.DataFrame(rows, columns=columns, index=part.index)
    return part.drop(columns=[c for c in columns if c in part]).join(named)


def _of_picture(path: str, label: int, dataset: str) -> tuple[Any, ...]:
    method, compression, video, _, frame = describe_crop(path, label)
    parts = PurePosixPath(path.replace("\\", "/")).parts
    named = next((part for part in parts if part in DATASETS), "")
    if not named and "rgb" in parts[:-2]:
        named = parts[parts.index("rgb") + 1]
    if {"DeepFakeDetection", "actors"} & {*parts}:
        named = "dfd"
    dataset = DATASETS.get(named or dataset, named or dataset)
    if label and method in (named, "rgb", "datasets"):  # the folder names the set alone
        method = "FakeApp" if dataset == "UADFV" else "fake"
    return dataset, method, compression, video, _people(dataset, video), float(frame)


def _people(dataset: str, video: str) -> str:
    """Who is in a video, where its data set names videos by that."""
    return "+".join(sources_of(dataset, video) or ())


def _workbench(part: pd.DataFrame) -> pd.DataFrame:
    """deepfake-workbench's: a key is the task's short name and the video's, as `FS_DF/000_003`."""
    task, _, video = zip(*(str(key).partition("/") for key in part["video"]), strict=True)
    names = [name or alone for name, alone in zip(video, task, strict=True)]
    said = part["method"] if "method" in part else [""] * len(part)
    pairs = zip(part["label"], said, task, strict=True)
    dataset = [DATASETS.get(name, name) for name in part["dataset"].astype(str)]
    compression = part["compression"].astype(str)
    return part.assign(
        dataset=dataset,
        method=["real" if label == 0 else str(name) or of for label, name, of in pairs],
        compression=[COMPRESSIONS.get(name, name) for name in compression],
        video=names,
        identity=[_people(*pair) for pair in zip(dataset, names, strict=True)],
        status=[str(status).removeprefix("ok") for status in part["status"]],
    )


def _split_of(path: Path) -> str:
    """The split that the file beside the workbench's scores names; empty without one."""
    beside = path.with_name(path.name.removesuffix(".csv") + ".meta.json")
    try:
        return str(json.loads(beside.read_text(encoding="utf-8"))["protocol"]["split"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
