"""All that was seen in one file so far, and the verdict that follows from it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from telltrace.checkpoint import Calibration
from telltrace.faces.media import Frames, Status
from telltrace.faces.quality import BITS, Flag, common_flags
from telltrace.faces.track import Linking, Sight, Track, link
from telltrace.inference.settings import ScanSettings
from telltrace.inference.timeline import AT_LEAST, forged_spans, smooth, track_score
from telltrace.inference.verdict import FaceVerdict, FileVerdict, TrackVerdict, judge_score
from telltrace.inference.wording import explain

STILL = Linking(sure=0.9, likely=0.9)
"""In a single picture no second look can confirm a face: less is asked of the first."""

_MOST_GAPS, _MOST_BETWEEN = 16, 90

Gap = tuple[float, int, int, int]
"""How little it matters, the first and last frame of it, and how many of them to look at."""


@dataclass(frozen=True, eq=False)
class Look:
    """One frame that was looked at."""

    sight: Sight
    scores: NDArray[np.float64]
    """(faces, detectors); not a number for faces too small to be judged."""
    quality: tuple[tuple[Flag, ...], ...]


@dataclass
class Evidence:
    """What several passes over one file have shown; passes may look at frames in any order."""

    path: Path
    settings: ScanSettings
    calibration: Calibration
    frames: Frames | None = None
    """The last pass."""
    size: tuple[int, int] | None = None
    lost: int = 0
    looks: dict[int, Look] = field(default_factory=dict)
    """By the place of the frame in the file."""

    def add(self, looks: Iterable[Look]) -> None:
        """Take in frames; one that was seen before stays as it was."""
        for look in looks:
            self.looks.setdefault(look.sight.index, look)

    @property
    def seen(self) -> frozenset[int]:
        """Places of the frames that were looked at."""
        return frozenset(self.looks)

    def tracks(self) -> tuple[list[TrackVerdict], int]:
        """A verdict for each person in each shot, and how many were dropped as background."""
        looks = [self.looks[index] for index in sorted(self.looks)]
        kept, dropped = link([look.sight for look in looks], STILL if self._still else None)
        return [self._judge(track, looks) for track in kept], len(dropped)

    def disagrees(self) -> bool:
        """Whether more frames may change what the first few say."""
        tracks, _ = self.tracks()
        if not any(track.score is not None for track in tracks):
            return True
        for track in tracks:
            said = {
                judge_score(f.score, self.calibration) for f in track.faces if f.score is not None
            }
            if len(said) > 1 or said == {Status.UNCERTAIN} or len(track.faces) < AT_LEAST:
                return True
        return False

    def wanted(self) -> tuple[int, ...]:
        """Frames not seen yet that may move what is said: see :meth:`_edges` and :meth:`_thin`."""
        tracks, _ = self.tracks()
        gaps = sorted((*self._edges(tracks), *self._thin(tracks)))
        wanted: set[int] = set()
        for _, first, last, most in gaps[:_MOST_GAPS]:
            count = min(last - first + 1, most)
            wanted |= set(np.linspace(first, last, count).round().astype(int).tolist())
        return tuple(sorted(wanted - self.seen))

    def _edges(self, tracks: Sequence[TrackVerdict]) -> Iterator[Gap]:
        """Where a forged stretch begins or ends between two looks at a track."""
        for track in tracks:
            for a, b in pairwise(face for face in track.faces if face.smoothed is not None):
                forged = [(f.smoothed or 0) >= self.calibration.fake_from for f in (a, b)]
                if forged[0] != forged[1] and b.frame - a.frame > 1:
                    top = max(a.smoothed or 0, b.smoothed or 0)
                    yield -top, a.frame + 1, b.frame - 1, _MOST_BETWEEN

    def _thin(self, tracks: Sequence[TrackVerdict]) -> Iterator[Gap]:
        """What lies about a track that looks suspicious in fewer than `AT_LEAST` looks."""
        seen = sorted(self.looks)
        for track in tracks:
            known = sum(face.score is not None for face in track.faces)
            if track.score is None or known >= AT_LEAST:
                continue
            if judge_score(track.score, self.calibration) == Status.REAL:
                continue
            first = seen.index(track.faces[0].frame)
            last = seen.index(track.faces[-1].frame)
            low = seen[first - 1] + 1 if first else 0
            high = seen[last + 1] - 1 if last + 1 < len(seen) else self._last
            yield -track.score, low, high, 2 * AT_LEAST

    @property
    def _still(self) -> bool:
        return self.frames is not None and self.frames.kind == "image"

    @property
    def _last(self) -> int:
        assert self.frames is not None
        return self.frames.total - 1

    def conclude(self, seconds: dict[str, float]) -> FileVerdict:
        """The verdict on the file: that of its worst track."""
        assert self.frames is not None
        tracks, dropped = self.tracks()
        judged = [track.score for track in tracks if track.score is not None]
        score = max(judged, default=None)
        verdict = None if score is None else judge_score(score, self.calibration)
        found = FileVerdict(
            path=self.path,
            status=Status.NO_FACE,
            verdict=verdict,
            score=score,
            kind=self.frames.kind,
            duration=self.frames.duration,
            size=self.size,
            tracks=tuple(tracks),
            frames=len(self.looks),
            frames_with_face=len({face.frame for track in tracks for face in track.faces}),
            dropped=dropped,
            lost=self.lost,
            quality=("compressed",) if self._is_compressed() else (),
            seconds=seconds,
        )
        return explain(found, self.settings, self.frames.truncated)

    def _judge(self, track: Track, looks: Sequence[Look]) -> TrackVerdict:
        mine = [(looks[s], place) for s, place in zip(track.sights, track.places, strict=True)]
        each = np.stack([look.scores[place] for look, place in mine])
        means = each.mean(axis=1)
        known = np.flatnonzero(~np.isnan(means))
        times = [mine[i][0].sight.time for i in known]
        smoothed = dict(zip(known, smooth(times, means[known], self.settings.window), strict=True))
        faces = tuple(
            self._face(look, place, float(means[i]), smoothed.get(i))
            for i, (look, place) in enumerate(mine)
        )
        quality = common_flags([look.quality[place] for look, place in mine])
        if not len(known):
            return TrackVerdict(
                status=Status.FACE_TOO_SMALL, score=None, quality=quality, faces=faces
            )
        series = [smoothed[i] for i in known]
        score = track_score(means[known], series, self.settings.rule)
        return TrackVerdict(
            status=judge_score(score, self.calibration),
            score=score,
            scores=tuple(each[known].mean(axis=0).tolist()),
            forged=() if self._still else forged_spans(times, series, self.calibration.fake_from),
            quality=quality,
            faces=faces,
        )

    def _face(self, look: Look, place: int, score: float, smoothed: float | None) -> FaceVerdict:
        face = look.sight.faces[place]
        known = None if np.isnan(score) else score
        status = Status.FACE_TOO_SMALL if known is None else judge_score(known, self.calibration)
        return FaceVerdict(
            status=status,
            score=known,
            smoothed=None if smoothed is None else float(smoothed),
            frame=look.sight.index,
            time=look.sight.time,
            box=face.box,
            confidence=face.confidence,
            quality=look.quality[place],
        )

    def _is_compressed(self) -> bool:
        if self.frames is None or self.frames.bits is None or self.size is None:
            return False
        return self.frames.bits / (self.size[0] * self.size[1]) < BITS
