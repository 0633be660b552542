"""All that was seen in one file so far, and the verdict that follows from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from telltrace.faces.media import Frames, Status
from telltrace.faces.quality import BITS, Flag, common_flags
from telltrace.faces.track import Linking, Sight, Track, link
from telltrace.faces.turned import UPRIGHT, turn_back
from telltrace.inference.rule import Finding, Rule, Series, Stretch, halfway, judge_score
from telltrace.inference.settings import ScanSettings
from telltrace.inference.timeline import Span, smooth, stretch_spans
from telltrace.inference.verdict import FaceVerdict, FileVerdict, TrackVerdict
from telltrace.inference.wording import explain

STILL = Linking(sure=0.9, likely=0.9)
"""In a single picture no second look can confirm a face: less is asked of the first."""


@dataclass(frozen=True, eq=False)
class Look:
    """One frame that was looked at."""

    sight: Sight
    scores: NDArray[np.float64]
    """(faces, detectors); not a number for faces too small to be judged."""
    quality: tuple[tuple[Flag, ...], ...]


@dataclass(frozen=True, eq=False)
class _Person:
    """The looks at one person."""

    looks: list[Look]
    places: list[int]
    """Which of the faces in each look."""
    scores: NDArray[np.float64]
    """(looks, detectors)"""
    known: NDArray[np.intp]
    """Those looks that gave a score."""
    series: Series

    @property
    def is_judged(self) -> bool:
        return len(self.known) > 0


@dataclass
class Evidence:
    """What several passes over one file have shown; passes may look at frames in any order."""

    path: Path
    settings: ScanSettings
    rule: Rule
    turn: int = 0
    """Quarters by which frames were turned to the left for the faces to be upright."""
    frames: Frames | None = None
    """The last pass."""
    size: tuple[int, int] | None = None
    lost: int = 0
    looks: dict[int, Look] = field(default_factory=dict)
    """By the place of the frame in the file."""
    even: set[int] = field(default_factory=set)
    """Places of the looks that were spread evenly."""

    def add(self, looks: Iterable[Look], even: bool = True) -> None:
        """Take in frames; one that was seen before stays as it was.

        Args:
            looks: The frames.
            even: Whether they are spread evenly, and not about a suspicious moment.
        """
        for look in looks:
            index = look.sight.index
            if index not in self.looks:
                self.looks[index] = look
                self.even |= {index} if even else set()

    @property
    def seen(self) -> frozenset[int]:
        """Places of the frames that were looked at."""
        return frozenset(self.looks)

    @property
    def sees_upright_faces(self) -> bool:
        """Whether a face is sure enough for nobody to be on their side."""
        faces = (face for look in self.looks.values() for face in look.sight.faces)
        return any(face.confidence >= UPRIGHT for face in faces)

    def tracks(self) -> tuple[list[TrackVerdict], int]:
        """A verdict for each person in each shot, and how many were dropped as background."""
        looks = [self.looks[index] for index in sorted(self.looks)]
        kept, dropped = link([look.sight for look in looks], STILL if self._still else None)
        people = [self._person(track, looks) for track in kept]
        judged = [person for person in people if person.is_judged]
        if self._still:
            found = [self.rule.picture(p.scores[p.known[0]], len(judged)) for p in judged]
        else:
            found = self.rule.video([person.series for person in judged])
        findings = iter(found)
        zone = self.rule.zone(not self._still, max(1, len(judged)))
        return [
            self._judge(person, next(findings) if person.is_judged else None, zone.fake_from)
            for person in people
        ], len(dropped)

    def _person(self, track: Track, looks: Sequence[Look]) -> _Person:
        mine = [looks[sight] for sight in track.sights]
        pairs = zip(mine, track.places, strict=True)
        scores = np.stack([look.scores[place] for look, place in pairs])
        known = np.flatnonzero(~np.isnan(scores).any(axis=1))
        seen = [mine[i].sight for i in known]
        series = Series(
            times=np.array([sight.time for sight in seen]),
            margins=self.rule.margins(scores[known]),
            even=np.array([sight.index in self.even for sight in seen], dtype=bool),
        )
        return _Person(mine, track.places, scores, known, series)

    def _judge(self, person: _Person, found: Finding | None, fake_from: float) -> TrackVerdict:
        means, window = person.scores.mean(axis=1), self.settings.window
        smoothed = dict.fromkeys(range(len(means)), float("nan"))
        smoothed |= dict(
            zip(
                person.known.tolist(),
                smooth(person.series.times, means[person.known], window).tolist(),
                strict=True,
            )
        )
        quality = [look.quality[p] for look, p in zip(person.looks, person.places, strict=True)]
        faces = tuple(
            self._face(look, place, float(means[i]), smoothed[i])
            for i, (look, place) in enumerate(zip(person.looks, person.places, strict=True))
        )
        flags = common_flags(quality) + (("rotated",) if self.turn else ())
        if found is None:
            return TrackVerdict(
                status=Status.FACE_TOO_SMALL, score=None, quality=flags, faces=faces
            )
        forged = () if self._still else self._forged(person.series, found, fake_from)
        return TrackVerdict(
            status=found.status,
            score=found.score,
            scores=found.scores,
            throughout=found.throughout,
            stretch=_to_the_frame(found, forged),
            forged=forged,
            quality=flags,
            faces=faces,
        )

    def _forged(self, series: Series, found: Finding, fake_from: float) -> tuple[Span, ...]:
        """The seconds in which somebody who is forged looks so."""
        if found.status != Status.FAKE:
            return ()
        columns = [smooth(series.times, m, self.settings.window) for m in series.margins.T]
        smoothed = [self.rule.stretch_score(m) for m in np.stack(columns, axis=1)]
        if found.throughout == Status.FAKE:
            whole = (float(series.times[0]), float(series.times[-1]))
            return stretch_spans(series.times, smoothed, fake_from, [whole], found.score)
        assert found.stretch is not None
        level = halfway(found.score, found.stretch.score)
        places = [(window.start, window.end) for window in found.suspicious]
        return stretch_spans(series.times, smoothed, level, places, found.stretch.score)

    def _face(self, look: Look, place: int, score: float, smoothed: float) -> FaceVerdict:
        face = look.sight.faces[place]
        known = None if np.isnan(score) else score
        single = self.rule.calibration
        status = Status.FACE_TOO_SMALL if known is None else judge_score(known, single)
        box = face.box if self.size is None else turn_back(face.box, self.turn, self.size)
        return FaceVerdict(
            status=status,
            score=known,
            smoothed=None if np.isnan(smoothed) else smoothed,
            frame=look.sight.index,
            time=look.sight.time,
            box=box,
            confidence=face.confidence,
            quality=(*look.quality[place], *(("rotated",) if self.turn else ())),
        )

    @property
    def _still(self) -> bool:
        return self.frames is not None and self.frames.kind == "image"

    def conclude(self, seconds: dict[str, float]) -> FileVerdict:
        """The verdict on the file: forged if anybody is, real only if everybody is."""
        assert self.frames is not None
        tracks, dropped = self.tracks()
        judged = [track for track in tracks if track.score is not None]
        found = FileVerdict(
            path=self.path,
            status=Status.NO_FACE,
            verdict=common_verdict([track.status for track in judged]),
            score=max((track.score for track in judged if track.score is not None), default=None),
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

    def _is_compressed(self) -> bool:
        if self.frames is None or self.frames.bits is None or self.size is None:
            return False
        return self.frames.bits / (self.size[0] * self.size[1]) < BITS


def _to_the_frame(found: Finding, forged: Sequence[Span]) -> Stretch | None:
    """The stretch that decides, from its first to its last frame rather than in whole windows."""
    stretch = found.stretch
    if stretch is None or not forged or found.throughout == Status.FAKE:
        return stretch
    start, end, score = stretch
    near = max(forged, key=lambda span: min(span.end, end) - max(span.start, start))
    return Stretch(near.start, near.end, score)


def common_verdict(statuses: Sequence[Status]) -> Status | None:
    """What is said of a file with people of whom this is said.

    Examples:
        >>> str(common_verdict([Status.REAL, Status.UNCERTAIN]))
        'UNCERTAIN'
    """
    if not statuses:
        return None
    if Status.FAKE in statuses:
        return Status.FAKE
    return Status.REAL if set(statuses) == {Status.REAL} else Status.UNCERTAIN
