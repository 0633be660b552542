import numpy as np
import pytest
from PIL import ImageColor
from skimage.data import astronaut

from telltrace.visualization import contact_sheet, draw_boxes
from telltrace.visualization.faces import COLOURS


def black(height: int, width: int) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)


def test_each_image_fills_its_tile_and_keeps_its_proportions() -> None:
    sheet = np.asarray(contact_sheet([black(50, 50), black(20, 40)], ["", ""], size=100))
    dark = (sheet < 10).all(2)
    assert dark[8:108, 8:108].all()
    assert dark[8:108, 116:216].sum() == 100 * 50
    assert dark.sum() == 100 * 100 + 100 * 50


@pytest.mark.parametrize("verdict", sorted(COLOURS))
def test_a_verdict_has_its_colour(verdict: str) -> None:
    ink = ImageColor.getrgb(COLOURS[verdict])
    sheet = np.asarray(contact_sheet([black(9, 9)], [f"{verdict} 0.97"]))
    boxed = np.asarray(draw_boxes(black(200, 200), [(50, 60, 90, 120)], [f"{verdict} 0.97"]))
    assert (sheet == ink).all(2).any()
    assert (boxed[120, 50:91] == ink).all()
    assert not any(
        (boxed == ImageColor.getrgb(COLOURS[v])).all(2).any() for v in COLOURS if v != verdict
    )


def test_the_box_is_drawn_where_the_face_is_and_nowhere_else() -> None:
    image = black(300, 300)
    found = np.asarray(draw_boxes(image, [(100.4, 150.2, 200.3, 250.0)], [""]))
    rows, columns = np.nonzero(found.any(2))
    assert (columns.min(), columns.max(), rows.max()) == (100, 200, 250)
    assert not found[165:240, 110:190].any()
    assert not image.any()


def test_a_caption_stays_inside_the_image() -> None:
    corner = np.asarray(draw_boxes(black(100, 300), [(280, -20, 330, 40)], ["UNCERTAIN 0.50"]))
    ink = (corner == ImageColor.getrgb(COLOURS["UNCERTAIN"])).all(2)
    assert ink[5, 200:298].any()
    assert corner.shape == (100, 300, 3)


def test_a_long_caption_is_cut_at_its_tile() -> None:
    one = contact_sheet([black(9, 9)] * 2, ["w" * 80, ""], size=60)
    assert (np.asarray(one)[70:, 68:] == 255).all()


def test_accents_are_letters_and_not_empty_boxes() -> None:
    sheets = [np.asarray(contact_sheet([black(9, 9)], [c])) for c in ("é", "ü", "Ж")]
    assert not np.array_equal(sheets[0], sheets[1])
    assert not np.array_equal(sheets[1], sheets[2])


def test_a_photograph_keeps_its_pixels_outside_the_drawing() -> None:
    photo = astronaut()
    drawn = np.asarray(draw_boxes(photo, [(170, 65, 280, 190)], ["REAL 0.03"]))
    assert np.array_equal(drawn[200:], photo[200:])
    assert not np.array_equal(drawn[:200], photo[:200])


def test_refusals_say_what_came() -> None:
    with pytest.raises(ValueError, match="got 1 images and 0 captions"):
        contact_sheet([black(9, 9)], [])
    with pytest.raises(ValueError, match=r"got float64 \(9, 9, 3\)"):
        contact_sheet([np.zeros((9, 9, 3))], [""])
    with pytest.raises(ValueError, match=r"got uint8 \(9, 9\)"):
        draw_boxes(black(9, 9)[..., 0], [], [])
    with pytest.raises(ValueError, match="got 0 boxes and 1 captions"):
        draw_boxes(black(9, 9), [], ["FAKE"])
    with pytest.raises(ValueError, match="columns must be at least 1, got 0"):
        contact_sheet([black(9, 9)], [""], columns=0)
