"""All that was seen in one file so far, and the verdicts on people that follow from it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from telltrace.evidence.quality import kinds_of
from telltrace.faces.media import Frames, Status
from telltrace.faces.quality import BITS, BLOCKY, Flag, common_flags
from telltrace.faces.track import Linking, Sight, link
from telltrace.faces.turned import turn_back, turn_points_back
from telltrace.inference.places import PlaceMap, mean_map
from telltrace.inference.rule import Finding, Rule, Series, halfway, judge_score
from telltrace.inference.settings import ScanSettings
from telltrace.inference.timeline import Span, Stretch, sharpen, smooth, stretch_spans
from telltrace.inference.verdict import FaceVerdict, Seen, TrackVerdict

STILL: Final = Linking(sure=0.9, likely=0.9)
"""In a single picture no second look can confirm a face: less is asked of the first."""


class Look(NamedTuple):
    """One frame that was looked at."""

    sight: Sight
    scores: NDArray[np.float64]
    """(faces, networks); not a number for faces too small to be judged."""
    quality: tuple[tuple[Flag, ...], ...]
    maps: tuple[PlaceMap | None, ...] = ()
    """Where each face shows a paste; empty where no detector has a map."""


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
    blockiness: float = 1.0
    """That of a picture; see `telltrace.faces.quality.blockiness`."""
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
    def is_still(self) -> bool:
        return self.frames.kind == "image"

    @property
    def is_compressed(self) -> bool:
        """Whether a picture shows the blocks of its encoder, or a video has few bits a pixel."""
        if self.is_still:
            return self.blockiness >= BLOCKY
        if self.frames.bits is None or self.size is None:
            return False
        return self.frames.bits / (self.size[0] * self.size[1]) < BITS

    @property
    def quality(self) -> tuple[Flag, ...]:
        """What makes the whole file hard to judge."""
        return ("compressed",) if self.is_compressed else ()

    def tracks(self) -> tuple[list[TrackVerdict], int]:
        """A verdict for each person in each shot, and how many were dropped as background."""
        if self._judged is None:
            looks = [self.looks[index] for index in sorted(self.looks)]
            kept, dropped = link([look.sight for look in looks], STILL if self.is_still else None)
            people = [[(looks[i], place) for i, place in track.seen] for track in kept]
            scores = [np.stack([look.scores[i] for look, i in person]) for person in people]
            judged = sum(not np.isnan(each).any(axis=1).all() for each in scores)
            pairs = zip(people, scores, strict=True)
            self._judged = [self._track(*pair, judged) for pair in pairs], len(dropped)
        return self._judged

    def _track(
        self, seen: list[tuple[Look, int]], scores: NDArray[np.float64], people: int
    ) -> TrackVerdict:
        """The verdict on one of so many people who can be judged, by scores (looks, networks)."""
        networks, scores = scores, self.rule.combine(scores)
        known = np.flatnonzero(~np.isnan(scores).any(axis=1))
        series = self._series([seen[i][0].sight for i in known], scores[known])
        faces = self._faces(seen, scores.mean(axis=1), series.times, known)
        quality = common_flags([look.quality[place] for look, place in seen])
        if not len(known):
            status = Status.FACE_TOO_SMALL
            return TrackVerdict(status=status, score=None, quality=quality, faces=faces)
        rule, moving = self.rule, not self.is_still
        found = rule.video(series, people) if moving else rule.picture(scores[known[0]], people)
        counted = networks[known][series.counted]
        said, conflict = rule.disagreement(counted, moving)
        kinds = kinds_of((*quality, *self.quality), [face.side for face in faces])
        errors, broken = rule.errors(found.status, moving, kinds)
        covered = self._covered(found.status, conflict or broken)
        is_plain = covered == found.status and found.stretch is None
        evidence = rule.likelihood(found.score, moving, self.settings.prior) if is_plain else None
        found = found._replace(status=covered)
        forged, stretch = self._forged(series, found, people)
        return TrackVerdict(
            status=found.status,
            score=found.score,
            scores=rule.voices(counted) or found.scores,
            likelihood=evidence,
            errors=errors,
            disagreement=said,
            conflict=conflict,
            throughout=found.throughout,
            stretch=stretch,
            forged=forged,
            quality=quality,
            map=mean_map(face.map for face in faces),
            faces=faces,
        )

    def _faces(
        self,
        seen: list[tuple[Look, int]],
        means: NDArray[np.float64],
        times: NDArray[np.float64],
        known: NDArray[np.intp],
    ) -> tuple[FaceVerdict, ...]:
        """Each look with its score and that of those nearby; ``times`` are of the known ones."""
        smoothed = np.full(len(means), np.nan)
        smoothed[known] = smooth(times, means[known], self.settings.window)
        each = zip(seen, means.tolist(), smoothed.tolist(), strict=True)
        return tuple(self._face(*look, score, nearby) for look, score, nearby in each)

    def _series(self, sights: list[Sight], scores: NDArray[np.float64]) -> Series:
        """What the looks that were judged gave, by each detector's scores, (N, detectors)."""
        return Series(
            times=np.array([sight.time for sight in sights]),
            margins=self.rule.margins(scores),
            even=np.array([sight.index in self.even for sight in sights], dtype=bool),
        )

    def _covered(self, status: Status, conflict: bool) -> Status:
        """The status, or UNCERTAIN in a conflict and for a REAL that is worth less (model card)."""
        blind = self.is_still and self.is_compressed and status == Status.REAL
        return Status.UNCERTAIN if blind or conflict else status

    def _forged(
        self, series: Series, found: Finding, people: int
    ) -> tuple[tuple[Span, ...], Stretch | None]:
        """The seconds in which somebody who is forged looks so, and the stretch that decides."""
        if self.is_still or found.status != Status.FAKE:
            return (), found.stretch
        columns = [smooth(series.times, m, self.settings.window) for m in series.margins.T]
        smoothed = [self.rule.stretch_score(m) for m in np.stack(columns, axis=1)]
        if found.throughout == Status.FAKE:
            whole = (float(series.times[0]), float(series.times[-1]))
            level = self.rule.zone(True, people).fake_from
            spans = stretch_spans(series.times, smoothed, level, [whole], found.score)
            return spans, found.stretch
        assert found.stretch is not None
        start, end, score = found.stretch
        places = [window[:2] for window in found.suspicious]
        level = halfway(found.score, score)
        spans = stretch_spans(series.times, smoothed, level, places, score)
        single = [self.rule.stretch_score(m) for m in series.margins]
        spans = sharpen(spans, series.times, single, self.settings.window / 2)
        near = max(spans, key=lambda span: min(span.end, end) - max(span.start, start))
        return spans, Stretch(near.start, near.end, score)  # of frames rather than of windows

    def _face(self, look: Look, place: int, score: float, smoothed: float) -> FaceVerdict:
        face = look.sight.faces[place]
        is_known = not np.isnan(score)
        known = judge_score(score, self.rule.zone()) if is_known else Status.FACE_TOO_SMALL
        return FaceVerdict(
            status=known,
            score=score if is_known else None,
            smoothed=smoothed if is_known else None,
            frame=look.sight.index,
            time=look.sight.time,
            box=face.box if self.size is None else turn_back(face.box, self.turn, self.size),
            confidence=face.confidence,
            quality=look.quality[place],
            map=self._map(look, place) if is_known else None,
            seen=Seen(face, tuple(look.scores[place].tolist()), look.sight.index in self.even),
        )

    def _map(self, look: Look, place: int) -> PlaceMap | None:
        found = look.maps[place] if look.maps else None
        if found is None or self.size is None:
            return found
        return replace(found, corners=tuple(turn_points_back(found.corners, self.turn, self.size)))
