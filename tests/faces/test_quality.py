import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.data import astronaut

from telltrace.faces.detect import Face, create_face_detector
from telltrace.faces.quality import (
    BLOCKY,
    Flag,
    blockiness,
    common_flags,
    face_flags,
    is_turned,
    sharpness,
)


@pytest.fixture(scope="module")
def face() -> Face:
    [found] = create_face_detector().detect([astronaut()])[0]
    return found


def blurred() -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(astronaut(), (0, 0), 6), np.uint8)


@pytest.mark.parametrize(
    ("image", "min_face", "flags"),
    [
        (astronaut(), 40, ()),
        (astronaut(), 200, ("small",)),
        (blurred(), 40, ("blurred",)),
        ((astronaut() * 0.25).astype(np.uint8), 40, ("dark",)),
        ((blurred() * 0.25).astype(np.uint8), 200, ("small", "blurred", "dark")),
    ],
)
def test_what_is_wrong_is_named(
    face: Face, image: NDArray[np.uint8], min_face: float, flags: tuple[Flag, ...]
) -> None:
    assert face_flags(image, face, min_face) == flags


@pytest.mark.parametrize(
    ("left", "top", "margin", "cut"),
    [
        (30, 30, 1.3, False),
        (2, 30, 1.3, False),  # 4 pixels of 52 are outside
        (0, 30, 1.3, True),
        (0, 30, 1.0, False),
        (-5, -5, 1.0, True),
        (58, 30, 1.3, False),
        (60, 60, 1.3, True),
    ],
)
def test_a_face_whose_square_leaves_the_picture_is_cut(
    left: float, top: float, margin: float, cut: bool
) -> None:
    one = Face((left, top, left + 40, top + 40), np.zeros((5, 2), np.float32), 1.0)
    flags = face_flags(np.full((100, 100, 3), 128, np.uint8), one, 20, margin)
    assert ("cut" in flags) == cut


def test_blocks_are_steps_at_every_eighth_line() -> None:
    ramp = np.repeat(np.repeat(np.arange(0, 64, 2), 8), 3).reshape(1, 256, 3)
    blocks = np.repeat(ramp, 64, axis=0).astype(np.uint8)
    even = np.repeat(np.repeat(np.arange(64), 3).reshape(1, 64, 3), 64, axis=0).astype(np.uint8)
    assert blockiness(blocks) > 100
    assert blockiness(even) == pytest.approx(0.5)  # one side has even steps, the other none
    assert blockiness(even[:15, :15]) == 1.0
    _, stored = cv2.imencode(".jpg", astronaut(), [cv2.IMWRITE_JPEG_QUALITY, 12])
    coarse = np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR), np.uint8)
    assert blockiness(astronaut()) < 1.3 < BLOCKY < blockiness(coarse)


def test_contrast_does_not_make_a_face_sharp() -> None:
    grey = np.asarray(cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY), np.uint8)
    pale = (100 + grey * 0.3).astype(np.uint8)
    assert sharpness(pale) == pytest.approx(sharpness(grey), rel=0.1)
    assert sharpness(np.full((64, 64), 9, np.uint8)) == 0


def points(nose: float, tilt: float = 0.0) -> Face:
    """Eyes 20 pixels apart, the nose so far along from the left to the right one."""
    angle = np.radians(tilt)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    marks = np.array([[0, 0], [20, 0], [20 * nose, 10], [4, 20], [16, 20]], np.float32)
    return Face((0, 0, 30, 40), (marks @ turn).astype(np.float32), 1.0)


@pytest.mark.parametrize(
    ("nose", "tilt", "turned"),
    [
        (0.5, 0, False),
        (0.2, 0, False),
        (0.1, 0, True),
        (0.95, 0, True),
        (0.5, 35, False),
        (0.5, 45, True),
        (0.5, 170, True),
    ],
)
def test_a_face_is_turned_by_its_nose_or_its_eyes(nose: float, tilt: float, turned: bool) -> None:
    assert is_turned(points(nose, tilt)) == turned


def test_eyes_in_one_place_are_no_frontal_face() -> None:
    assert is_turned(Face((0, 0, 9, 9), np.zeros((5, 2), np.float32), 1.0))


def test_a_flag_counts_when_most_faces_have_it() -> None:
    faces: list[tuple[Flag, ...]] = [("dark",), ("small", "dark"), ("small",), ("dark",)]
    assert common_flags(faces) == ("dark",)
    assert common_flags([]) == ()
