"""A scores table of any length, held small: videos once, and two numbers a row."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .scores import (
    COLUMNS,
    OPTIONAL,
    VIDEO_KEY,
    ScoresError,
    check_rows,
    check_scores,
    read_parquet,
)
from .videos import index_videos

ROWS = 100_000
"""Rows that are read at a time."""

_EXACT: dict[str, Any] = (
    {} if int(pd.__version__.split(".")[0]) >= 3 else {"float_precision": "round_trip"}
)
"""What makes pandas read a number to its last bit; from version 3 on it always does."""

_OF_VIDEO = [*VIDEO_KEY, "identity", "split"]
_NUMBERS = ["label", "frame", "score"]


@dataclass(frozen=True)
class ScoreTable:
    """What evaluation needs of a scores table: 12 bytes a row, and each video once."""

    videos: pd.DataFrame
    """Columns of ``VIDEO_KEY``, label, identity and split, sorted by the key, (V,)."""
    video: NDArray[np.int32]
    """Number of each row's video, (N,)."""
    score: NDArray[np.float64]
    """Probability of fake, NaN where nothing was judged, (N,)."""
    track: NDArray[np.int32] | None
    """Number of each row's track, (N,); None where the table names no tracks."""
    track_video: NDArray[np.int32]
    """Number of each track's video, (T,)."""
    unjudged: dict[str, int]
    """Rows without a score by their status."""


def load_scores(path: str | Path) -> ScoreTable:
    """Read a scores table in parts, so that its length does not matter.

    Args:
        path: A CSV or .parquet file; its texts ``path`` and its ``time`` are not read.

    Raises:
        ScoresError: If the file is missing, is no such table, or a row is wrong.
    """
    path = Path(path)
    builder = _Builder(str(path))
    parts = read_parquet(path, _wanted(), ROWS) if path.suffix == ".parquet" else _read_csv(path)
    with closing(parts):
        for part in parts:
            if missing := [c for c in _OF_VIDEO + _NUMBERS if c not in part.columns]:
                raise ScoresError(f"{path}: no column {', '.join(missing)}. {_COLUMNS_ARE}")
            builder.add(part)
    return builder.table()


def compact_scores(frame: pd.DataFrame) -> ScoreTable:
    """The same of a table in memory.

    Raises:
        ScoresError: If a column is missing or a row is wrong.
    """
    table = check_scores(frame)
    videos, video = index_videos(table)
    track: NDArray[np.int32] | None = None
    track_video = np.zeros(0, np.int32)
    if "track" in table and (table["track"] != "").any():
        codes, names = pd.factorize(pd.MultiIndex.from_arrays([video, table["track"]]))
        track, track_video = codes.astype(np.int32), np.array([v for v, _ in names], np.int32)
    score = table["score"].to_numpy(np.float64)
    why = table["status"][np.isnan(score)] if "status" in table else pd.Series([""] * 0)
    unjudged = {str(k): int(n) for k, n in why.value_counts().sort_index().items()}
    if "status" not in table and (count := int(np.isnan(score).sum())):
        unjudged = {"": count}
    return ScoreTable(videos, video.astype(np.int32), score, track, track_video, unjudged)


_COLUMNS_ARE = (
    f"A scores table has the columns {','.join(COLUMNS)}; write one with `telltrace predict`."
)


def _wanted() -> list[str]:
    return [*_OF_VIDEO, *_NUMBERS, *OPTIONAL]


def _read_csv(path: Path) -> Generator[pd.DataFrame]:
    try:
        have = list(pd.read_csv(path, nrows=0).columns)
        if missing := [column for column in COLUMNS if column not in have]:
            raise ScoresError(f"{path}: no column {', '.join(missing)}. {_COLUMNS_ARE}")
        kept = [column for column in _wanted() if column in have]
        kinds = {c: "float64" if c in _NUMBERS else "category" for c in kept}
        with pd.read_csv(
            path, chunksize=ROWS, usecols=kept, dtype=kinds, index_col=False,
            keep_default_na=False, na_values={"frame": [""], "score": [""], "label": [""]},
            **_EXACT,
        ) as parts:  # fmt: skip
            yield from parts
    except FileNotFoundError:
        raise ScoresError(
            f"{path}: no such file. Write one with `telltrace predict --out {path}`."
        ) from None
    except ScoresError:
        raise
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as error:
        raise ScoresError(
            f"{path}: not a readable CSV ({error}). Write it again with `telltrace predict`."
        ) from None
    except ValueError:
        _name_the_cell(path)


def _name_the_cell(path: Path) -> None:
    """Find the cell that is no number, in parts, and say where it is."""
    with pd.read_csv(
        path, dtype=str, keep_default_na=False, chunksize=ROWS, index_col=False
    ) as parts:
        for part in parts:
            for column in _NUMBERS:
                cells = part[column]
                numbers = pd.to_numeric(cells.mask(cells == "", "0"), errors="coerce")
                if (wrong := numbers.isna().to_numpy()).any():
                    row = int(np.argmax(wrong))
                    raise ScoresError(
                        f"{path}, row {part.index[row] + 2}: {column} is {cells.iloc[row]!r}, "
                        "not a number. Correct the row."
                    )
    raise ScoresError(f"{path}: a cell is not a number. Write it again with `telltrace predict`.")


class _Builder:
    """Grows a :class:`ScoreTable` from parts."""

    def __init__(self, name: str) -> None:
        self.name, self.rows = name, 0
        self.number: dict[tuple[str, ...], dict[str, int]] = {}
        self.videos: list[tuple[str, ...]] = []
        self.label: list[int] = []
        self.tracks: dict[tuple[int, str], int] = {}
        # bytearrays grow in place; a list of parts would be in memory twice once they are joined
        self.video_bytes, self.score_bytes, self.track_bytes = (bytearray() for _ in range(3))
        self.unjudged: dict[str, int] = {}

    def add(self, part: pd.DataFrame) -> None:
        if part.empty:
            return
        part["frame"] = part["frame"].fillna(-1)
        check_rows(part, self.name, self.rows)
        code, first = _distinct(part, [*_OF_VIDEO, "label"])
        names = zip(*(_texts(part[column], first) for column in _OF_VIDEO), strict=True)
        labels = part["label"].to_numpy(np.int64)[first]
        found = [self._video(*x) for x in zip(names, labels, first, strict=True)]
        number = np.array(found, dtype=np.int32)
        video, score = number[code], part["score"].to_numpy(np.float64)
        self.video_bytes += video.tobytes()
        self.score_bytes += score.tobytes()
        if "track" in part.columns:
            self._add_tracks(part, video)
        self._add_unjudged(part, np.isnan(score))
        self.rows += len(part)

    def _video(self, found: tuple[str, ...], label: int, row: int) -> int:
        *key, video, _, _ = found
        number = self.number.setdefault(tuple(key), {}).setdefault(video, len(self.videos))
        if number == len(self.videos):
            self.videos.append(found)
            self.label.append(int(label))
        for column, new, old in zip(_OF_VIDEO, found, self.videos[number], strict=True):
            if new != old:
                raise ScoresError(
                    f"{self.name}, row {self.rows + row + 2}: {column} is {new!r}, but an earlier "
                    f"row of the same video has {old!r}. One video has one {column}: correct the "
                    "row, or give the videos different names."
                )
        return number

    def _add_tracks(self, part: pd.DataFrame, video: NDArray[np.int32]) -> None:
        code, first = _distinct(part.assign(video=pd.Categorical(video)), ["video", "track"])
        keys = zip(video[first].tolist(), _texts(part["track"], first), strict=True)
        number = [self.tracks.setdefault(key, len(self.tracks)) for key in keys]
        self.track_bytes += np.array(number, dtype=np.int32)[code].tobytes()

    def _add_unjudged(self, part: pd.DataFrame, missing: NDArray[np.bool_]) -> None:
        if missing.any():
            why = part["status"][missing] if "status" in part else pd.Series([""] * missing.sum())
            for status, count in why.value_counts().items():
                if count:
                    self.unjudged[str(status)] = self.unjudged.get(str(status), 0) + int(count)

    def table(self) -> ScoreTable:
        if not self.rows:
            raise ScoresError(f"{self.name}: no rows. Write them with `telltrace predict`.")
        video = np.frombuffer(self.video_bytes, dtype=np.int32)
        score = np.frombuffer(self.score_bytes, dtype=np.float64)
        videos = pd.DataFrame(self.videos, columns=_OF_VIDEO)
        videos.insert(len(VIDEO_KEY), "label", self.label)
        self.videos, self.number, self.label = [], {}, []
        videos = videos.sort_values(VIDEO_KEY)
        rank = np.empty(len(videos), dtype=np.int32)
        rank[videos.index] = np.arange(len(videos), dtype=np.int32)
        track, of = None, np.zeros(0, np.int32)
        if any(name for _, name in self.tracks):
            track = np.frombuffer(self.track_bytes, dtype=np.int32)
            of = rank[[number for number, _ in self.tracks]]
        for start in range(0, self.rows, ROWS):
            video[start : start + ROWS] = rank[video[start : start + ROWS]]
        unjudged = dict(sorted(self.unjudged.items()))
        return ScoreTable(videos.reset_index(drop=True), video, score, track, of, unjudged)


def _texts(column: pd.Series, rows: NDArray[np.intp]) -> list[str]:
    return [intern(str(text)) for text in column.iloc[rows].astype(object)]


def _distinct(part: pd.DataFrame, columns: list[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Number the distinct rows of some columns: the number of each row, the first row of each."""
    key = np.zeros(len(part), dtype=np.int64)
    for column in columns:
        values = part[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            codes = values.cat.codes.to_numpy(np.int64)
            key, most = key * len(values.cat.categories) + codes, len(values.cat.categories)
        else:
            key, most = key * 2 + values.to_numpy(np.int64), 2
        if most > 1:
            key = pd.factorize(key)[0].astype(np.int64)  # keeps the key small
    first = np.full(int(key.max()) + 1, -1)
    first[key[::-1]] = np.arange(len(key))[::-1]
    return key, first
