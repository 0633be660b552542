import json
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telltrace.faces import Alignment
from telltrace.faces.align import FRONTAL, TEMPLATE, FaceCrop, median_similarity, similarity
from telltrace.faces.detect import Face


def a_face(left: float, top: float, right: float, bottom: float) -> Face:
    return Face((left, top, right, bottom), np.zeros((5, 2), np.float32), 1.0)


def placed(angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    """The template's landmarks turned (radians), scaled (pixels a unit) and moved."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return TEMPLATE @ turn.T * scale + shift


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (100, 120, 3), np.uint8)


def test_a_square_of_the_right_size_is_copied_pixel_by_pixel(picture: np.ndarray) -> None:
    crop = FaceCrop(size=52, margin=1.3).cut(picture, a_face(30, 20, 60, 60))
    np.testing.assert_array_equal(crop, picture[14:66, 19:71])
    crop[:] = 0
    assert picture[14:66, 19:71].any()  # the crop is its own


def test_the_longer_side_and_the_margin_set_the_square(picture: np.ndarray) -> None:
    wide, tall = a_face(30, 40, 70, 60), a_face(40, 30, 60, 70)
    for margin in (1.0, 1.3, 2.0):
        crop = FaceCrop(64, margin)
        np.testing.assert_array_equal(crop.cut(picture, wide), crop.cut(picture, tall))
    inner = FaceCrop(40, 1.0).cut(picture, wide)
    np.testing.assert_array_equal(FaceCrop(80, 2.0).cut(picture, wide)[20:60, 20:60], inner)


def test_the_edge_of_the_picture_continues_outside_it(picture: np.ndarray) -> None:
    crop = FaceCrop(40, 1.0, outside="repeat").cut(picture, a_face(-20, 80, 20, 120))
    expected = np.pad(picture, ((0, 20), (20, 0), (0, 0)), mode="edge")[80:120, 0:40]
    np.testing.assert_array_equal(crop, expected)
    far = FaceCrop(8, 1.0, outside="repeat").cut(picture, a_face(500, 500, 508, 508))
    assert (far == picture[-1, -1]).all()


def test_shrinking_averages(picture: np.ndarray) -> None:
    crop = FaceCrop(20, 1.0).cut(picture, a_face(10, 10, 50, 50))
    blocks = picture[10:50, 10:50].reshape(20, 2, 20, 2, 3).mean((1, 3))
    assert np.abs(crop - blocks).max() <= 0.51


@given(
    angle=st.floats(-3.1, 3.1),
    scale=st.floats(5, 500),
    shift=st.tuples(st.floats(-300, 300), st.floats(-300, 300)),
)
def test_similarity_undoes_any_turn_scale_and_shift(
    angle: float, scale: float, shift: tuple[float, float]
) -> None:
    matrix = similarity(placed(angle, scale, shift), TEMPLATE)
    found = np.c_[placed(angle, scale, shift), np.ones(5)] @ matrix.T
    np.testing.assert_allclose(found, TEMPLATE, atol=1e-8)
    assert np.linalg.det(matrix[:, :2]) == pytest.approx(scale**-2)  # positive: no reflection


def test_similarity_is_the_least_squares_answer() -> None:
    rng = np.random.default_rng(1)
    points, targets = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    rows = [[[x, -y, 1, 0], [y, x, 0, 1]] for x, y in points]
    a, b, s, t = np.linalg.lstsq(np.reshape(rows, (10, 4)), targets.ravel(), rcond=None)[0]
    np.testing.assert_allclose(similarity(points, targets), [[a, -b, s], [b, a, t]], atol=1e-12)


@pytest.mark.parametrize("angle", [0.0, 0.4, -2.0])
@pytest.mark.parametrize("scale", [40, 130, 700])
def test_aligned_landmarks_fall_on_the_template(angle: float, scale: float) -> None:
    landmarks = placed(angle, scale, (0, 0))
    landmarks += 40 - landmarks.min(0)
    ys, xs = np.mgrid[: int(landmarks[:, 1].max()) + 40, : int(landmarks[:, 0].max()) + 40]
    face = Face((0, 0, 1, 1), landmarks.astype(np.float32), 1.0)
    crop, radius = FaceCrop(128, 1.3, "similarity"), max(3.0, 3 * scale / 128)
    for landmark, target in zip(landmarks, ((TEMPLATE - 0.5) / 1.3 + 0.5) * 128, strict=True):
        distance = np.hypot(xs + 0.5 - landmark[0], ys + 0.5 - landmark[1])
        spot = (255 * np.exp(-((distance / radius) ** 2))).astype(np.uint8)
        seen = crop.cut(np.repeat(spot[..., None], 3, 2), face)[..., 0].astype(float)
        seen[seen < 20] = 0
        centre = np.array([(seen.sum(0) @ np.arange(128)), (seen.sum(1) @ np.arange(128))])
        np.testing.assert_allclose(centre / seen.sum() + 0.5, target, atol=0.3)


def test_both_alignments_keep_a_flat_picture_flat() -> None:
    flat = np.full((300, 300, 3), 77, np.uint8)
    face = Face((-50, 20, 90, 350), placed(0.3, 240, (-20, 40)).astype(np.float32), 1.0)
    for alignment in ("box", "similarity"):
        assert (FaceCrop(64, 1.5, alignment).cut(flat, face) == 77).all()


def test_a_crop_survives_its_dictionary() -> None:
    crop = FaceCrop(224, 1.7, "similarity")
    values = {"size": 224, "margin": 1.7, "alignment": "similarity"}
    assert crop.to_dict() == values | {"outside": "shift"}
    assert FaceCrop.from_dict(crop.to_dict()) == crop
    assert FaceCrop.from_dict(values).outside == "repeat"  # as crops were cut before


def test_a_square_beyond_the_picture_is_shifted_inside_and_invents_no_pixel() -> None:
    picture = np.arange(100 * 60 * 3, dtype=np.uint32).astype(np.uint8).reshape(100, 60, 3)
    crop = FaceCrop(40, 1.0)
    face = a_face(-20, 80, 20, 120)
    assert crop.square(face, (100, 60)) == (0, 60, 40)
    np.testing.assert_array_equal(crop.cut(picture, face), picture[60:100, :40])
    large = a_face(10, 10, 90, 90)
    assert crop.square(large, (100, 60)) == (0, 20, 60)
    corners = [(0, 20), (60, 80)]
    placed = crop.place(corners, large, crop.square(large, (100, 60)))
    np.testing.assert_allclose(placed, [(0, 0), (40, 40)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size must be 1 to 8192 pixels, got 0"),
        ({"margin": 0.2}, "margin must be between 0.5 and 4, got 0.2"),
        ({"alignment": "eyes"}, "alignment must be one of box, similarity, .*, got 'eyes'"),
    ],
)
def test_refuses_a_crop_that_means_nothing(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FaceCrop(**options)


def test_refuses_a_face_that_is_none(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="left < right and top < bottom"):
        FaceCrop().cut(picture, a_face(10, 10, 10, 10))
    with pytest.raises(ValueError, match="finite and apart"):
        FaceCrop(alignment="similarity").cut(picture, a_face(10, 10, 20, 20))


def test_the_median_alignment_is_gends() -> None:
    golden = json.loads((Path(__file__).parents[1] / "golden" / "gend_align.json").read_text())
    for row in golden["alignments"]:
        size, landmarks = row["output_width_height"][0], np.array(row["landmarks"])
        targets = ((FRONTAL - 0.5) / row["scale"] + 0.5) * size
        matrix = median_similarity(landmarks, targets)
        np.testing.assert_allclose(matrix, row["matrix"], atol=1e-4)  # theirs stops refining there
        crop = FaceCrop(size, row["scale"], "median")
        face = Face((0, 0, 1, 1), landmarks, 1.0)
        np.testing.assert_allclose(
            crop.place(landmarks, face), landmarks @ matrix[:, :2].T + matrix[:, 2]
        )


def test_a_landmark_that_fits_badly_does_not_count() -> None:
    landmarks = FRONTAL * 100 + (30, 20)
    landmarks[2] += (0, 40)
    matrix = median_similarity(landmarks, FRONTAL)
    kept = np.delete(landmarks, 2, axis=0) @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(kept, np.delete(FRONTAL, 2, axis=0), atol=1e-6)
    with pytest.raises(ValueError, match="apart from each other"):
        median_similarity(np.zeros((5, 2)), FRONTAL)


def test_the_dfb_alignment_is_deepfakebenchs() -> None:
    """Theirs is computed in float32, which moves a point by up to 5e-5 pixels."""
    golden = json.loads((Path(__file__).parents[1] / "golden" / "dfb_align.json").read_text())
    corners = np.array([[0, 0], [640, 0], [0, 480], [640, 480]])
    for row in golden["alignments"]:
        landmarks, matrix = np.array(row["points_37_44_30_49_55"]), np.array(row["matrix"])
        crop, face = FaceCrop(alignment="dfb"), Face((0, 0, 1, 1), landmarks + 0.5, 1.0)
        assert row["output_width_height"] == [crop.size, crop.size]
        expected = corners @ matrix[:, :2].T + matrix[:, 2]  # counted from pixel centres
        np.testing.assert_allclose(crop.place(corners + 0.5, face) - 0.5, expected, atol=2e-4)
        picture = np.random.default_rng(0).integers(1, 256, (480, 640, 3), dtype=np.uint8)
        warped = cv2.warpAffine(picture, matrix, (256, 256), flags=cv2.INTER_LINEAR)
        difference = np.abs(crop.cut(picture, face).astype(int) - warped)
        assert difference.mean() < 0.1
        assert difference.max() <= 8  # OpenCV rounds to a thirty-second of a pixel


@pytest.mark.parametrize("alignment", get_args(Alignment))
def test_corners_say_where_a_crop_was(alignment: Alignment) -> None:
    rows, columns = np.mgrid[:200, :250].astype(np.uint8)
    ramps = np.stack(
        [columns, rows, np.full_like(rows, 255)], axis=-1
    )  # each pixel says where it is
    landmarks = placed(0.3, 60, (100, 50)).astype(np.float32)
    face, crop = Face((90, 40, 150, 110), landmarks, 1.0), FaceCrop(96, alignment=alignment)
    left_top, right_top, right_bottom, left_bottom = crop.corners(face, (200, 250))
    np.testing.assert_allclose(left_top + right_bottom, right_top + left_bottom, atol=1e-6)
    across, down = np.meshgrid((np.arange(96) + 0.5) / 96, (np.arange(96) + 0.5) / 96)
    expected = left_top + across[..., None] * (right_top - left_top)
    expected = expected + down[..., None] * (left_bottom - left_top) - 0.5
    shown = crop.cut(ramps, face).astype(float)
    inside = shown[..., 2] == 255  # and not the black beside it
    assert inside.mean() > 0.5
    assert np.abs(shown[..., :2] - expected)[inside].max() < 1.1
