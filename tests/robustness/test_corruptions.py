import io

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from telltrace.pixels.codecs import code_sequence, write_video
from telltrace.robustness import CORRUPTIONS, LEVELS, corrupt
from telltrace.robustness.corruptions import chance
from telltrace.robustness.pixels import jpeg

PICTURE = np.ascontiguousarray(data.astronaut()[:97, 150:281])  # odd sides, 97 x 131
RNG = np.random.default_rng(0)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b).mean())


def test_there_are_enough_of_them() -> None:
    assert len(CORRUPTIONS) >= 15
    assert sum(one.video is not None for one in CORRUPTIONS.values()) == 3
    assert all(len(one.levels) == LEVELS == 5 for one in CORRUPTIONS.values())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_changes_a_picture_of_any_size_more_and_more_and_always_alike(name: str) -> None:
    moved = []
    for level in range(1, LEVELS + 1):
        (once,) = corrupt([PICTURE], ["a"], name, level, seed=3)
        (again,) = corrupt([PICTURE.copy()], ["a"], name, level, seed=3)
        assert once.shape == PICTURE.shape
        assert once.dtype == np.uint8
        np.testing.assert_array_equal(once, again)
        moved.append(distance(once, PICTURE))
    assert min(moved) > 0
    assert moved[-1] > 1.2 * moved[0]


def test_pictures_are_never_changed_in_place() -> None:
    before = PICTURE.copy()
    for name in CORRUPTIONS:
        corrupt([PICTURE], ["a"], name, 5)
    np.testing.assert_array_equal(PICTURE, before)


def test_chance_hangs_on_seed_key_name_and_level_alone() -> None:
    first = chance(0, "a", "noise", 1).random()
    assert chance(0, "a", "noise", 1).random() == first
    others = [(1, "a", "noise", 1), (0, "b", "noise", 1), (0, "a", "blur", 1), (0, "a", "noise", 2)]
    assert first not in {chance(*other).random() for other in others}


def test_a_picture_is_the_same_whoever_stands_beside_it() -> None:
    alone = corrupt([PICTURE], ["a"], "noise", 3)[0]
    beside = corrupt([PICTURE, PICTURE], ["b", "a"], "noise", 3)
    np.testing.assert_array_equal(beside[1], alone)
    assert distance(beside[0], alone) > 0


def test_jpeg_is_what_another_library_makes_of_it() -> None:
    ours = jpeg(PICTURE, 60, RNG)
    file = io.BytesIO()
    Image.fromarray(PICTURE).save(file, "JPEG", quality=60, subsampling=2)
    with Image.open(file) as theirs:
        assert distance(ours, np.asarray(theirs)) < 0.6
    assert distance(ours, PICTURE) > 2


def test_light_by_hand() -> None:
    flat = np.full((20, 20, 3), (200, 100, 50), np.uint8)
    grey = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert (corrupt([flat], ["a"], "saturation", 5)[0] == grey).all()
    half = np.concatenate([np.full((10, 20, 3), 100), np.full((10, 20, 3), 140)]).astype(np.uint8)
    assert sorted(set(corrupt([half], ["a"], "contrast", 5)[0].ravel())) == [114, 126]
    exponent = CORRUPTIONS["gamma"].levels[4]
    dark, bright = (round(255 * (100 / 255) ** e) for e in (exponent, 1 / exponent))
    seen = {int(corrupt([flat], [str(k)], "gamma", 5)[0][0, 0, 1]) for k in range(20)}
    assert seen == {dark, bright}


def test_squares_and_blocks_have_one_colour() -> None:
    picture = data.astronaut()[:96, 150:246]
    squares = corrupt([picture], ["a"], "pixelation", 5)[0].reshape(12, 8, 12, 8, 3)
    assert (np.ptp(squares, axis=(1, 3)) == 0).all()
    black = np.zeros((256, 256, 3), np.uint8)
    few, many = (corrupt([black], ["a"], "block", level)[0].any(-1).sum() for level in (1, 5))
    assert 16 * 16 <= few <= 2 * 16 * 16 < many <= 32 * 16 * 16


def test_frames_keep_their_order_and_their_own_sizes() -> None:
    frames = [np.full((48, 64, 3), 20 + 25 * i, np.uint8) for i in range(8)]
    frames[3] = np.full((31, 33, 3), 95, np.uint8)
    for name in ("h264", "h265", "uploaded"):
        coded = corrupt(frames, [""] * 8, name, 2)
        assert [image.shape for image in coded] == [image.shape for image in frames]
        assert [round((image.mean() - 20) / 25) for image in coded] == list(range(8))


def test_a_small_rate_factor_keeps_a_picture_and_a_large_one_does_not() -> None:
    coded = {crf: code_sequence([PICTURE] * 3, "libx264", crf)[1] for crf in (1, 45)}
    smooth = cv2.GaussianBlur(PICTURE, (0, 0), 2)
    assert distance(coded[1], PICTURE) < 4 < distance(coded[45], PICTURE)
    assert distance(cv2.GaussianBlur(coded[1], (0, 0), 2), smooth) < 2


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_the_same_frames_give_the_same_file(codec: str) -> None:
    files = []
    for _ in range(2):
        file = io.BytesIO()
        assert write_video([PICTURE, PICTURE[::-1].copy()], file, codec, 28) == 2
        files.append(file.getvalue())
    assert len(files[0]) > 500
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("name", "level", "said"), [("fog", 1, "No corruption is named 'fog'"), ("blur", 6, "got 6")]
)
def test_what_there_is_not(name: str, level: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        corrupt([PICTURE], ["a"], name, level)
