"""Skin tone from drawn faces of known colour."""

import cv2
import numpy as np
import pytest

from telltrace.faces.detect import Face
from telltrace.faces.skin import tone, typology_angle

EYES_NOSE_MOUTH = np.array([[70, 80], [130, 80], [100, 110], [78, 140], [122, 140]], np.float32)
FACE = Face((50.0, 40.0, 150.0, 170.0), EYES_NOSE_MOUTH, 1.0)


def drawn(lightness: float, yellow: float) -> np.ndarray:
    """A face of one colour in L*a*b* with a black beard and a white wall."""
    lab = np.full((200, 200, 3), (lightness, 10, yellow), np.float32)
    image = np.rint(255 * cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)).astype(np.uint8)
    image[150:], image[:, :30] = 0, 255
    return image


@pytest.mark.parametrize(
    ("lightness", "yellow", "group"),
    [(75, 12, "very light"), (66, 16, "light"), (60, 18, "intermediate"), (54, 16, "tan"),
     (45, 18, "brown"), (30, 14, "dark")],
)  # fmt: skip
def test_the_angle_is_that_of_the_colour(lightness: float, yellow: float, group: str) -> None:
    angle = typology_angle(drawn(lightness, yellow), FACE)
    assert angle == pytest.approx(np.degrees(np.arctan2(lightness - 50, yellow)), abs=1.5)
    assert tone(angle) == group


def test_a_face_whose_cheeks_lie_outside_has_none() -> None:
    away = Face(FACE.box, EYES_NOSE_MOUTH + 500, 1.0)
    assert typology_angle(drawn(60, 15), away) is None
