"""The scores table: one row a judged frame or face, that every metric and plot reads.

Only ``label`` and ``score`` must be there. What is missing is filled in, and what cannot be
computed without it says so.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from telltrace.columns import MEDIUM, VIDEO_KEY
from telltrace.errors import ManifestError, OptionError
from telltrace.files import write_table

from .metrics import LOGITS
from .parts import NUMBERS, check_columns, numbers_of, read_parts

COLUMNS = [*MEDIUM, "frame", "time", "score"]
"""Columns of the table, in this order. ``score`` is the probability of fake; it is empty where a
frame or video could not be judged."""

OPTIONAL = ["track", "status"]
"""Columns that a table may have besides: which of the faces that a video follows (text), and why
a row has no score."""

REAL = "real"
"""The method of everything that was not forged."""


def parse_columns(text: str) -> dict[str, str]:
    """Names of columns as the command line gives them.

    Raises:
        OptionError: If the text is not of that form, or names a column that no table has.

    Examples:
        >>> parse_columns("video=clip,score=prob_fake")
        {'video': 'clip', 'score': 'prob_fake'}
    """
    pairs = [pair.partition("=") for pair in text.split(",")]
    for ours, _, theirs in pairs:
        if ours not in [*COLUMNS, *OPTIONAL] or not theirs:
            remedy = f"Give OURS=THEIRS, OURS one of {', '.join([*COLUMNS, *OPTIONAL])}."
            message = f"columns: {ours!r} to {theirs!r} is no pair of names"
            raise OptionError(message, remedy=remedy)
    return {ours: theirs for ours, _, theirs in pairs}


def read_scores(path: str | Path) -> pd.DataFrame:
    """Read and check a scores table, a CSV or .parquet file.

    Raises:
        ManifestError: If the file is missing, is no such table, or a row is wrong.
    """
    with closing(read_parts(path, [*COLUMNS, *OPTIONAL])) as parts:
        found = [part.astype({c: object for c in part if c not in NUMBERS}) for part in parts]
    return check_scores(pd.concat(found, ignore_index=True), name=str(path))


def check_scores(frame: pd.DataFrame, name: str = "scores") -> pd.DataFrame:
    """The table with typed columns in order, or the first thing that is wrong with it.

    Returns:
        The columns of :data:`COLUMNS`, and those of :data:`OPTIONAL` that it has: texts as text
        (empty where unknown), ``label`` int64, ``frame`` int64, -1 for a whole medium, ``time``
        in seconds and ``score`` float64, NaN where nothing was judged.

    Raises:
        ManifestError: If a column is missing or a row is wrong.
    """
    check_columns(frame.columns, name)
    if len(frame) == 0:
        raise ManifestError("no rows", remedy="Write them with `telltrace predict`.", path=name)
    table = pd.DataFrame(index=range(len(frame)))
    for column in [*COLUMNS, *(c for c in OPTIONAL if c in frame)]:
        if column in frame:
            table[column] = (numbers_of if column in NUMBERS else _texts)(frame[column], name)
    table = fill_missing(table)
    check_rows(table, name)
    _check_videos(table, name)
    order = [*COLUMNS, *(c for c in OPTIONAL if c in table)]
    return table[order].astype({"label": "int64", "frame": "int64"})


def fill_missing(table: pd.DataFrame) -> pd.DataFrame:
    """Fill in what a table need not say; the method of a fake is then just "fake"."""
    method = np.where(table["label"] == 0, REAL, "fake")
    plain: dict[str, Any] = {"method": method, "frame": -1.0, "time": np.nan}
    new = {c: plain.get(c, "") for c in COLUMNS if c not in table}
    return table.assign(**new, **({} if "frame" in new else {"frame": table["frame"].fillna(-1)}))


def add_unjudged(scores: pd.DataFrame, media: pd.DataFrame) -> pd.DataFrame:
    """A scores table with one row more for each medium that could not be judged, and its status."""
    if media.empty:
        return scores
    missing = media.assign(frame=-1, time=np.nan, score=np.nan)[[*COLUMNS, "status"]]
    known = scores if "status" in scores else scores.assign(status="")
    return pd.concat([known, missing], ignore_index=True)


def write_scores(frame: pd.DataFrame, path: str | Path) -> None:
    """Check a scores table and write it: all of it or nothing, scores to the last bit.

    Raises:
        ManifestError: If a column is missing or a row is wrong.
    """
    write_table(check_scores(frame, name=str(path)), path)


def _texts(column: pd.Series, name: str) -> NDArray[np.object_]:
    return column.astype(object).fillna("").astype(str).to_numpy(object)


def check_rows(table: pd.DataFrame, name: str, first: int = 0) -> None:
    """Raise a ManifestError at the first wrong row; ``first`` rows came before the table."""
    label, score, frame = table["label"], table["score"], table["frame"]
    real, unnamed = table["method"] == REAL, table["video"] == ""
    rules = [
        (~label.isin((0, 1)), "label", "0 for real or 1 for fake"),
        (unnamed & (not unnamed.all()), "video", "the video's own name: without it all are one"),
        ((label == 0) != real, "method", f'"{REAL}" where the label is 0, and only there'),
        (score.notna() & ~score.between(0, 1), "score", "a probability in [0, 1], or empty"),
        (~((frame >= -1) & (frame % 1 == 0)), "frame", "a frame number, -1 or empty"),
    ]
    for wrong, column, expected in rules:
        if wrong.any():
            row, count = int(np.argmax(wrong.to_numpy())), int(wrong.sum())
            found = str(table[column].iloc[row])
            fix = f"Correct the row ({count} of {len(table)} are wrong)."
            raise ManifestError(
                f"row {first + row + 2}: {column} is {found!r}; expected {expected}",
                remedy=f"{fix} {LOGITS}" if column == "score" else fix,
                path=name,
            )


def _check_videos(table: pd.DataFrame, name: str) -> None:
    for column in ("identity", "split"):
        first = table.groupby(VIDEO_KEY)[column].transform("first")
        wrong = (first != table[column]).to_numpy()
        if wrong.any() and (table["video"] != "").any():
            row = int(np.argmax(wrong))
            new, old = table[column].iloc[row], first.iloc[row]
            raise two_of_one_video(row, column, new, old, name)


def two_of_one_video(row: int, column: str, new: str, old: str, name: str) -> ManifestError:
    """What is wrong where rows of one video differ in what is the video's own."""
    return ManifestError(
        f"row {row + 2}: {column} is {new!r}, but an earlier row of the same video has {old!r}",
        remedy=f"One video has one {column}: correct the row, or give the videos different names.",
        path=name,
    )
