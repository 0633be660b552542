"""All that was seen in one file so far, and the verdicts on people that follow from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from telltrace.faces.media import Frames, Status
from telltrace.faces.quality import BITS, Flag, common_flags
from telltrace.faces.track import Linking, Sight, Track, link
from telltrace.faces.turned import UPRIGHT, turn_back
from telltrace.inference.rule import Finding, Rule, Series, Stretch, halfway, judge_score
from telltrace.inference.settings import ScanSettings
from telltrace.inference.timeline import Span, sharpen, smooth, stretch_spans
from telltrace.inference.verdict import FaceVerdict, TrackVerdict

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


@dataclass
class Observations:
    """What several passes over one file have shown; passes may look at frames in any order."""

    frames: Frames
    """The last pass over the file."""
    settings: ScanSettings
    rule: Rule
    turn: int = 0
    """Quarters by which frames were turned to the left for the faces to be upright."""
    size: tuple[int, int] | None = None
    """Width and height of the file's frames as they are."""
    lost: int = 0
    looks: dict[int, Look] = field(default_factory=dict)
    """By the place of the frame in the file."""
    even: set[int] = field(default_factory=set)
    """Places of the looks that were spread evenly."""
    _judged: tuple[list[TrackVerdict], int] | None = None
    """What `tracks` gave, until another frame is seen."""

    def add(self, looks: Iterable[Look], even: bool = True) -> None:
        """Take in frames, spread evenly or not; one that was seen before stays as it was."""
        for look in looks:
            index = look.sight.index
            if index not in self.looks:
                self.looks[index] = look
                self.even |= {index} if even else set()
                self._judged = None

    @property
    def seen(self) -> frozenset[int]:
        """Places of the frames that were looked at."""
        return frozenset(self.looks)

    @property
    def is_still(self) -> bool:
        return self.frames.kind == "image"

    @property
    def has_upright_faces(self) -> bool:
        """Whether a face is sure enough for nobody to be on their side."""
        faces = (face for look in self.looks.values() for face in look.sight.faces)
        return any(face.confidence >= UPRIGHT for face in faces)

    @property
    def is_compressed(self) -> bool:
        """Whether the video has few bits per pixel and frame."""
        if self.frames.bits is None or self.size is None:
            return False
        return self.frames.bits / (self.size[0] * self.size[1]) < BITS

    def tracks(self) -> tuple[list[TrackVerdict], int]:
        """A verdict for each person in each shot, and how many were dropped as background."""
        if self._judged is None:
            self._judged = self._link()
        return self._judged

    def _link(self) -> tuple[list[TrackVerdict], int]:
        looks = [self.looks[index] for index in sorted(self.looks)]
        kept, dropped = link([look.sight for look in looks], STILL if self.is_still else None)
        people = [self._person(track, looks) for track in kept]
        judged = [person for person in people if len(person.known)]
        if self.is_still:
            found = [self.rule.picture(p.scores[p.known[0]], len(judged)) for p in judged]
        else:
            found = self.rule.video([person.series for person in judged])
        zone = self.rule.zone(not self.is_still, max(1, len(judged)))
        findings = iter(found)
        return [
            self._track(person, next(findings) if len(person.known) else None, zone.fake_from)
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

    def _track(self, person: _Person, found: Finding | None, fake_from: float) -> TrackVerdict:
        means = person.scores.mean(axis=1)
        smoothed = np.full(len(means), np.nan)
        window = self.settings.window
        smoothed[person.known] = smooth(person.series.times, means[person.known], window)
        pairs = list(zip(person.looks, person.places, strict=True))
        rotated = ("rotated",) if self.turn else ()
        flags = common_flags([look.quality[place] for look, place in pairs]) + rotated
        scores = zip(pairs, means.tolist(), smoothed.tolist(), strict=True)
        faces = tuple(self._face(*pair, score, nearby) for pair, score, nearby in scores)
        if found is None:
            return TrackVerdict(
                status=Status.FACE_TOO_SMALL, score=None, quality=flags, faces=faces
            )
        forged = () if self.is_still else self._forged(person.series, found, fake_from)
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
        spans = stretch_spans(series.times, smoothed, level, places, found.stretch.score)
        single = [self.rule.stretch_score(m) for m in series.margins]
        return sharpen(spans, series.times, single, self.settings.window / 2)

    def _face(self, look: Look, place: int, score: float, smoothed: float) -> FaceVerdict:
        face = look.sight.faces[place]
        is_known = not np.isnan(score)
        known = judge_score(score, self.rule.calibration) if is_known else Status.FACE_TOO_SMALL
        return FaceVerdict(
            status=known,
            score=score if is_known else None,
            smoothed=smoothed if is_known else None,
            frame=look.sight.index,
            time=look.sight.time,
            box=face.box if self.size is None else turn_back(face.box, self.turn, self.size),
            confidence=face.confidence,
            quality=(*look.quality[place], *(("rotated",) if self.turn else ())),
        )


def _to_the_frame(found: Finding, forged: Sequence[Span]) -> Stretch | None:
    """The stretch that decides, from its first to its last frame rather than in whole windows."""
    stretch = found.stretch
    if stretch is None or not forged or found.throughout == Status.FAKE:
        return stretch
    start, end, score = stretch
    near = max(forged, key=lambda span: min(span.end, end) - max(span.start, start))
    return Stretch(near.start, near.end, score)


def common_verdict(statuses: Sequence[Status]) -> Status | None:
    """What is said of a file with people of whom this is said."""
    if not statuses:
        return None
    if Status.FAKE in statuses:
        return Status.FAKE
    return Status.REAL if set(statuses) == {Status.REAL} else Status.UNCERTAIN
