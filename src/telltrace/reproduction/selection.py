"""Which crops a cell learns from and judges, written as manifests of its own."""

import shutil
from functools import lru_cache
from pathlib import Path

import pandas as pd

from telltrace.data.crops import SETTINGS
from telltrace.data.manifest import manifest_hash, read_manifest, write_manifest
from telltrace.data.people import group_rows, hash_of
from telltrace.data.split_checks import check_splits
from telltrace.errors import ManifestError
from telltrace.robustness.run import thin_out

from .cells import Scale, Setup
from .tables import Column

VALIDATION = 0.1
"""Share of the training groups of people that validates where a manifest has no validation."""


def both_sides(column: Column, scale: Scale, setup: Setup) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the networks of a column learn from, and what they judge.

    Raises:
        ManifestError: If the manifest has no training split.
        SplitError: If people are on both sides, unless ``setup`` allows it.
    """
    source, judged = (_read(setup.manifest_of(name)) for name in (column.train, column.test))
    training = training_rows(source, column.train_methods, scale.frames, scale.crops)
    test = judged_rows(judged, column.test_methods, scale.test_frames, column.whole)
    if not setup.shared_people:
        refuse_leaks(training, test)
    return training, test


def _read(manifest: Path) -> pd.DataFrame:
    """A manifest, parsed once for all cells unless it is written anew."""
    return _read_version(manifest, manifest.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read_version(manifest: Path, modified: int) -> pd.DataFrame:
    return read_manifest(manifest)


def training_rows(
    manifest: pd.DataFrame,
    methods: tuple[str, ...] = (),
    frames: int | None = None,
    crops: int | None = None,
) -> pd.DataFrame:
    """Rows for training and validation: of some methods and all reals, at most so many a video.

    Where a manifest has no validation split a tenth of the training people becomes one: the papers
    that validated on the test list are not followed. With ``crops`` at most so many train, and a
    tenth of that validate: all of the groups of people that come first by their hashes. Without a
    training split it is a ManifestError.
    """
    rows = thin_out(of_methods(manifest, methods), frames)
    rows = rows[rows.split.isin(("train", "val"))].reset_index(drop=True)
    if not (rows.split == "train").any():
        remedy = "Prepare it with a protocol that has training, validation and test."
        path = manifest.attrs.get("file", "manifest")
        raise ManifestError("no crop is for training", remedy=remedy, path=path)
    if not (rows.split == "val").any():
        groups = group_rows(rows)
        order = sorted(set(groups), key=hash_of)
        chosen = set(order[: max(1, round(VALIDATION * len(order)))])
        rows["split"] = ["val" if group in chosen else "train" for group in groups]
    if crops is None:
        return rows
    limits = {"train": crops, "val": round(VALIDATION * crops)}
    hashes = pd.Series([hash_of(group) for group in group_rows(rows)], index=rows.index)
    placed = hashes.groupby(rows.split).rank(method="max")
    first = hashes == hashes.groupby(rows.split).transform("min")  # one group always, if large
    return rows[(placed <= rows.split.map(limits)) | first].reset_index(drop=True)


def judged_rows(
    manifest: pd.DataFrame,
    methods: tuple[str, ...] = (),
    frames: int | None = None,
    whole: bool = False,
) -> pd.DataFrame:
    """Rows that are judged: the test split, or everything if asked or where nothing was split."""
    rows = of_methods(manifest, methods)
    if (rows.split != "").any() and not whole:
        rows = rows[rows.split == "test"]
    return thin_out(rows, frames).reset_index(drop=True)


def of_methods(manifest: pd.DataFrame, methods: tuple[str, ...]) -> pd.DataFrame:
    """All reals, and the fakes of these methods; all fakes if none is named."""
    if not methods:
        return manifest
    return manifest[(manifest.label == 0) | manifest.method.isin(methods)]


def refuse_leaks(training: pd.DataFrame, test: pd.DataFrame) -> None:
    """Raise a SplitError if a cell judges people it learnt from."""
    check_splits(pd.concat([training, test.assign(split="test")], ignore_index=True))


def write_selection(rows: pd.DataFrame, source: Path, folder: Path) -> Path:
    """Rows of a prepared manifest as one below ``folder``, named by them, and how they were cut."""
    path = folder / manifest_hash(rows)[:12] / "manifest.csv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.with_name(SETTINGS), path.with_name(SETTINGS))
        write_manifest(rows, path)
    return path
