"""Tables of scores read in parts of some thousand rows, from CSV or parquet."""

from collections.abc import Generator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from telltrace.errors import DependencyError, ManifestError

NUMBERS = ["label", "frame", "time", "score"]
ROWS = 100_000
"""Rows that are read at a time."""

Columns = Mapping[str, str]
"""Our name of a column to the name that it has in a file, such as ``video`` to ``clip``."""

_WRITE = "Write one with `telltrace predict`."
_EXACT: dict[str, Any] = (
    {} if int(pd.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}
)
"""What makes pandas read a number to its last bit; from version 3 on it always does."""


def read_parts(
    path: str | Path, wanted: list[str], columns: Columns | None = None
) -> Generator[pd.DataFrame]:
    """Parts of a table under our names: numbers as float64, nulls empty, the others texts.

    Raises:
        ManifestError: If the file is missing or no table, or a cell is no number.
        DependencyError: If it is parquet and pyarrow is missing.
    """
    path, theirs = Path(path), {c: (columns or {}).get(c, c) for c in wanted}
    read = _read_parquet if path.suffix == ".parquet" else _read_csv
    try:
        yield from read(path, theirs)
    except FileNotFoundError:
        remedy = f"Write one with `telltrace predict --out {path}`."
        raise ManifestError("no such file", remedy=remedy, path=path) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as error:
        kind = "parquet file" if path.suffix == ".parquet" else "CSV"
        raise ManifestError(f"not a readable {kind} ({error})", remedy=_WRITE, path=path) from None


def _choose(have: list[str], theirs: Columns, path: Path) -> dict[str, str]:
    """Their name to ours, of the columns that are there."""
    found = {other: ours for ours, other in theirs.items() if other in have}
    if lost := [name for ours, name in theirs.items() if ours != name and name not in have]:
        remedy = f"It has {', '.join(have)}."
        raise ManifestError(f"no column {', '.join(lost)}", remedy=remedy, path=path)
    check_columns(found.values(), str(path))
    return found


def _read_csv(path: Path, theirs: Columns) -> Generator[pd.DataFrame]:
    ours = _choose(list(pd.read_csv(path, nrows=0).columns), theirs, path)
    numbers = [name for name in ours if ours[name] in NUMBERS]
    every = "time" in theirs  # then pandas counts the cells of each row
    options: dict[str, Any] = {"chunksize": ROWS, "keep_default_na": False}
    options["usecols"] = None if every else list(ours)
    kinds = {name: "float64" if name in numbers else "str" for name in ours}
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
                    numbers_of(part[name].rename(ours[name]), str(path), int(part.index[0]))
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
        for groups in _row_groups(file.metadata):
            for batch in file.iter_batches(ROWS, groups, columns=list(ours), use_threads=False):
                found = {ours[name]: _column(batch.column(name), ours[name]) for name in ours}
                yield pd.DataFrame(found)
    except ArrowException as error:
        raise OSError(str(error)) from None


def _row_groups(about: Any) -> Generator[list[int]]:
    """Row groups of about as many rows as are read at a time; all at once would be held at once."""
    groups, held = [], 0
    for number in range(about.num_row_groups):
        groups.append(number)
        held += about.row_group(number).num_rows
        if held >= ROWS or number == about.num_row_groups - 1:
            yield groups
            groups, held = [], 0


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


def numbers_of(column: pd.Series, name: str, first: int = 0) -> NDArray[np.float64]:
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
