import numpy as np
import pytest

from telltrace.pixels import Image
from telltrace.pixels import ba_augmentations as ba
from telltrace.pixels.geometry import Look, Move, follow

MOVES = {ba.mirror: "mirror", ba.shift_scale_rotate: "shift_scale_rotate"}
SINGLE = [step for step, _ in ba.STEPS if step is not ba.light_or_colour]
EVERY = [*SINGLE, ba.brightness_contrast, ba.fancy_pca, ba.hue_saturation_value]


def taken(step: Look | Move, image: Image, rng: np.random.Generator) -> Image:
    return follow([(step, 1.0)], image, rng)[0]


def name(step: Look | Move) -> str:
    return MOVES.get(step) or step.__name__


def face(height: int = 40, width: int = 48) -> Image:
    """Smooth colours, so that a picture and its JPEG are near each other."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([5 * x, 20 + 5 * y, 250 - 3 * x - 2 * y], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("step", EVERY, ids=name)
def test_bytes_in_bytes_out_and_the_original_is_left_alone(step: Look) -> None:
    image = face()
    before = image.copy()
    for seed in range(5):
        out = taken(step, image, np.random.default_rng(seed))
        assert out.shape == image.shape
        assert out.dtype == np.uint8
    assert np.array_equal(image, before)


@pytest.mark.parametrize("step", EVERY, ids=name)
def test_the_same_numbers_give_the_same_image(step: Look) -> None:
    first, again = (taken(step, face(), np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, again)


@pytest.mark.parametrize(
    "step",
    [s for s in EVERY if s not in {ba.mirror, ba.grey, ba.gaussian_blur}],
    ids=name,
)
def test_other_numbers_give_another_image(step: Look) -> None:
    outs = {taken(step, face(), np.random.default_rng(seed)).tobytes() for seed in range(6)}
    assert len(outs) > 2


def test_jpeg_is_the_same_picture_in_red_green_blue() -> None:
    difference = ba.jpeg_60_100(face(), np.random.default_rng(0)).astype(int) - face()
    assert 0 < np.abs(difference).mean() < 4


def test_noise_has_the_published_variance() -> None:
    flat = np.full((100, 100, 3), 128, np.uint8)
    variances = [
        (ba.gaussian_noise(flat, np.random.default_rng(s)).astype(float) - 128).var()
        for s in range(40)
    ]
    assert 9 < min(variances) < 20
    assert 40 < max(variances) < 52


def test_noise_differs_between_channels() -> None:
    flat = np.full((32, 32, 3), 128, np.uint8)
    noisy = ba.gaussian_noise(flat, np.random.default_rng(0))
    assert not np.array_equal(noisy[..., 0], noisy[..., 1])


def test_mirroring_twice_is_nothing() -> None:
    rng = np.random.default_rng(0)
    assert np.array_equal(taken(ba.mirror, taken(ba.mirror, face(), rng), rng), face())
    assert np.array_equal(taken(ba.mirror, face(), rng)[:, 0], face()[:, -1])


def test_blur_weighs_three_pixels() -> None:
    point = np.zeros((7, 7, 3), np.uint8)
    point[3, 3] = 255
    blurred = ba.gaussian_blur(point, np.random.default_rng(0))
    rows, columns = np.nonzero(blurred[..., 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 4, 2, 4)


def test_brightness_and_contrast_are_one_line_through_all_levels() -> None:
    ramp = np.repeat(np.arange(100, 150, dtype=np.uint8)[None, :, None], 3, axis=2)
    for seed in range(20):
        out = ba.brightness_contrast(ramp, np.random.default_rng(seed))[0, :, 0].astype(float)
        slope, start = np.polyfit(np.arange(100, 150), out, 1)
        assert 0.79 < slope < 1.21
        assert abs(start) < 52


def test_fancy_pca_shifts_all_pixels_alike_along_the_colours_own_direction() -> None:
    x = np.repeat([20, 60], 24)
    line = np.repeat(np.stack([4 * x, 2 * x, 100 + 0 * x], axis=-1)[None], 40, axis=0)
    outs = [
        ba.fancy_pca(line.astype(np.uint8), np.random.default_rng(s)).astype(int) - line
        for s in range(20)
    ]
    assert all((out == out[0, 0]).all() for out in outs)
    red, green, blue = max((out[0, 0] for out in outs), key=lambda shift: abs(shift[0]))
    assert abs(red) >= 2
    assert abs(red - 2 * green) <= 1
    assert blue == 0


def test_fancy_pca_leaves_a_flat_picture() -> None:
    flat = np.full((8, 8, 3), 77, np.uint8)
    assert np.array_equal(ba.fancy_pca(flat, np.random.default_rng(0)), flat)


def test_value_moves_by_20_levels_at_most() -> None:
    flat = np.full((8, 8, 3), 128, np.uint8)
    for seed in range(20):
        out = ba.hue_saturation_value(flat, np.random.default_rng(seed))
        assert abs(int(out.max()) - 128) <= 20


def test_grey_has_no_colour() -> None:
    out = ba.grey(face(), np.random.default_rng(0))
    assert (out == out[..., :1]).all()
    weights = face()[0, 0] @ np.array([0.299, 0.587, 0.114])
    assert abs(out[0, 0, 0] - weights) <= 1


def test_moved_pictures_are_black_outside_and_stay_in_reach() -> None:
    white = np.full((100, 100, 3), 255, np.uint8)
    outs = [taken(ba.shift_scale_rotate, white, np.random.default_rng(s)) for s in range(20)]
    assert any((out == 0).any() for out in outs)
    assert all((out[45:55, 45:55] == 255).all() for out in outs)


def test_steps_happen_as_often_as_published() -> None:
    """Each step leaves a mark of its own: a bit of the only pixel."""
    steps = tuple(
        (lambda image, rng, bit=2**i: image | np.uint8(bit), probability)
        for i, (_, probability) in enumerate(ba.STEPS)
    )
    rng, blank = np.random.default_rng(0), np.zeros((1, 1, 3), np.uint8)
    marks = np.array([follow(steps, blank, rng)[0][0, 0, 0] for _ in range(5000)])
    share = [(marks & 2**i > 0).mean() for i in range(len(steps))]
    np.testing.assert_allclose(share, [0.5, 0.1, 0.05, 0.5, 0.7, 0.2, 0.5], atol=0.03)


def test_of_light_and_colour_each_is_as_likely() -> None:
    image, count = face(16, 16), 300
    steps = (ba.brightness_contrast, ba.fancy_pca, ba.hue_saturation_value)
    chosen = [0, 0, 0]
    for seed in range(count):
        rng = np.random.default_rng(seed)
        number = int(np.random.default_rng(seed).integers(3))
        out = ba.light_or_colour(image, rng)
        again = np.random.default_rng(seed)
        again.integers(3)
        chosen[number] += np.array_equal(out, steps[number](image, again))
    assert sum(chosen) == count
    assert min(chosen) > 70
