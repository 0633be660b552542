"""Faces of a video's frames: searched for in every few, looked for where they must be between."""

from collections.abc import Sequence
from itertools import compress, pairwise
from operator import itemgetter

import numpy as np

from .detect import Box, Face, FaceDetector
from .media import Frame
from .shots import is_cut

SURE = 0.95
"""Faces of at least this confidence must be found again, or the whole frame is searched."""

REACH = 1.0
"""Seconds over which a face is followed."""

_SHIFTS = (-0.3, 0.0, 0.3)


def follow_faces(
    detector: FaceDetector, frames: Sequence[Frame], every: int = 4, reach: float = REACH
) -> list[list[Face]]:
    """The faces of each of a run of frames, at a fraction of the cost of searching all.

    Every ``every``-th frame is searched. In those between, a face is looked for on the line from
    where it was to where it will be. A frame is searched after all when this is unsure: a face
    comes, goes or is lost, none is expected, the shot changes, or more than ``reach`` seconds pass.
    """
    found: dict[int, list[Face]] = {}

    def search(numbers: list[int]) -> None:
        faces = detector.detect([frames[number].image for number in numbers])
        found.update(zip(numbers, faces, strict=True))

    keys = set(range(0, len(frames), every))
    if frames:
        keys.add(len(frames) - 1)
    for number, (a, b) in enumerate(pairwise(frames)):  # both sides of a cut or a gap
        if are_apart((a, b), reach) or is_cut(a.tiny, b.tiny):
            keys |= {number, number + 1}
    search(sorted(keys))
    expected = {
        between: _expected(frames, found, before, after, between)
        for before, after in pairwise(sorted(keys))
        for between in range(before + 1, after)
    }
    windows = [_windows(faces) for _, faces in expected.values()]
    again = detector.detect([frames[i].image for i in expected], windows)
    for (number, (sure, _)), faces in zip(expected.items(), again, strict=True):
        if sure and _all_found(sure, faces):
            found[number] = faces
    search([i for i in expected if i not in found])
    return [found[number] for number in range(len(frames))]


def are_apart(frames: Sequence[Frame], reach: float = REACH) -> bool:
    """Whether no face is followed from any of these frames to the next."""
    return all(b.time - a.time > reach for a, b in pairwise(frames))


def _expected(
    frames: Sequence[Frame], found: dict[int, list[Face]], before: int, after: int, between: int
) -> tuple[list[Box], list[Box]]:
    """Boxes that must be found between two searched frames, if any; and all to look at."""
    start, now, end = (frames[number].time for number in (before, between, after))
    share = (now - start) / max(end - start, 1e-9)
    pairs, lonely = _pairs(found[before], found[after])
    boxes = [_between(a, b, share) for a, b in pairs]
    likely = [max(a.confidence, b.confidence) >= SURE for a, b in pairs]
    comes_or_goes = any(face.confidence >= SURE for face in lonely)
    sure = [] if comes_or_goes else list(compress(boxes, likely))
    return sure, boxes + [face.box for face in lonely]


def _pairs(before: list[Face], after: list[Face]) -> tuple[list[tuple[Face, Face]], list[Face]]:
    """Faces of two frames that lie nearest to each other, and those left alone."""
    options = [(distance(a.box, b.box), a, b) for a in before for b in after]
    lonely, pairs = [*before, *after], []
    for gap, a, b in sorted(options, key=itemgetter(0)):
        if gap < 1 and a in lonely and b in lonely:
            pairs.append((a, b))
            lonely.remove(a)
            lonely.remove(b)
    return pairs, lonely


def distance(a: Box, b: Box) -> float:
    """How far two boxes are apart: between their centres, in sizes of the larger."""
    (la, ta, ra, ba), (lb, tb, rb, bb) = a, b
    size = max(ra - la, ba - ta, rb - lb, bb - tb)
    return float(np.hypot(la + ra - lb - rb, ta + ba - tb - bb)) / 2 / size


def _between(a: Face, b: Face, share: float) -> Box:
    left, top, right, bottom = ((1 - share) * np.array(a.box) + share * np.array(b.box)).tolist()
    return left, top, right, bottom


def _windows(boxes: list[Box]) -> list[Box]:
    """Squares about each box, so that one of them covers a face that is off by half its size."""
    places = [(dx, dy, 1.1) for dx in _SHIFTS for dy in _SHIFTS if dx or dy]
    windows: list[Box] = []
    for left, top, right, bottom in boxes:
        side, x, y = max(right - left, bottom - top), (left + right) / 2, (top + bottom) / 2
        for dx, dy, scale in [(0.0, 0.0, 0.9), (0.0, 0.0, 1.2), *places]:
            across, down, half = x + dx * side, y + dy * side, scale * side / 2
            windows.append((across - half, down - half, across + half, down + half))
    return windows


def _all_found(expected: list[Box], faces: list[Face]) -> bool:
    """Whether each expected box has a sure face near it that no other has."""
    left = [face.box for face in faces if face.confidence >= SURE]
    for box in expected:
        nearest = min(left, key=lambda other: distance(box, other), default=None)
        if nearest is None or distance(box, nearest) > 0.6:
            return False
        left.remove(nearest)
    return True
