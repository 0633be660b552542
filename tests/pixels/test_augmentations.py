import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as tv

from telltrace.pixels.augmentations import RECIPES, augment
from telltrace.pixels.codecs import code_still
from telltrace.pixels.geometry import flip_matrix, perspective_matrix, similarity_matrix, warp
from telltrace.pixels.photometric import NORMAL_QUANTILES

FACE = cv2.GaussianBlur(astronaut()[:200, 100:300], (0, 0), 2)


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_an_augmentation_depends_on_its_three_numbers_alone(recipe: str) -> None:
    given = FACE.copy()
    first, _ = augment(given, 7, 1, 5, recipe)
    np.random.default_rng(0).random()
    assert np.array_equal(given, FACE)
    assert np.array_equal(augment(FACE, 7, 1, 5, recipe)[0], first)
    assert (first.shape, first.dtype) == (FACE.shape, np.uint8)
    others = [(8, 1, 5), (7, 2, 5), (7, 1, 6)]
    differ = [not np.array_equal(augment(FACE, *other, recipe)[0], first) for other in others]
    assert differ == [recipe != "none"] * 3


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ValueError, match="Unknown recipe 'mild'; choose one of none, sficonv"):
        augment(FACE, 0, 0, 0, "mild")


def test_rotation_is_torchvisions() -> None:
    ours = warp(FACE, similarity_matrix(200, 200, degrees=7.5), cv2.BORDER_CONSTANT)
    theirs = tv.rotate(
        torch.from_numpy(FACE).permute(2, 0, 1), 7.5, interpolation=InterpolationMode.BILINEAR
    )
    gap = np.abs(ours.astype(int) - theirs.permute(1, 2, 0).numpy())[2:-2, 2:-2]
    assert gap.mean() < 0.5
    assert np.quantile(gap, 0.99) <= 2


def test_perspective_is_torchvisions() -> None:
    inward = np.array([[0.1, 0.05], [0.2, 0.15], [0.0, 0.2], [0.24, 0.01]])
    moved = inward * 200 * [[1, 1], [-1, 1], [-1, -1], [1, -1]]
    start = [[0, 0], [199, 0], [199, 199], [0, 199]]
    end = (np.array(start) + moved).tolist()
    ours = warp(FACE, perspective_matrix(200, 200, inward), cv2.BORDER_CONSTANT)
    theirs = tv.perspective(
        torch.from_numpy(FACE).permute(2, 0, 1), start, end, InterpolationMode.BILINEAR
    )
    gap = np.abs(ours.astype(int) - theirs.permute(1, 2, 0).numpy())
    assert gap.mean() < 1
    assert np.quantile(gap, 0.95) <= 3


def test_one_warp_equals_the_steps() -> None:
    flipped = warp(FACE, flip_matrix(200), cv2.BORDER_CONSTANT)
    assert np.array_equal(flipped, FACE[:, ::-1])
    turn = similarity_matrix(200, 200, degrees=10)
    steps = warp(flipped, turn, cv2.BORDER_CONSTANT)
    once = warp(FACE, turn @ flip_matrix(200), cv2.BORDER_CONSTANT)
    assert np.abs(steps.astype(int) - once).mean() < 0.5


def test_the_published_recipe_has_its_shares() -> None:
    """Half flipped, half with perspective, rotations spread evenly within 10 degrees."""
    marked = np.zeros((101, 101, 3), np.uint8)
    marked[48:53, 70:75] = 255  # a spot to the right of the centre, on its height
    left, angles, corners = 0, [], 0
    for index in range(600):
        seen = augment(marked, 1, 0, index, "sficonv")[0][..., 0].astype(np.float64)
        white = augment(np.full_like(marked, 255), 1, 0, index, "sficonv")[0][..., 0]
        straight = white.mean() > 235  # perspective alone blackens more than any rotation
        corners += not straight
        x = (seen.sum(0) @ np.arange(101)) / seen.sum() - 50
        y = (seen.sum(1) @ np.arange(101)) / seen.sum() - 50
        left += x < 0
        if straight:
            angles.append(np.degrees(np.arctan2(-y * np.sign(x), abs(x))))
    assert 260 < left < 340
    assert 240 < corners < 340
    assert -10.5 < min(angles) < -9
    assert 9 < max(angles) < 10.5
    assert abs(np.mean(angles)) < 1.5


@pytest.mark.parametrize("recipe", ["robust", "strong"])
def test_pictures_stay_recognisable(recipe: str) -> None:
    gaps = [
        np.abs(augment(FACE, 3, 0, i, recipe)[0].mean((0, 1)) - FACE.mean((0, 1))).max()
        for i in range(60)
    ]
    assert max(gaps) < 90
    assert np.median(gaps) < 30


def test_jpeg_keeps_colours_and_loses_detail_with_quality() -> None:
    noisy = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    errors = [
        np.abs(code_still(noisy, ".jpg", q).astype(int) - noisy).mean() for q in (40, 70, 100)
    ]
    assert errors == sorted(errors, reverse=True)
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    assert np.abs(code_still(red, ".jpg", 95).astype(int) - red).max() < 6


def test_the_noise_table_is_a_normal_distribution() -> None:
    assert NORMAL_QUANTILES.mean() == pytest.approx(0, abs=1e-12)
    assert NORMAL_QUANTILES.std() == pytest.approx(1, abs=0.01)
