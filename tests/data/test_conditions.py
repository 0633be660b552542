import numpy as np
import pytest

from telltrace.data import conditions
from telltrace.data.conditions import STEPS, vary_pair
from telltrace.faces.detect import Face


def a_picture(seed: int = 0, size: int = 160) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((size // 8, size // 8, 1), np.uint8)).astype(np.uint8)


def a_face(low: float = 40, high: float = 120) -> Face:
    return Face((low, low, high, high), np.zeros((5, 2), np.float32), 1.0)


def varied(pictures: list, faces: list, seed: int, size: int = 64) -> list:
    return vary_pair(pictures, faces, np.random.default_rng(seed), size)


@pytest.mark.parametrize("seed", range(12))
def test_equal_pictures_stay_equal(seed: int) -> None:
    picture = a_picture()
    mask = np.zeros(picture.shape[:2], np.float32)
    (real, _), (fake, _) = varied([(picture, mask), (picture.copy(), mask)], [a_face()] * 2, seed)
    assert real.shape == (64, 64, 3)
    np.testing.assert_array_equal(real, fake)


def test_a_forgery_stays_visible_and_its_mask_lies_on_it() -> None:
    real = np.full((160, 160, 3), 120, np.uint8)
    mask = np.zeros((160, 160), np.float32)
    mask[70:100, 60:90] = 1
    fake = np.where(mask[..., None] > 0, 220, real).astype(np.uint8)
    hits = 0
    for seed in range(20):
        (a, zero), (b, shown) = varied([(real, mask * 0), (fake, mask)], [a_face()] * 2, seed)
        assert not zero.any()
        change = np.abs(a.astype(float) - b).mean(axis=2)
        hits += change[shown > 0.9].mean() > 5 * change[shown < 0.1].mean()
    assert hits == 20


def test_an_unknown_mask_stays_unknown() -> None:
    (_, mask), (_, unknown) = varied(
        [(a_picture(), np.zeros((160, 160), np.float32)), (a_picture(1), None)], [a_face()] * 2, 3
    )
    assert mask is not None
    assert unknown is None


def test_the_same_draws_give_the_same_pixels_and_others_other_ones() -> None:
    pictures = [(a_picture(), None)]
    first, again, other = (varied(pictures, [a_face()], seed)[0][0] for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("step", sorted({step for step, _ in STEPS}, key=lambda s: s.__name__))
@pytest.mark.parametrize("size", [72, 97, 192])
def test_every_step_keeps_shape_and_type(step: conditions.Look, size: int) -> None:
    image = a_picture(size=192)[:size, :size].copy()
    before = image.copy()
    out = step(image, np.random.default_rng(0))
    assert out.shape == image.shape
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(image, before)


def test_a_face_at_the_edge_is_cut_without_invented_pixels() -> None:
    picture = np.zeros((160, 160, 3), np.uint8)
    picture[:, :, 0] = np.arange(160)  # every column has a red of its own
    monkey = [(picture, None)]
    face = Face((-10.0, 30.0, 60.0, 100.0), np.zeros((5, 2), np.float32), 1.0)
    rng = np.random.default_rng(0)
    crop = conditions.FaceCrop(size=80, margin=1.2)
    shown = conditions._frame(monkey[0][0], face, crop, rng.normal(0, 0.01, 2), 0.0, False)
    reds = shown[40, :, 0].astype(int)
    assert (np.diff(reds) >= 0).all()
    assert (reds[:8] == reds[0]).sum() <= 3  # no repeated edge
