"""Published rectangles, against what their authors' code cuts and pastes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from telltrace.errors import OptionError
from telltrace.faces.align import FaceCrop
from telltrace.faces.detect import Face
from telltrace.faces.rectangles import RULES, pad, pad_and_stretch, rectangle, stretch


def golden(name: str) -> dict[str, Any]:
    path = Path(__file__).parents[1] / "golden" / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def boxes() -> list[tuple[str, tuple[float, ...], list[int], list[int]]]:
    """Rule, box, shape of the picture, and rows and columns that are cut."""
    rows = []
    for one in golden("sbi_crop")["crops"]:
        rows.append(("sbi", one["detector_box_x0y0x1y1"], one))
    for one in golden("selimsef_rules")["crops"]:  # their detector sees half the picture
        rows.append(("dfdc", [2 * edge for edge in one["box_in_detector_pixels"]], one))
    for one in golden("ispl_crop")["crops"]:
        top, left, bottom, right = one["detector_box_y0x0y1x1"]
        rows.append(("ispl", [left, top, right, bottom], one))
    return [
        (rule, tuple(box), one["frame_height_width"], one["crop_y0y1x0x1"])
        for rule, box, one in rows
    ]


@pytest.mark.parametrize(("rule", "box", "shape", "cut"), boxes())
def test_cuts_what_the_authors_cut(
    rule: str, box: tuple[float, float, float, float], shape: list[int], cut: list[int]
) -> None:
    left, top, right, bottom = rectangle(rule, box, (shape[0], shape[1]))
    assert [top, bottom, left, right] == cut


@pytest.mark.parametrize("case", golden("selimsef_rules")["resize_and_paste"])
def test_pads_as_the_winner_of_dfdc(case: dict[str, Any]) -> None:
    height, width = case["face_height_width"]
    square = pad(np.full((height, width, 3), 255, np.uint8), 380)
    assert square.shape == (380, 380, 3)
    rows, columns = np.nonzero(square[..., 0])
    assert [rows.min(), rows.max() + 1] == case["pasted_rows"]
    assert [columns.min(), columns.max() + 1] == case["pasted_columns"]
    assert square.max() == square[square > 0].min() == 255


def test_ispl_pads_what_is_small_and_squashes_what_is_large() -> None:
    small = pad_and_stretch(np.full((100, 60, 3), 9, np.uint8), 224)
    assert (small[62:162, 82:142] == 9).all()
    assert small.astype(int).sum() == 9 * 3 * 100 * 60
    tall = np.full((400, 100, 3), 9, np.uint8)  # padded to 400x224, then squashed
    found = np.nonzero(pad_and_stretch(tall, 224)[112, :, 0])[0]
    assert (found.min(), found.max()) == (62, 161)
    assert (stretch(tall, 224) == 9).all()


@pytest.mark.parametrize("rule", RULES)
def test_a_crop_is_cut_and_fitted_by_its_rule(rule: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (100, 120, 3), dtype=np.uint8)
    box = (30.0, 20.0, 70.0, 72.0)
    crop = FaceCrop(size=64, alignment=rule)  # type: ignore[arg-type]
    left, top, right, bottom = rectangle(rule, box, (100, 120))
    cut = crop.cut(picture, Face(box, np.zeros((5, 2), np.float32), 1.0))
    np.testing.assert_array_equal(cut, RULES[rule].fit(picture[top:bottom, left:right], 64))
    assert crop == FaceCrop.from_dict(crop.to_dict())
    assert crop.margin == RULES[rule].margin


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (np.nan, 0, 1, 1), (500, 500, 540, 540)])
def test_a_box_that_shows_nothing_is_refused(box: tuple[float, float, float, float]) -> None:
    for rule in RULES:
        with pytest.raises(OptionError, match="box"):
            rectangle(rule, box, (100, 100))
