from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.data import astronaut

from telltrace.faces.detect import Face, FaceDetector, create_face_detector
from telltrace.faces.follow import distance, follow_faces
from telltrace.faces.media import Frame


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return create_face_detector()


def follow(
    detector: FaceDetector, clip: list[Frame], **options: Any
) -> tuple[list[list[Face]], int]:
    """The faces of each frame, and how many frames were searched for them."""
    searched: list[int] = []

    class Counting:
        def detect(self, images: Any, windows: Any = None) -> list[list[Face]]:
            searched.append(len(images) if windows is None else 0)
            return detector.detect(images, windows)

    return follow_faces(Counting(), clip, **options), sum(searched)  # type: ignore[arg-type]


def frames(pictures: list[NDArray[np.uint8]], rate: float = 25) -> list[Frame]:
    return [Frame(picture, index, index / rate) for index, picture in enumerate(pictures)]


def walk(count: int, step: int = 4) -> list[NDArray[np.uint8]]:
    """The astronaut, going to the right."""
    return [
        np.ascontiguousarray(astronaut()[:320, 120 - step * i : 440 - step * i])
        for i in range(count)
    ]


def test_what_is_followed_is_what_would_be_found(detector: FaceDetector) -> None:
    clip = frames(walk(13))
    followed, searched = follow(detector, clip, every=4)
    assert searched == 4
    for faces, alone in zip(followed, detector.detect([f.image for f in clip]), strict=True):
        assert len(faces) == len(alone) == 1
        assert distance(faces[0].box, alone[0].box) < 0.08
        np.testing.assert_allclose(faces[0].landmarks, alone[0].landmarks, atol=6)


def test_searching_all_is_detecting(detector: FaceDetector) -> None:
    clip = frames(walk(3))
    found, searched = follow(detector, clip, every=1)
    expected = detector.detect([frame.image for frame in clip])
    assert [[f.box for f in faces] for faces in found] == [
        [f.box for f in faces] for faces in expected
    ]
    assert searched == 3


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_face_that_comes_is_found_at_once(detector: FaceDetector, first: int) -> None:
    people = walk(5, step=0)
    empty = np.full_like(people[0], 120)
    empty[200:] = people[0][200:]  # the body stays, so that no cut gives it away
    clip = frames([empty if i < first else people[i] for i in range(5)])
    assert [len(faces) for faces in follow_faces(detector, clip, every=4)] == [
        int(i >= first) for i in range(5)
    ]


def test_both_sides_of_a_cut_and_of_a_gap_are_searched(detector: FaceDetector) -> None:
    there, gone = walk(1)[0], np.random.default_rng(0).integers(0, 255, (320, 320, 3), np.uint8)
    found = follow_faces(detector, frames([there] * 4 + [gone] * 5), every=8)
    assert [len(faces) for faces in found] == [1] * 4 + [0] * 5
    assert follow(detector, frames(walk(5), rate=1), every=8, reach=0.5)[1] == 5


def test_nothing_in_nothing_out(detector: FaceDetector) -> None:
    assert follow_faces(detector, []) == []


def test_distance_is_in_sizes_of_the_larger() -> None:
    assert distance((0, 0, 10, 10), (0, 0, 10, 10)) == 0
    assert distance((0, 0, 10, 10), (30, 40, 50, 60)) == pytest.approx(np.hypot(35, 45) / 20)
