"""Maps over faces: where they lie, what they leave alone, and a bar that says the same."""

import numpy as np
import pytest
from PIL import Image

from telltrace.visualization import draw_heat, heat_bar, with_legend

GREY = np.full((60, 80, 3), 128, np.uint8)
SQUARE = ((20, 10), (60, 10), (60, 50), (20, 50))


def test_a_map_lies_where_its_corners_are_and_nowhere_else() -> None:
    table = np.zeros((4, 4), np.uint8)
    table[0, 3] = 255
    drawn = draw_heat(GREY, [(table, SQUARE)])
    red, _, blue = drawn[15, 55].astype(int)
    assert red - blue > 150  # the highest value is yellow
    outside = np.ones((60, 80), bool)
    outside[9:52, 19:62] = False
    assert (drawn[outside] == 128).all()
    assert (drawn[35:50, 20:45] == 128).all()  # 0 shows the face


def test_a_turned_map_is_turned_with_its_face() -> None:
    table = np.zeros((4, 4), np.uint8)
    table[0, 0] = 255
    quarter = SQUARE[1:] + SQUARE[:1]  # the left top of the face is the right top of the square
    assert np.ptp(draw_heat(GREY, [(table, quarter)])[15, 55].astype(int)) > 150
    np.testing.assert_array_equal(
        draw_heat(GREY, [(table, quarter)]), draw_heat(GREY, [(np.rot90(table, -1), SQUARE)])
    )


def test_colours_are_grey_below_and_a_map_may_reach_beyond_the_picture() -> None:
    blue = GREY.copy()
    blue[..., 0] = 0
    table = np.zeros((2, 2), np.uint8)
    drawn = draw_heat(blue, [(table, np.subtract(SQUARE, 30)), (table, np.add(SQUARE, 500))])
    assert np.ptp(drawn[5, 5].astype(int)) == 0
    np.testing.assert_array_equal(drawn[30:, 40:], blue[30:, 40:])


@pytest.mark.parametrize("value", [0, 100, 255])
def test_the_bar_has_the_colours_of_the_maps(value: int) -> None:
    bar, table = heat_bar(256, 3), np.full((3, 3), value, np.uint8)
    assert bar.shape == (3, 256, 3)
    np.testing.assert_array_equal(draw_heat(GREY, [(table, SQUARE)])[30, 40], bar[1, value])


def test_colours_grow_lighter_so_that_no_hue_is_needed() -> None:
    light = np.asarray(Image.fromarray(heat_bar(256, 1)).convert("L"))[0, 150:].astype(int)
    assert (np.diff(light) >= -1).all()
    assert light[-1] > light[0] + 50


def test_the_legend_stands_below_the_picture() -> None:
    page = with_legend(Image.fromarray(GREY))
    assert page.width == 80
    assert page.height > 60
    np.testing.assert_array_equal(np.asarray(page)[:60], GREY)
    wide = with_legend(Image.fromarray(np.full((60, 640, 3), 128, np.uint8)))
    assert wide.height < 60 + 2 * 14 + 10  # one line of letters of 14, where there is room for it


def test_words_without_a_map_have_no_bar() -> None:
    page = np.asarray(with_legend(Image.fromarray(GREY), "FAKE 90%", bar=False))[len(GREY) :]
    assert (page == page[..., :1]).all()  # no colours
    assert page.min() < 128
