"""The scores table: one row a judged frame or face, in a CSV that every metric and plot reads."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from telltrace.files import write_table

COLUMNS = [
    "path",
    "dataset",
    "label",
    "method",
    "compression",
    "video",
    "identity",
    "split",
    "frame",
    "time",
    "score",
]
"""Columns of the table, in this order. ``score`` is the probability of fake; it is empty where a
frame or video could not be judged. ``identity`` names all people in a video, joined by "+"."""

OPTIONAL = ["track", "status"]
"""Columns that a table may have besides: which of the faces that a video follows (text), and why
a row has no score."""

VIDEO_KEY = ["dataset", "method", "compression", "video"]
"""What makes two rows one video. Never the file's stem: four methods forge ``183_253``."""

REAL = "real"
"""The method of everything that was not forged."""

_TEXTS = ["path", "dataset", "method", "compression", "video", "identity", "split"]


class ScoresError(ValueError):
    """A scores table that cannot be used; the message names the file, the row and the remedy."""


def read_scores(path: str | Path) -> pd.DataFrame:
    """Read and check a scores table.

    Returns:
        The columns of :data:`COLUMNS`, and those of :data:`OPTIONAL` that it has: texts as text
        (empty where unknown), ``label`` int64, ``frame`` int64, -1 for a whole medium, ``time``
        in seconds and ``score`` float64, NaN where nothing was judged.

    Raises:
        ScoresError: If the file is missing, is no such table, or a row is wrong.
    """
    path = Path(path)
    if path.suffix == ".parquet":
        return check_scores(pd.concat(read_parquet(path), ignore_index=True), name=str(path))
    try:
        raw = pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False)
    except FileNotFoundError:
        raise ScoresError(
            f"{path}: no such file. Write one with `telltrace predict --out {path}`."
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as error:
        raise ScoresError(
            f"{path}: not a readable CSV ({error}). Write it again with `telltrace predict`."
        ) from None
    return check_scores(raw, name=str(path))


def read_parquet(
    path: Path, columns: list[str] | None = None, rows: int = 200_000
) -> Generator[pd.DataFrame]:
    """Parts of a parquet file: texts as categories, numbers as float64, nulls empty.

    Raises:
        ScoresError: If it cannot be read, or pyarrow is missing.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise ScoresError(
            f"{path}: reading parquet needs pyarrow. Run `pip install pyarrow`, or give a CSV."
        ) from None
    try:
        file = parquet.ParquetFile(path)
        have = [c for c in [*COLUMNS, *OPTIONAL] if c in file.schema_arrow.names]
        kept = [c for c in have if columns is None or c in columns]
        for groups in _row_groups(file.metadata, rows):
            for batch in file.iter_batches(rows, groups, columns=kept, use_threads=False):
                yield pd.DataFrame({c: _column(batch.column(c), c) for c in kept})
    except FileNotFoundError:
        raise ScoresError(f"{path}: no such file. Write it with `telltrace predict`.") from None
    except (ArrowException, OSError) as error:
        raise ScoresError(
            f"{path}: not a readable parquet file ({error}). Write it again."
        ) from None


def _row_groups(about: Any, rows: int) -> Generator[list[int]]:
    """Row groups of about so many rows together; all at once would be held all at once."""
    groups, held = [], 0
    for number in range(about.num_row_groups):
        groups.append(number)
        held += about.row_group(number).num_rows
        if held >= rows or number == about.num_row_groups - 1:
            yield groups
            groups, held = [], 0


def _column(values: Any, name: str) -> "pd.Categorical[str] | NDArray[np.float64]":
    if name in ("label", "frame", "time", "score"):
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
        missing = values.is_null().to_numpy(zero_copy_only=False)
        return np.where(np.isnan(numbers) & ~missing, np.inf, numbers)  # NaN is no empty cell
    coded = values.fill_null("").dictionary_encode()
    words = [str(word) for word in coded.dictionary.to_pylist()]
    return pd.Categorical.from_codes(np.asarray(coded.indices.to_numpy()), pd.Index(words))


def add_unjudged(scores: pd.DataFrame, media: pd.DataFrame) -> pd.DataFrame:
    """A scores table with one row more for each medium that could not be judged.

    Args:
        scores: The table.
        media: Rows with the table's naming columns and ``status``; none leaves it as it is.
    """
    if media.empty:
        return scores
    missing = media.assign(frame=-1, time=np.nan, score=np.nan)[[*COLUMNS, "status"]]
    known = scores if "status" in scores else scores.assign(status="")
    return pd.concat([known, missing], ignore_index=True)


def write_scores(frame: pd.DataFrame, path: str | Path) -> None:
    """Check a scores table and write it: all of it or nothing, scores to the last bit.

    Raises:
        ScoresError: If a column is missing or a row is wrong.
    """
    path = Path(path)
    table = check_scores(frame, name=str(path))
    write_table(table, path)


def check_scores(frame: pd.DataFrame, name: str = "scores") -> pd.DataFrame:
    """The table with typed columns in order, or the first thing that is wrong with it.

    Args:
        frame: Any table with the columns of :data:`COLUMNS`; others are dropped.
        name: What to call the table in an error.

    Raises:
        ScoresError: If a column is missing or a row is wrong.
    """
    if len(frame) == 0:
        raise ScoresError(f"{name}: no rows. Write them with `telltrace predict`.")
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing:
        raise ScoresError(
            f"{name}: no column {', '.join(missing)}. A scores table has the columns "
            f"{','.join(COLUMNS)}; write one with `telltrace predict`."
        )
    texts = [*_TEXTS, *(c for c in OPTIONAL if c in frame.columns)]
    table = pd.DataFrame({c: _words(frame[c]) for c in texts})
    for column in ("label", "frame", "time", "score"):
        table[column] = _numbers(frame[column], name)
    table["frame"] = table["frame"].fillna(-1)
    check_rows(table, name)
    _check_videos(table, name)
    return table[[*COLUMNS, *texts[len(_TEXTS) :]]].astype({"label": "int64", "frame": "int64"})


def _words(column: pd.Series) -> NDArray[np.object_]:
    return column.astype(object).fillna("").astype(str).to_numpy(object)


def _numbers(column: pd.Series, name: str) -> NDArray[np.float64]:
    """The column as float64 to the last bit, NaN where it is empty."""
    if column.dtype.kind in "iuf":
        return column.to_numpy(np.float64, na_value=np.nan)
    cells = column.fillna("").astype(str).to_numpy(object)
    numbers = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        try:
            if cell:
                numbers[row] = np.inf if cell.lower() in ("nan", "<na>") else float(cell)
        except ValueError:
            raise ScoresError(
                f"{name}, row {row + 2}: {column.name} is {cell!r}, not a number. Correct the row."
            ) from None
    return numbers


def check_rows(table: pd.DataFrame, name: str, first: int = 0) -> None:
    """Each row by itself.

    Raises:
        ScoresError: At the first wrong row; ``first`` is how many rows came before the table.
    """
    label, score, frame = table["label"], table["score"], table["frame"]
    real = table["method"] == REAL
    rules = [
        (~label.isin((0, 1)), "label", "0 for real or 1 for fake"),
        (table["video"] == "", "video", "the video's own name: without it all videos are one"),
        ((label == 0) != real, "method", f'"{REAL}" where the label is 0, and only there'),
        (score.notna() & ~score.between(0, 1), "score", "a probability in [0, 1], or empty"),
        (~((frame >= -1) & (frame % 1 == 0)), "frame", "a frame number, -1 or empty"),
    ]
    for wrong, column, expected in rules:
        if wrong.any():
            row = int(np.argmax(wrong.to_numpy()))
            found = table[column].iloc[row]
            raise ScoresError(
                f"{name}, row {first + row + 2}: {column} is {str(found)!r}; expected {expected}. "
                f"Correct the row ({int(wrong.sum())} of {len(table)} are wrong)."
            )


def _check_videos(table: pd.DataFrame, name: str) -> None:
    for column in ("identity", "split"):
        first = table.groupby(VIDEO_KEY)[column].transform("first")
        wrong = (first != table[column]).to_numpy()
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ScoresError(
                f"{name}, row {row + 2}: {column} is {table[column].iloc[row]!r}, but an earlier "
                f"row of the same video has {first.iloc[row]!r}. One video has one {column}: "
                f"correct the row, or give the videos different names."
            )
