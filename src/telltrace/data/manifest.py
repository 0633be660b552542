"""The manifest: one table that says which media there are and what is in each of them.

A row is a media file or a face crop. Every other room reads this table and nothing else, so it
is checked once, here, and a mistake is named with its file, its line and the remedy.
"""

import os
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from ..errors import ManifestError
from ..evaluation.columns import MEDIUM
from ..evaluation.columns import VIDEO_KEY as VIDEO_KEY
from ..files import text_sha256, write_table

COLUMNS: Final = [*MEDIUM, "frame", "time", "box", "landmarks", "confidence", "mask", "square"]
SPLITS: Final = ("train", "val", "test", "")
TEXT: Final = [c for c in COLUMNS if c not in {"label", "frame", "time", "confidence"}]


def source_of(manifest: pd.DataFrame) -> str:
    """The file a manifest was read from, or "manifest" if it was made in memory."""
    return str(manifest.attrs.get("file", "manifest"))


def locate(manifest: pd.DataFrame, row: int) -> str:
    """Where the row at this position came from: "FILE, line N", or "manifest, row N"."""
    file, path = source_of(manifest), manifest.path.iloc[row]
    try:
        paths = read_manifest(file).path.tolist()
    except ManifestError:
        return f"{file}, row {row}"
    return f"{file}, line {paths.index(path) + 2}" if path in paths else f"{file}, row {row}"


def identities(text: str) -> list[str]:
    """The people in a video, from its ``identity`` column such as "183+253"."""
    return [name for name in text.split("+") if name] or [text]


def check_manifest(manifest: pd.DataFrame) -> pd.DataFrame:
    """A copy of a table with exactly the manifest's columns and types, or what is wrong with it.

    Only ``path`` and ``label`` (0 or "real", 1 or "fake") must be there. What is missing is
    filled: ``method`` by "real" or "fake", ``video`` by the file's stem, ``identity`` by
    ``video``, ``frame`` by -1 (the whole medium), ``time`` and ``confidence`` by NaN, the rest by
    "". ``mask`` names the picture or video of what was forged (0 untouched, 255 forged), as large
    as the medium or crop; empty where it is unknown, and for reals. ``square`` says which part of
    the medium a crop shows: left, top and side in pixels. A column that is unknown or missing, a
    value that is not allowed, and a path that stands in two rows are ManifestErrors.
    """
    file = source_of(manifest)
    odd = [f"has a column {str(c)!r}" for c in manifest.columns if c not in COLUMNS]
    odd = [f"lacks the column {c!r}" for c in ("path", "label") if c not in manifest] + odd
    if odd:
        remedy = f"The columns of a manifest are {' '.join(COLUMNS)}"
        raise ManifestError(odd[0], remedy=remedy, path=file)
    if manifest.empty:
        raise ManifestError("has no rows", remedy="Prepare or list at least one medium", path=file)
    table = manifest.copy()
    for column in TEXT:
        table[column] = table[column].fillna("").astype(str) if column in table else ""
    _read_numbers(table)
    by_label = table.label.map({0: "real", 1: "fake"})
    table["method"] = table.method.mask(table.method == "", by_label)
    unnamed = table.video == ""
    if unnamed.any():
        table.loc[unnamed, "video"] = [Path(p).stem for p in table.path[unnamed]]
    table["identity"] = table.identity.mask(table.identity == "", table.video)
    _refuse_contradictions(table)
    return table[COLUMNS]


def _read_numbers(table: pd.DataFrame) -> None:
    """Fill the columns of numbers in place, the labels from words too."""
    words = table["label"].astype(str).str.strip().str.lower().map({"real": 0, "fake": 1})
    table["label"] = table["label"].mask(words.notna(), words)
    for column, fill in {"label": None, "frame": -1, "time": np.nan, "confidence": np.nan}.items():
        given = table[column] if column in table else pd.Series("", index=table.index)
        empty = given.isna() | (given.astype(str).str.strip() == "")
        values = pd.to_numeric(given.mask(empty), errors="coerce").astype("float64")
        wrong, wanted = values.isna() & ~empty, "a number"
        if column == "label":
            wrong, wanted = ~values.isin([0, 1]), "0 (real) or 1 (fake)"
        reason = f"{column} must be {wanted}, got {{{column}!r}}"
        _refuse(table, wrong, reason, f"Correct the {column} of {{path}}")
        table[column] = values.mask(empty, fill)
    for column in ("label", "frame"):
        table[column] = table[column].astype("int64")


def _refuse_contradictions(table: pd.DataFrame) -> None:
    real, masked = table.label == 0, table["mask"] != ""
    split = "split must be train, val, test or empty, got {split!r}"
    method = 'label {label} contradicts method {method!r} (label 0 is method "real")'
    mask = "a real face has no forged region, got the mask {mask!r}"
    for wrong, reason, remedy in (
        (table.path == "", "path is empty", "Name the file, or delete the row"),
        (~table.split.isin(SPLITS), split, "Correct the split of {path}"),
        (real != (table.method == "real"), method, "Correct the label or the method of {path}"),
        (real & masked, mask, "Empty the mask of {path}"),
        (table.path.duplicated(), "{path} stands in an earlier row too", "Delete one of them"),
    ):
        _refuse(table, wrong, reason, remedy)


def _refuse(table: pd.DataFrame, wrong: "pd.Series[bool]", reason: str, remedy: str) -> None:
    """Raise for the first row that is ``wrong``; both texts may name columns in braces."""
    if wrong.any():
        line, more = wrong.index[wrong.to_numpy()][0], int(wrong.sum()) - 1
        values = {str(k): v for k, v in table.loc[line].items()}
        reason = f"{table.index.name or 'row'} {line}: {reason.format(**values)}"
        reason += f" (and {more} more rows)" * (more > 0)
        raise ManifestError(reason, remedy=remedy.format(**values), path=source_of(table))


def read_manifest(path: str | Path) -> pd.DataFrame:
    """Read and check a CSV or parquet file; its paths, relative to its folder, become absolute.

    One that is missing, cannot be read or holds a wrong row is a ManifestError.
    """
    path = Path(path).absolute()
    again = "Write it with `telltrace prepare`"
    if not path.is_file():
        raise ManifestError("is not a file", remedy=again, path=path)
    parquet = path.suffix.lower() in (".parquet", ".pq")
    try:
        if parquet:
            table = pd.read_parquet(path).reset_index(drop=True)
        else:
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
            table.index = pd.RangeIndex(2, len(table) + 2, name="line")
    except ImportError:
        remedy = "Install one (pip install pyarrow), or save the table as CSV"
        raise ManifestError("needs a parquet reader", remedy=remedy, path=path) from None
    except (OSError, ValueError) as error:
        reason = f"is no readable {'parquet file' if parquet else 'CSV'} ({str(error).strip()})"
        raise ManifestError(reason, remedy=again, path=path) from None
    table.attrs["file"] = str(path)
    table = check_manifest(table).reset_index(drop=True)
    for column in ("path", "mask"):
        table[column] = [p and os.path.normpath(path.parent / p) for p in table[column]]
    return table


def write_manifest(manifest: pd.DataFrame, path: str | Path) -> None:
    """Check a manifest and write it as CSV, at once or not at all; same table, same bytes.

    Paths, absolute or relative to the working directory, become relative to the file's folder.
    """
    path = Path(path).absolute()
    table = check_manifest(manifest)
    for column in ("path", "mask"):
        table[column] = [p and relative_path(p, path.parent) for p in table[column]]
    write_table(table, path)


def relative_path(path: str, folder: Path) -> str:
    """``path`` as seen from ``folder``, with forward slashes; absolute on another drive."""
    absolute = os.path.abspath(path)  # noqa: PTH100 (does not follow links)
    try:
        return Path(os.path.relpath(absolute, folder)).as_posix()
    except ValueError:
        return Path(absolute).as_posix()


def manifest_hash(manifest: pd.DataFrame) -> str:
    """SHA-256 of what a manifest says, in the order of its rows, wherever on the disk it lies.

    Paths count relative to the deepest folder that holds all of them; pixels do not count.
    """
    table = check_manifest(manifest)
    absolute = [os.path.abspath(p) for p in table.path]  # noqa: PTH100
    root = Path(os.path.commonpath([os.path.dirname(p) for p in absolute]))  # noqa: PTH120
    table["path"] = [Path(p).relative_to(root).as_posix() for p in absolute]
    if (table["square"] == "").all():  # without squares or masks it keeps the hash it always had
        table = table.drop(columns="square")
    if (table["mask"] == "").all():
        table = table.drop(columns="mask")
    else:
        table["mask"] = [p and relative_path(p, root) for p in table["mask"]]
    return text_sha256(table.to_csv(index=False, lineterminator="\n"))
