"""Pictures on their side: the turn that is found, and boxes in the picture as it was."""

import numpy as np
import pytest
from skimage.data import astronaut

from telltrace.faces.detect import FaceDetector, create_face_detector
from telltrace.faces.media import Frame
from telltrace.faces.turned import find_turn, turn_back, turn_frame


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return create_face_detector()


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_box_turned_back_holds_the_same_pixels(quarters: int) -> None:
    image = np.zeros((60, 100, 3), np.uint8)
    image[10:20, 30:70] = 255
    turned = turn_frame(Frame(image, 0, 0.0), quarters).image
    rows, columns = np.nonzero(turned[..., 0])
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert turn_back(box, quarters, (100, 60)) == (30, 10, 70, 20)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_the_turn_that_shows_a_face_is_found(detector: FaceDetector, quarters: int) -> None:
    laid = turn_frame(Frame(astronaut(), 0, 0.0), quarters)
    assert find_turn(detector, [laid]) == 4 - quarters


def test_nothing_is_turned_for_nothing(detector: FaceDetector) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    assert find_turn(detector, [Frame(noise, 0, 0.0)]) == 0
