"""A scores table of any length, held small: videos once, and two numbers a row."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from telltrace.columns import VIDEO_KEY
from telltrace.errors import ManifestError

from .ranking import Floats, check
from .scores import (
    NUMBERS,
    OPTIONAL,
    ROWS,
    Columns,
    check_rows,
    check_scores,
    fill_missing,
    read_parts,
    two_of_one_video,
)
from .videos import Aggregation, aggregate_scores

_OF_VIDEO = [*VIDEO_KEY, "identity", "split"]
_WANTED = [*_OF_VIDEO, "label", "frame", "score", *OPTIONAL]

LevelName = Literal["frames", "tracks", "videos"]


@dataclass(frozen=True)
class ScoreTable:
    """What evaluation needs of a scores table: 12 bytes a row, and each video once."""

    videos: pd.DataFrame
    """Columns of ``VIDEO_KEY``, label, identity and split, sorted by the key, (V,)."""
    video: NDArray[np.int32]
    """Number of each row's video, (N,)."""
    score: Floats
    """Probability of fake, NaN where nothing was judged, (N,)."""
    track: NDArray[np.int32] | None
    """Number of each row's track, (N,); None where the table names no tracks."""
    track_video: NDArray[np.int32]
    """Number of each track's video, (T,)."""
    unjudged: dict[str, int]
    """Rows without a score by their status."""
    names_videos: bool = True
    """False where the table has no ``video``: each row is then taken for one of its own."""
    item: NDArray[np.uint64] | None = None
    """Hash of what names each row (its video, path and frame), (N,); where it was asked for."""

    def level(
        self, name: LevelName, aggregation: Aggregation = "mean", top: int = 5
    ) -> tuple[Floats, NDArray[np.int32]]:
        """Score of each frame, track or video, (N,), and the number of its video, (N,)."""
        if name == "frames":
            return self.score, self.video
        owner, of = np.arange(len(self.videos), dtype=np.int32), self.video
        if name == "tracks":
            assert self.track is not None
            owner, of = self.track_video, self.track
        return aggregate_scores(of, self.score, len(owner), aggregation, top), owner

    @property
    def labels(self) -> NDArray[np.int8]:
        """0 real, 1 fake, of each video, (V,)."""
        return self.videos["label"].to_numpy(np.int8)


def compact_scores(
    scores: "pd.DataFrame | str | Path | ScoreTable | Sequence[ArrayLike]",
    columns: Columns | None = None,
    *,
    items: bool = False,
) -> ScoreTable:
    """A scores table in little memory; a file is read in parts, so that its length is no matter.

    Scores and columns are as in `evaluate`; ``items`` keeps what names each row, so that it can
    be found in another table.

    Raises:
        ManifestError: If the file is missing, is no such table, or a row is wrong.
    """
    if isinstance(scores, ScoreTable):
        return scores
    if isinstance(scores, (str, Path)):
        builder = _Builder(str(scores), items)
        wanted = [*_WANTED, "path"] if items else _WANTED
        with closing(read_parts(scores, wanted, columns)) as parts:
            for part in parts:
                builder.add(part)
        return builder.table()
    builder = _Builder("scores", items)
    if not isinstance(scores, pd.DataFrame):
        labels, values, *groups = scores
        y, s = check(labels, values)
        named = {"video": np.asarray(groups[0]).astype(str)} if groups else {}
        scores = pd.DataFrame({"label": y, "score": s, **named})
    theirs = {other: ours for ours, other in (columns or {}).items()}
    builder.add(check_scores(scores.rename(columns=theirs)))
    return builder.table()


class _Builder:
    """Grows a :class:`ScoreTable` from parts."""

    def __init__(self, name: str, items: bool) -> None:
        self.name, self.rows, self.items = name, 0, items
        self.named: bool | None = None
        self.number: dict[tuple[str, ...], dict[str, int]] = {}
        self.videos: list[tuple[str, ...]] = []
        self.label: list[int] = []
        self.tracks: dict[tuple[int, str], int] = {}
        # bytearrays grow in place; a list of parts would be in memory twice once they are joined
        self.video_bytes, self.score_bytes, self.track_bytes, self.item_bytes = (
            bytearray() for _ in range(4)
        )
        self.unjudged: dict[str, int] = {}

    def add(self, part: pd.DataFrame) -> None:
        if part.empty:
            return
        part = fill_missing(part)
        check_rows(part, self.name, self.rows)
        self._check_named(part)
        part = part.astype({c: "category" for c in part if c not in NUMBERS})
        if self.items:
            self._add_items(part)
        if not self.named:
            numbers = [f"{self.rows + row:09d}" for row in range(len(part))]
            part = part.assign(video=pd.Categorical(numbers))
        code, first = _distinct(part, [*_OF_VIDEO, "label"])
        names = zip(*(_texts(part[column], first) for column in _OF_VIDEO), strict=True)
        labels = part["label"].to_numpy(np.int64)[first]
        found = [self._video(*x) for x in zip(names, labels, first, strict=True)]
        video, score = np.array(found, np.int32)[code], part["score"].to_numpy(np.float64)
        self.video_bytes += video.tobytes()
        self.score_bytes += score.tobytes()
        if "track" in part.columns:
            self._add_tracks(part, video)
        missing = np.isnan(score)
        why = part["status"][missing] if "status" in part else pd.Series([""] * missing.sum())
        for status, count in why.value_counts().items():
            if count:
                self.unjudged[str(status)] = self.unjudged.get(str(status), 0) + int(count)
        self.rows += len(part)

    def _check_named(self, part: pd.DataFrame) -> None:
        """Whether the table names its videos; the answer must be the same for all rows."""
        named = str(part["video"].iloc[0]) != ""
        if self.named not in (None, named):
            message = f"row {self.rows + 2}: only some rows have a video"
            remedy = "Name the video of every row, or leave the column out."
            raise ManifestError(message, remedy=remedy, path=self.name)
        self.named = named

    def _video(self, found: tuple[str, ...], label: int, row: int) -> int:
        *key, video, _, _ = found
        number = self.number.setdefault(tuple(key), {}).setdefault(video, len(self.videos))
        if number == len(self.videos):
            self.videos.append(found)
            self.label.append(int(label))
        for column, new, old in zip(_OF_VIDEO, found, self.videos[number], strict=True):
            if new != old:
                raise two_of_one_video(self.rows + row, column, new, old, self.name)
        return number

    def _add_items(self, part: pd.DataFrame) -> None:
        if not self.named and (part["path"] == "").any():
            message = "names neither its videos nor its files"
            remedy = "Add a column `video` or `path`, so that rows of two tables can be paired."
            raise ManifestError(message, remedy=remedy, path=self.name)
        key = part[[*VIDEO_KEY, "path"]].assign(frame=part["frame"].astype(np.float64))
        self.item_bytes += pd.util.hash_pandas_object(key, index=False).to_numpy().tobytes()

    def _add_tracks(self, part: pd.DataFrame, video: NDArray[np.int32]) -> None:
        code, first = _distinct(part.assign(video=pd.Categorical(video)), ["video", "track"])
        keys = zip(video[first].tolist(), _texts(part["track"], first), strict=True)
        number = [self.tracks.setdefault(key, len(self.tracks)) for key in keys]
        self.track_bytes += np.array(number, dtype=np.int32)[code].tobytes()

    def table(self) -> ScoreTable:
        if not self.rows:
            remedy = "Write them with `telltrace predict`."
            raise ManifestError("no rows", remedy=remedy, path=self.name)
        video = np.frombuffer(self.video_bytes, dtype=np.int32)
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
        return ScoreTable(
            videos.reset_index(drop=True),
            video,
            np.frombuffer(self.score_bytes, dtype=np.float64),
            track,
            of,
            dict(sorted(self.unjudged.items())),
            bool(self.named),
            np.frombuffer(self.item_bytes, dtype=np.uint64) if self.items else None,
        )


def _texts(column: pd.Series, rows: NDArray[np.intp]) -> list[str]:
    return [intern(str(text)) for text in column.iloc[rows].astype(object)]


def _distinct(part: pd.DataFrame, columns: list[str]) -> tuple[NDArray[np.intp], ...]:
    """Number the distinct rows of some columns: the number of each row, the first row of each."""
    groups = part.groupby(columns, sort=False, observed=True)
    number = np.asarray(groups.ngroup(), dtype=np.intp)
    return number, np.unique(number, return_index=True)[1]
