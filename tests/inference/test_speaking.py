"""Frames that speak: judged again without them, not estimated."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit

from telltrace.checkpoint import Detector
from telltrace.faces.detect import FaceDetector
from telltrace.faces.media import Status
from telltrace.inference import Scanner
from telltrace.inference.speaking import speaking_frames


@pytest.fixture
def reddening(
    tmp_path: Path, astronaut: NDArray[np.uint8], write_clip: Callable[..., Path]
) -> Path:
    """Twelve frames, two of which are redder."""
    frames = [np.ascontiguousarray(astronaut[:300, 60:380]) for _ in range(12)]
    for place in (4, 9):
        frames[place][..., 0] = np.minimum(frames[place][..., 0], 235) + 20
    return write_clip(tmp_path / "red.mp4", frames)


def test_each_frame_is_left_out_exactly(
    judge: Detector, detector: FaceDetector, reddening: Path
) -> None:
    scanner = Scanner(judge, face_detector=detector, sample="all", search_every=1)
    verdict = scanner.scan(reddening)
    (track,) = verdict.tracks
    found = speaking_frames(track, scanner.rule, people=1, moving=True)
    assert found.score == pytest.approx(track.suspicion, abs=1e-12)
    assert {face.frame for face in found.faces[:2]} == {4, 9}
    odds = {face.frame: logit(face.score) for face in track.faces}
    for face, less in zip(found.faces, found.each, strict=True):
        left = [value for frame, value in odds.items() if frame != face.frame]
        assert less.score == pytest.approx(expit(np.mean(left)), abs=1e-9)
        assert less.score < found.score
    gone = {face.frame for face in found.faces}
    left = [value for frame, value in odds.items() if frame not in gone]
    assert found.together.score == pytest.approx(expit(np.mean(left)), abs=1e-9)


def test_somebody_real_is_pushed_there_by_the_least_red(
    judge: Detector, detector: FaceDetector, reddening: Path
) -> None:
    scanner = Scanner(judge, face_detector=detector, sample="all", search_every=1)
    (track,) = scanner.scan(reddening).tracks
    found = speaking_frames(
        replace(track, status=Status.REAL), scanner.rule, people=1, moving=True, count=5
    )
    assert {4, 9}.isdisjoint(face.frame for face in found.faces)
    assert all(less.score > found.score for less in found.each)


def test_without_its_only_look_a_picture_has_no_score(
    scanner: Scanner, astronaut: NDArray[np.uint8]
) -> None:
    verdict = scanner.scan(astronaut)
    (track,) = verdict.tracks
    found = speaking_frames(track, scanner.rule, people=1, moving=False)
    assert [face.frame for face in found.faces] == [0]
    assert found.each == ((None, None),)
    assert found.together == (None, None)


def test_what_a_look_rests_on_is_no_part_of_the_plain_data(
    scanner: Scanner, astronaut: NDArray[np.uint8]
) -> None:
    verdict = scanner.scan(astronaut)
    plain = json.dumps(verdict.to_dict())
    assert "seen" not in plain
    assert "turn" not in verdict.to_dict()
    (face,) = verdict.faces
    assert face.seen.face.box == face.box
    assert face.seen.scores == (face.score,)
    assert face.seen.even
