import json

import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as tv

from telltrace.data.transforms import (
    NORMAL_QUANTILES,
    RECIPES,
    Preprocessing,
    augment,
    flip_matrix,
    jpeg,
    perspective_matrix,
    similarity_matrix,
    warp,
)
from telltrace.faces.align import FaceCrop

FACE = cv2.GaussianBlur(astronaut()[:200, 100:300], (0, 0), 2)


def test_preprocessing_travels_through_json() -> None:
    one = Preprocessing(FaceCrop(128, 1.5, "similarity"), 96, (0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
    assert Preprocessing.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    assert one != Preprocessing()


def test_the_tensor_is_torchvisions() -> None:
    images = np.stack([FACE, FACE[::-1]])
    ours = Preprocessing().tensor(images)
    theirs = torch.stack([tv.to_tensor(image.copy()) for image in images])
    theirs = tv.normalize(theirs, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    assert ours.is_contiguous()
    assert torch.equal(Preprocessing().tensor(torch.from_numpy(images)), ours)


def test_shrinking_averages_pixels() -> None:
    blocks = FACE[:192, :192].reshape(96, 2, 96, 2, 3).astype(np.float64).mean((1, 3))
    small = Preprocessing(image_size=96).resize(FACE[:192, :192])
    assert small.shape == (96, 96, 3)
    assert np.abs(small - blocks).max() <= 0.5
    grown = Preprocessing(image_size=250).resize(small)
    assert grown.shape == (250, 250, 3)
    assert Preprocessing(image_size=96).resize(small) is small


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_size": 0}, "image_size must be at least 1"),
        ({"mean": (0.5, 0.5)}, "mean must be three numbers"),
        ({"std": (0.5, 0.0, 0.5)}, "std must be positive"),
        ({"mean": (0.5, float("nan"), 0.5)}, "mean must be three numbers"),
    ],
)
def test_wrong_preprocessing_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Preprocessing(**values)


def test_wrong_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match=r"uint8 \(B, H, W, 3\), got torch.float32"):
        Preprocessing().tensor(torch.zeros(1, 8, 8, 3))
    with pytest.raises(ValueError, match=r"got torch.uint8 \[1, 3, 8, 8\]"):
        Preprocessing().tensor(np.zeros((1, 3, 8, 8), np.uint8))
    with pytest.raises(ValueError, match=r"uint8 \(S, S, 3\), got uint8 \(8, 8\)"):
        Preprocessing().resize(np.zeros((8, 8), np.uint8))


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_an_augmentation_depends_on_its_three_numbers_alone(recipe: str) -> None:
    given = FACE.copy()
    first = augment(given, 7, 1, 5, recipe)
    np.random.default_rng(0).random()
    assert np.array_equal(given, FACE)
    assert np.array_equal(augment(FACE, 7, 1, 5, recipe), first)
    assert (first.shape, first.dtype) == (FACE.shape, np.uint8)
    others = [(8, 1, 5), (7, 2, 5), (7, 1, 6)]
    differ = [not np.array_equal(augment(FACE, *other, recipe), first) for other in others]
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
        seen = augment(marked, 1, 0, index, "sficonv")[..., 0].astype(np.float64)
        white = augment(np.full_like(marked, 255), 1, 0, index, "sficonv")[..., 0]
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


def test_the_robust_recipe_keeps_the_picture_recognisable() -> None:
    gaps = [
        np.abs(augment(FACE, 3, 0, i, "robust").mean((0, 1)) - FACE.mean((0, 1))).max()
        for i in range(60)
    ]
    assert max(gaps) < 90
    assert np.median(gaps) < 30


def test_jpeg_keeps_colours_and_loses_detail_with_quality() -> None:
    noisy = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    errors = [np.abs(jpeg(noisy, q).astype(int) - noisy).mean() for q in (40, 70, 100)]
    assert errors == sorted(errors, reverse=True)
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    assert np.abs(jpeg(red, 95).astype(int) - red).max() < 6


def test_the_noise_table_is_a_normal_distribution() -> None:
    assert NORMAL_QUANTILES.mean() == pytest.approx(0, abs=1e-12)
    assert NORMAL_QUANTILES.std() == pytest.approx(1, abs=0.01)
