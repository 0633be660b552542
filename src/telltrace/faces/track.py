"""Faces of many frames linked into tracks, so that each person keeps one score of their own."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from .align import FaceCrop
from .detect import Box, Face
from .follow import distance
from .media import Frame
from .shots import alike, is_cut

Pixels = NDArray[np.uint8]

LOOK = 16
"""Side of the picture that faces are compared by, in pixels: hair and collar, and no expression."""

PATIENCE = 4
"""Frames over which a face may be out of sight before its track ends."""
UNLIKE = 1.1
"""Cost above which faces are never linked: 0.4 times how far the face has moved (in its sizes, less
for a longer time), 0.5 its change of size (in octaves), 2 of looks (one less the correlation)."""

_SURROUNDINGS = FaceCrop(size=LOOK, margin=1.7, outside="repeat")


@dataclass(frozen=True, eq=False)
class Sight:
    """The faces of one frame, and what linking needs to remember of its pixels."""

    index: int
    time: float
    faces: tuple[Face, ...]
    looks: tuple[Pixels, ...]
    """For each face, the face and what surrounds it, (16, 16, 3), a little blurred."""
    picture: Pixels
    """The whole frame, (18, 32, 3)."""


def look_at(frame: Frame, faces: Sequence[Face], alone: bool = False) -> Sight:
    """What :func:`link` needs of a frame: 2 kB, whatever the frame's size.

    Of one that is ``alone``, a picture, it needs no pixels.
    """
    if alone:
        blank = np.zeros((LOOK, LOOK, 3), np.uint8)
        return Sight(frame.index, frame.time, tuple(faces), (blank,) * len(faces), blank)
    cuts = (_SURROUNDINGS.cut(frame.image, face) for face in faces)
    looks = tuple(np.asarray(cv2.blur(cut, (3, 3)), np.uint8) for cut in cuts)
    return Sight(frame.index, frame.time, tuple(faces), looks, frame.tiny)


@dataclass(frozen=True)
class Linking:
    """When a track is taken for a person's face.

    Args:
        sure: A track is dropped unless one of its faces has this confidence, and ...
        likely: ... half of them have this one.
        brief: Of fewer faces than this half must be ``sure``: what is no face flickers.
        doubtful: Asked in place of ``likely`` where no track in the whole run meets that: a
            person who is only seen in profile is better judged than missed.
    """

    sure: float = 0.98
    likely: float = 0.95
    brief: int = 6
    doubtful: float = 0.85


@dataclass(eq=False)
class Track:
    """One person through one shot."""

    last: Face
    look: NDArray[np.float32]
    """A running mean of what the face looked like."""
    seen: list[tuple[int, int]] = field(default_factory=list)
    """Which of the frames given to :func:`link`, and which of that frame's faces."""


def link(sights: Sequence[Sight], rules: Linking | None = None) -> tuple[list[Track], list[Track]]:
    """Tracks of the faces in a run of frames, and the tracks dropped as background.

    Frame by frame, in the order of time, faces are given to the tracks so that all costs together
    are least; a face that no track may have begins one. A cut ends all tracks. The tracks come in
    the order in which they begin, the largest face first.
    """
    rules = rules or Linking()
    done, live = list[Track](), list[Track]()
    for number, sight in enumerate(sights):
        if number and is_cut(sights[number - 1].picture, sight.picture):
            live = []
        live = [track for track in live if number - track.seen[-1][0] <= PATIENCE]
        taken = _assign(live, sight, sights)
        for place, (face, look) in enumerate(zip(sight.faces, sight.looks, strict=True)):
            if (track := taken.get(place)) is None:
                track = Track(face, look.astype(np.float32))
                live.append(track)
                done.append(track)
            else:
                track.last, track.look = face, 0.7 * track.look + 0.3 * look.astype(np.float32)
            track.seen.append((number, place))
    kept = [track for track in done if _is_face(track, sights, rules)]
    if not kept:
        easier = replace(rules, likely=rules.doubtful, brief=0)
        kept = [track for track in done if _is_face(track, sights, easier)]
    return kept, [track for track in done if track not in kept]


def _assign(live: list[Track], sight: Sight, sights: Sequence[Sight]) -> dict[int, Track]:
    """For the faces of a frame that a track takes on, that track."""
    if not (live and sight.faces):
        return {}
    from scipy.optimize import linear_sum_assignment  # takes half a second, and pictures need none

    elapsed = [sight.time - sights[track.seen[-1][0]].time for track in live]
    shown = list(zip(sight.faces, sight.looks, strict=True))
    each = zip(live, elapsed, strict=True)
    costs = np.array([[_cost(track, gap, *face) for face in shown] for track, gap in each])
    pairs = zip(*linear_sum_assignment(np.minimum(costs, 100)), strict=True)
    return {int(column): live[row] for row, column in pairs if costs[row, column] <= UNLIKE}


def _cost(track: Track, elapsed: float, face: Face, look: Pixels) -> float:
    here, there = track.last.box, face.box
    sizes = [max(box[2] - box[0], box[3] - box[1]) for box in (here, there)]
    octaves = abs(float(np.log2(sizes[0] / sizes[1])))
    moved = distance(here, there) / (1 + min(elapsed, 2.0))  # one size a second is a usual pace
    return 0.4 * moved + 0.5 * octaves + 2 * (1 - alike(track.look, look.astype(np.float32)))


def _is_face(track: Track, sights: Sequence[Sight], rules: Linking) -> bool:
    confidences = [sights[sight].faces[place].confidence for sight, place in track.seen]
    half = rules.sure if len(confidences) < rules.brief else rules.likely
    return max(confidences) >= rules.sure and float(np.median(confidences)) >= half


def choose_face(faces: Sequence[Face], previous: Face | None = None) -> Face:
    """The face of the one person that is followed where frames are seen once, one by one.

    The largest that overlaps the one before, unless another is more than twice as large.
    """
    best = max(faces, key=_weight)
    if previous is None:
        return best
    same = [face for face in faces if overlap(face.box, previous.box) >= 0.3]
    kept = max(same, key=_weight, default=best)
    return kept if 2 * _weight(kept) >= _weight(best) else best


def _weight(face: Face) -> float:
    """Area times confidence: a large face that is surely one."""
    left, top, right, bottom = face.box
    return float((right - left) * (bottom - top) * face.confidence)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    width, height = (max(min(a[i + 2], b[i + 2]) - max(a[i], b[i]), 0.0) for i in (0, 1))
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return float(width * height / max(areas - width * height, 1e-9))
