"""What stands beside the faces of a marked frame."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from telltrace import visualization
from telltrace.faces.detect import FaceDetector
from telltrace.faces.media import Status
from telltrace.inference import Scanner, pictures
from telltrace.inference.page import scan_page
from telltrace.inference.places import PlaceMap
from telltrace.inference.verdict import FaceVerdict, TrackVerdict, Verdict

from .test_places import red_places


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


def test_the_page_shows_each_face_beside_its_map_and_their_mean(
    clip: Path, detector: FaceDetector
) -> None:
    scanner = Scanner(red_places(), face_detector=detector, sample="spread", frames=3)
    verdict = scanner.scan(clip)
    text = scan_page(verdict, scanner)
    assert text.count("data:image/png;base64,") == 1 + 1 + 3 + 1  # frame, bar, looks, mean
    assert text.count(", and where the detector sees a paste") == 3
    assert "mean map of 3 looks" in text
    assert "because" not in text
    _, marked = pictures.worst_frame(verdict)
    assert verdict.size is not None
    assert marked.height > verdict.size[1]  # the legend


def test_only_maps_that_are_shown_are_kept_of_many_files() -> None:
    known = PlaceMap(1, 1, b"\7", ((0, 0), (9, 0), (9, 9), (0, 9)))
    scores = [0.1, 0.2, 0.9, 0.3, 0.1, 0.2, 0.3, 0.2, 0.1]
    faces = tuple(
        replace(person(Status.REAL, Status.REAL, score, 5).faces[0], frame=i, map=known)
        for i, score in enumerate(scores)
    )
    track = TrackVerdict(status=Status.REAL, score=0.2, faces=faces, map=known)
    kept = pictures.keep_shown_maps(Verdict(path=Path("a"), status=Status.REAL, tracks=(track,)))
    there = [face.frame for face in kept.tracks[0].faces if face.map]
    assert there == [face.frame for face in pictures.key_faces(track)]
    assert len(there) == 5
    assert 2 in there
    assert kept.tracks[0].map == known
    gone = Verdict(path=Path("a"), status=Status.NO_FACE)
    assert pictures.keep_shown_maps(gone) == gone
