"""A scores table of any length, held small: videos once, and two numbers a row."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from telltrace.errors import ManifestError

from .columns import VIDEO_KEY
from .ranking import Floats, check
from .scores import (
    NUMBERS,
    OPTIONAL,
    REAL,
    ROWS,
    Columns,
    check_rows,
    check_scores,
    fill_missing,
    read_parts,
)
from .videos import OF_VIDEO, Aggregation, Videos, aggregate_scores, number_rows, texts_of

_WANTED = [*OF_VIDEO, "label", "frame", "score", *OPTIONAL]
_KINDS = {
    "video": np.int32,
    "score": np.float64,
    "track": np.int32,
    "item": np.uint64,
    "frame": np.int32,
}
"""What is held of each row."""

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
    frame: NDArray[np.int32] | None = None
    """Each row's frame, -1 for none, (N,); likewise."""

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


Scores = pd.DataFrame | str | Path | ScoreTable | Sequence[ArrayLike]
"""A scores table, the file that holds it, or arrays ``(labels, scores)`` and perhaps groups."""


def compact_scores(
    scores: Scores, columns: Columns | None = None, *, items: bool = False
) -> ScoreTable:
    """A scores table in little memory; a file is read in parts, so that its length is no matter.

    Scores, columns and errors are those of `evaluate`; ``items`` keeps what names each row, so that
    it can be found in another table.
    """
    if isinstance(scores, ScoreTable):
        return scores
    if isinstance(scores, (str, Path)):
        builder = _Builder(str(scores), items)
        with closing(read_parts(scores, _WANTED + ["path"] * items, columns)) as parts:
            for part in parts:
                builder.add(part)
        return builder.table()
    if not isinstance(scores, pd.DataFrame):
        labels, values, *groups = scores
        y, s = check(labels, values)
        named = {"video": np.asarray(groups[0]).astype(str)} if groups else {}
        scores = pd.DataFrame({"label": y, "score": s, **named})
    theirs = {other: ours for ours, other in (columns or {}).items()}
    builder = _Builder("scores", items)
    builder.add(check_scores(scores.rename(columns=theirs)))
    return builder.table()


class _Builder:
    """Grows a :class:`ScoreTable` from parts."""

    def __init__(self, name: str, items: bool) -> None:
        self.name, self.rows, self.items, self.named = name, 0, items, True
        self.videos = Videos(name)
        self.tracks: dict[tuple[int, str], int] = {}
        # bytearrays grow in place; a list of parts would be in memory twice once they are joined
        self.held = {column: bytearray() for column in _KINDS}
        self.unjudged: Counter[str] = Counter()

    def add(self, part: pd.DataFrame) -> None:
        if part.empty:
            return
        part = fill_missing(part)
        check_rows(part, self.name, self.rows)
        named = str(part["video"].iloc[0]) != ""
        if self.rows and self.named != named:
            message = f"row {self.rows + 2}: only some rows have a video"
            remedy = "Name the video of every row, or leave the column out."
            raise ManifestError(message, remedy=remedy, path=self.name)
        self.named = named
        part = part.astype({c: "category" for c in part if c not in NUMBERS})
        if self.items:
            self._add_items(part)
        if not named:
            numbers = [f"{self.rows + row:09d}" for row in range(len(part))]
            part = part.assign(video=pd.Categorical(numbers))
        video, score = self.videos.add(part, self.rows), part["score"].to_numpy(np.float64)
        self.held["video"] += video.tobytes()
        self.held["score"] += score.tobytes()
        if "track" in part:
            code, first = number_rows(part.assign(video=video), ["video", "track"])
            keys = zip(video[first].tolist(), texts_of(part["track"], first), strict=True)
            track = [self.tracks.setdefault(key, len(self.tracks)) for key in keys]
            self.held["track"] += np.array(track, np.int32)[code].tobytes()
        missing = np.flatnonzero(np.isnan(score))
        why = texts_of(part["status"], missing) if "status" in part else [""] * len(missing)
        self.unjudged.update(why)
        self.rows += len(part)

    def _add_items(self, part: pd.DataFrame) -> None:
        if not self.named and (part["path"] == "").any():
            message = "names neither its videos nor its files"
            remedy = "Add a column `video` or `path`, so that rows of two tables can be paired."
            raise ManifestError(message, remedy=remedy, path=self.name)
        key = part[[*VIDEO_KEY, "path"]].assign(frame=part["frame"].astype(np.float64))
        hashes = pd.util.hash_pandas_object(key, index=False).to_numpy()
        self.held["item"] += hashes.tobytes()
        self.held["frame"] += part["frame"].to_numpy(np.int32).tobytes()

    def table(self) -> ScoreTable:
        if not self.rows:
            remedy = "Write them with `telltrace predict`."
            raise ManifestError("no rows", remedy=remedy, path=self.name)
        videos = pd.DataFrame(self.videos.found, columns=OF_VIDEO)
        del self.videos  # a long table: nothing may stay that is needed no more
        videos.insert(len(VIDEO_KEY), "label", (videos["method"] != REAL).astype(np.int64))
        videos = videos.sort_values(VIDEO_KEY)
        rank = np.empty(len(videos), dtype=np.int32)
        rank[videos.index] = np.arange(len(videos), dtype=np.int32)
        held = {name: np.frombuffer(self.held[name], kind) for name, kind in _KINDS.items()}
        for start in range(0, self.rows, ROWS):
            held["video"][start : start + ROWS] = rank[held["video"][start : start + ROWS]]
        tracks = any(name for _, name in self.tracks)
        return ScoreTable(
            videos.reset_index(drop=True), held["video"], held["score"],
            held["track"] if tracks else None,
            rank[[number for number, _ in self.tracks] if tracks else []],
            dict(sorted(self.unjudged.items())), self.named, held["item"] if self.items else None,
            held["frame"] if self.items else None,
        )  # fmt: skip
