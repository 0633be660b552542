"""The scores table: one row a judged frame or face, that every metric and plot reads.

Only ``label`` and ``score`` must be there. What is missing is filled in, and what cannot be
computed without it says so. Tables are CSV or parquet, and are read in parts of some thousand rows.
"""

from collections.abc import Generator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from telltrace.errors import DependencyError, ManifestError, OptionError
from telltrace.files import write_table

from .columns import MEDIUM
from .metrics import LOGITS
from .others import SUFFIXES, read_results, recognise
from .videos import Videos

COLUMNS = [*MEDIUM, "frame", "time", "score"]
"""Columns of the table, in this order. ``score`` is the probability of fake; it is empty where a
frame or video could not be judged."""

OPTIONAL = ["track", "status"]
"""Columns that a table may have besides: which of the faces that a video follows (text), and why
a row has no score."""
_KNOWN = [*COLUMNS, *OPTIONAL, "size"]
"""``size`` is the longer side of the face in its medium, in pixels."""

REAL = "real"
"""The method of everything that was not forged."""
NUMBERS = ["label", "frame", "time", "score", "size"]
ROWS = 50_000
"""Rows that are read at a time."""

Columns = Mapping[str, str]
"""Our name of a column to the name that it has in a file, such as ``video`` to ``clip``."""

_WRITE = "Write one with `telltrace predict`."
_EXACT: dict[str, Any] = {} if pd.__version__ >= "3" else {"float_precision": "round_trip"}
"""What makes pandas read a number to its last bit; from version 3 on it always does."""


def parse_columns(text: str) -> dict[str, str]:
    """Names of columns as the command line gives them; an OptionError says what is wrong.

    Examples:
        >>> parse_columns("video=clip,score=prob_fake")
        {'video': 'clip', 'score': 'prob_fake'}
    """
    found = {}
    for ours, _, theirs in (pair.partition("=") for pair in text.split(",")):
        if ours not in _KNOWN or not theirs:
            remedy = f"Give OURS=THEIRS, OURS one of {', '.join(_KNOWN)}."
            message = f"columns: {ours!r} to {theirs!r} is no pair of names"
            raise OptionError(message, remedy=remedy)
        found[ours] = theirs
    return found


def read_scores(path: str | Path, columns: Columns | None = None) -> pd.DataFrame:
    """Read and check a scores table, a CSV or .parquet file; a ManifestError says what is wrong.

    ``columns`` are the names that it has for ours.
    """
    with closing(read_parts(path, _KNOWN, columns)) as parts:
        found = [part.astype({c: object for c in part if c not in NUMBERS}) for part in parts]
    return check_scores(pd.concat(found, ignore_index=True), name=str(path))


def check_scores(frame: pd.DataFrame, name: str = "scores") -> pd.DataFrame:
    """The table with typed columns in order, or a ManifestError at the first thing that is wrong.

    It has the columns of :data:`COLUMNS`, and of :data:`OPTIONAL` those that are there: texts as
    text (empty where unknown), ``label`` int64, ``frame`` int64, -1 for a whole medium, ``time``
    in seconds and ``score`` float64, NaN where nothing was judged.
    """
    check_columns(frame.columns, name)
    if len(frame) == 0:
        raise ManifestError("no rows", remedy="Write them with `telltrace predict`.", path=name)
    table = pd.DataFrame(index=range(len(frame)))
    for column in [c for c in _KNOWN if c in frame]:
        cells = frame[column]
        if column in NUMBERS:
            table[column] = _numbers(cells, name)
        else:
            table[column] = cells.astype(object).fillna("").astype(str).to_numpy(object)
    table = fill_missing(table)
    check_rows(table, name)
    if table["video"].iloc[0]:
        Videos(name).add(table)
    known = [c for c in _KNOWN if c in table]
    return table[known].astype({"label": "int64", "frame": "int64"})


def fill_missing(table: pd.DataFrame) -> pd.DataFrame:
    """Fill in what a table need not say; the method of a fake is then just "fake"."""
    method = np.where(table["label"] == 0, REAL, "fake")
    plain: dict[str, Any] = {"method": method, "frame": -1.0, "time": np.nan}
    table = table.assign(**{c: plain.get(c, "") for c in COLUMNS if c not in table})
    return table.assign(frame=table["frame"].fillna(-1))


def add_unjudged(scores: pd.DataFrame, media: pd.DataFrame) -> pd.DataFrame:
    """A scores table with one row more for each medium that could not be judged, and its status."""
    if media.empty:
        return scores
    missing = media.assign(frame=-1, time=np.nan, score=np.nan)[[*COLUMNS, "status"]]
    known = scores if "status" in scores else scores.assign(status="")
    return pd.concat([known, missing], ignore_index=True)


def write_scores(frame: pd.DataFrame, path: str | Path) -> None:
    """Check a scores table and write it: all of it or nothing, scores to the last bit."""
    write_table(check_scores(frame, name=str(path)), path)


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
            found = f"row {first + row + 2}: {column} is {str(table[column].iloc[row])!r}"
            fix = f"Correct the row ({count} of {len(table)} are wrong)."
            fix += f" {LOGITS}" if column == "score" else ""
            raise ManifestError(f"{found}; expected {expected}", remedy=fix, path=name)


def read_parts(
    path: str | Path, wanted: list[str], columns: Columns | None = None
) -> Generator[pd.DataFrame]:
    """Parts of a table under our names: numbers as float64, nulls empty, the others texts.

    A ManifestError says what is wrong, a DependencyError that pyarrow is missing.
    """
    path, kind = Path(path), "parquet file" if Path(path).suffix == ".parquet" else "CSV"
    read = _read_parquet if kind == "parquet file" else _read_csv
    try:
        table = read_results(path) if path.suffix in SUFFIXES else None
        names = _header(path) if table is None else map(str, table)
        foreign = recognise(names, path) if not columns else None
        given = columns or (foreign.columns if foreign else {})
        theirs = {c: given.get(c, c) for c in [*wanted, *(("status",) if foreign else ())]}
        for part in read(path, theirs) if table is None else [_typed(table, theirs, path)]:
            found = foreign.finish(part) if foreign else part
            yield found[[c for c in found if c in wanted]]
    except FileNotFoundError:
        remedy = f"Write one with `telltrace predict --out {path}`."
        raise ManifestError("no such file", remedy=remedy, path=path) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as error:
        reason = f"not a readable {kind} ({str(error).strip()})"
        raise ManifestError(reason, remedy=_WRITE, path=path) from None


def columns_for(scores: object, columns: Columns | None) -> Columns | None:
    """The names of columns, or None for a table that has none of them: it has ours."""
    if not columns or not isinstance(scores, (str, Path)) or Path(scores).suffix != ".csv":
        return columns
    path = Path(scores)
    return columns if not path.is_file() or {*columns.values()} & {*_header(path)} else None


def _header(path: Path) -> list[str]:
    """The names of a CSV's columns, of which none is there twice; of another file none."""
    if path.suffix == ".parquet":
        return []
    first = pd.read_csv(path, nrows=1, header=None, dtype=str, keep_default_na=False)
    names = [name for name in first.iloc[0] if name]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        remedy = "Rename or delete one of them."
        raise ManifestError(f"has the column {twice[0]} twice", remedy=remedy, path=path)
    return names


def _is_even(path: Path, columns: int) -> bool:
    """Whether each line has as many cells as the first, as far as counting commas tells.

    Of chosen columns pandas does not say that a line has more cells, as a comma in a name makes.
    """
    with path.open("rb") as file:
        for lines in iter(lambda: file.readlines(2**20), []):
            block = b"".join(lines)
            if b'"' in block or block.count(b",") != (columns - 1) * len(lines):
                return False
    return True


def _typed(table: pd.DataFrame, theirs: Columns, path: Path) -> pd.DataFrame:
    """A table that was no table's file as `read_parts` gives it."""
    part = table[list(ours := _choose([*map(str, table)], theirs, path))].rename(columns=ours)
    for column in part:
        cells = part[column]
        if column in NUMBERS:
            part[column] = _numbers(cells, str(path))
        else:
            part[column] = cells.astype(object).where(cells.notna(), "").astype(str)
    return part


def _choose(have: list[str], theirs: Columns, path: Path) -> dict[str, str]:
    """Their name to ours, of the columns that are there."""
    found = {other: ours for ours, other in theirs.items() if other in have}
    if lost := [name for ours, name in theirs.items() if ours != name and name not in have]:
        remedy = f"It has {', '.join(have)}."
        raise ManifestError(f"no column {', '.join(lost)}", remedy=remedy, path=path)
    check_columns(found.values(), str(path))
    return found


def _read_csv(path: Path, theirs: Columns) -> Generator[pd.DataFrame]:
    names = list(pd.read_csv(path, nrows=0).columns)
    ours = _choose(names, theirs, path)
    numbers = [name for name in ours if ours[name] in NUMBERS]
    options: dict[str, Any] = {"chunksize": ROWS, "keep_default_na": False}
    options["usecols"] = list(ours) if _is_even(path, len(names)) else None  # then it counts cells
    kinds = {name: "float64" if name in numbers else "str" for name in names}
    empty = {name: [""] for name in numbers}
    try:
        with pd.read_csv(path, dtype=kinds, na_values=empty, **options, **_EXACT) as parts:
            for part in parts:
                if not isinstance(part.index, pd.RangeIndex):
                    raise pd.errors.ParserError("a row has more cells than the first line")
                yield part[list(ours)].rename(columns=ours)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, ManifestError):
        raise
    except ValueError:  # a cell that is no number: find it, in parts
        with pd.read_csv(path, dtype=str, **options) as parts:
            for part in parts:
                for name in numbers:
                    _numbers(part[name].rename(ours[name]), str(path), int(part.index[0]))
        raise


def _read_parquet(path: Path, theirs: Columns) -> Generator[pd.DataFrame]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        remedy, what = "Run `pip install pyarrow`, or give a CSV.", "reading parquet needs pyarrow"
        raise DependencyError(what, remedy=remedy, path=path) from None
    try:
        file = parquet.ParquetFile(path)
        ours = _choose(file.schema_arrow.names, theirs, path)
        for group in range(file.num_row_groups):  # several at once would be held at once
            for batch in file.iter_batches(ROWS, [group], columns=list(ours), use_threads=False):
                found = {ours[name]: _column(batch.column(name), ours[name]) for name in ours}
                yield pd.DataFrame(found)
    except ArrowException as error:
        raise OSError(str(error)) from None


def _column(values: Any, name: str) -> "pd.Categorical[str] | NDArray[np.float64]":
    if name in NUMBERS:
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
        missing = values.is_null().to_numpy(zero_copy_only=False)
        return np.where(np.isnan(numbers) & ~missing, np.inf, numbers)  # NaN is no empty cell
    coded = values.fill_null("").dictionary_encode()
    words = [str(word) for word in coded.dictionary.to_pylist()]
    return pd.Categorical.from_codes(np.asarray(coded.indices.to_numpy()), pd.Index(words))


def check_columns(names: Any, name: str) -> None:
    """Raise a ManifestError if a table of these columns has no label or no score."""
    if missing := [column for column in ("label", "score") if column not in names]:
        raise ManifestError(
            f"no column {', '.join(missing)}",
            remedy="A scores table needs `label` (0 real, 1 fake) and `score` (probability of "
            "fake). Name yours: `--columns score=prob_fake,label=target`.",
            path=name,
        )


def _numbers(column: pd.Series, name: str, first: int = 0) -> NDArray[np.float64]:
    """The column as float64 to the last bit, NaN where it is empty."""
    if column.dtype.kind in "iufb":
        return column.to_numpy(np.float64, na_value=np.nan)
    numbers = np.full(len(column), np.nan)
    for row, cell in enumerate(column.fillna("").astype(str)):
        with suppress(ValueError):
            numbers[row] = float(cell)
        if cell and np.isnan(numbers[row]):
            found = f"row {first + row + 2}: {column.name} is {cell!r}, not a number"
            raise ManifestError(found, remedy="Correct the row.", path=name)
    return numbers
