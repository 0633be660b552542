import cv2
import numpy as np
import pytest

from telltrace.explanation.maps import draw_heat, onto_frame, resized
from telltrace.faces.align import FaceCrop
from telltrace.faces.detect import Face

LANDMARKS = np.array([(55, 58), (85, 56), (71, 74), (60, 92), (84, 90)], np.float32)
FACE = Face((40.0, 35.0, 100.0, 115.0), LANDMARKS, 1.0)


def test_a_map_of_another_size_has_its_highest_place_where_it_was() -> None:
    found = np.zeros((4, 4), np.float32)
    found[1, 2] = 1
    larger = resized(found, (16, 16))
    assert larger.max() <= 1
    assert np.argwhere(larger == larger.max()).mean(0) == pytest.approx([5.5, 9.5])


@pytest.mark.parametrize(
    ("alignment", "outside"),
    [
        ("box", "shift"),
        ("box", "repeat"),
        ("similarity", "repeat"),
        ("median", "repeat"),
        ("dfb", "repeat"),
        ("whole", "shift"),
        ("sbi", "shift"),
        ("dfdc", "shift"),
        ("ispl", "shift"),
    ],
)
@pytest.mark.parametrize("frame", [(150, 160), (130, 105)])
def test_a_map_comes_back_to_where_its_crop_was_cut(
    alignment: str, outside: str, frame: tuple[int, int]
) -> None:
    crop = FaceCrop(size=96, alignment=alignment, outside=outside)
    picture = np.zeros((*frame, 3), np.uint8)
    cv2.circle(picture, (72, 76), 9, (255, 255, 255), -1)
    cut = crop.cut(picture, FACE)[..., 0] / np.float32(255)
    back = onto_frame(cut, crop, FACE, frame)
    assert back.shape == frame
    spot = picture[..., 0] > 0
    assert back[spot].mean() > 0.85
    assert np.abs(np.argwhere(back > 0.5).mean(0) - (76, 72)).max() < 1
    assert back[~cv2.dilate(spot.astype(np.uint8), np.ones((7, 7))).astype(bool)].max() < 0.2


def test_heat_leaves_places_without_evidence_as_they_are() -> None:
    picture = np.full((32, 32, 3), 100, np.uint8)
    found = np.zeros((32, 32), np.float32)
    found[:8] = 1
    drawn = draw_heat(picture, found)
    assert (drawn[10:] == 100).all()
    assert np.abs(drawn[:6].astype(int) - 100).max() > 80
    assert (picture == 100).all()
