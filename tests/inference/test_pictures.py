"""What stands beside the faces of a marked frame."""

from pathlib import Path

import numpy as np
import pytest

from telltrace import visualization
from telltrace.faces.media import Status
from telltrace.inference import pictures
from telltrace.inference.verdict import FaceVerdict, TrackVerdict, Verdict


def person(status: Status, look: Status, score: float | None, left: float) -> TrackVerdict:
    face = FaceVerdict(
        status=look, score=score, frame=3, time=0.1, box=(left, 5, left + 20, 30), confidence=0.9
    )
    return TrackVerdict(status=status, score=score, faces=(face,))


def test_a_single_look_accuses_nobody_who_is_uncertain(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(visualization, "draw_boxes", lambda image, boxes, words: said.extend(words))
    people = (
        person(Status.UNCERTAIN, Status.FAKE, 0.85, 10),
        person(Status.REAL, Status.UNCERTAIN, 0.4, 40),
        person(Status.FACE_TOO_SMALL, Status.FACE_TOO_SMALL, None, 70),
    )
    verdict = Verdict(path=Path("a.mp4"), status=Status.UNCERTAIN, tracks=people)
    frame = np.zeros((40, 100, 3), np.uint8)
    monkeypatch.setattr(
        pictures, "read_frames", lambda path, indices: dict.fromkeys(indices, frame)
    )
    assert pictures.worst_frame(verdict)[0].frame == 3
    assert set(said) == {"UNCERTAIN 85% #1", "REAL #2", "#3"}
