"""Grades against scikit-learn, by hand, and on maps whose worth is known."""

import cv2
import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from telltrace.explanation import explain_crops
from telltrace.explanation.grades import (
    BASELINES,
    agreement,
    curve_area,
    deletion,
    difference_mask,
    grade_map,
    insertion,
    shuffled,
)
from telltrace.models import create_detector

from .conftest import SIDE, detector, faces


def blends(count: int = 12) -> tuple[list[np.ndarray], np.ndarray]:
    """Smooth faces with a rough square somewhere, and where it is."""
    rng = np.random.default_rng(1)
    pictures, masks = [], np.zeros((count, SIDE, SIDE), bool)
    for number in range(count):
        top, left = rng.integers(0, SIDE - 20, 2)
        masks[number, top : top + 20, left : left + 20] = True
        noise = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        pictures.append(np.where(masks[number][..., None], noise, np.uint8(128)))
    return pictures, masks


class Rough(nn.Module):
    """Takes a face for forged as far as it is rough."""

    def forward(self, images: Tensor) -> Tensor:
        rough = 8 * images.diff(dim=-1).abs().mean((1, 2, 3)) - 0.5
        return torch.stack([-rough, rough], dim=1)


def test_pixel_auc_is_scikit_learns_and_ties_count_as_chance() -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((16, 16)) < 0.3
    found = (rng.integers(0, 4, (16, 16)) + mask).astype(np.float32)
    assert grade_map(found, mask).auc == pytest.approx(roc_auc_score(mask.ravel(), found.ravel()))
    flat = grade_map(np.zeros((4, 4), np.float32), mask)
    share = mask.mean()
    assert flat == pytest.approx((share, share / (2 - share), 0.5))


def test_pointing_and_iou_by_hand() -> None:
    mask = np.zeros((4, 4), bool)
    mask[0] = True
    found = np.zeros((4, 4), np.float32)
    found[0, :2], found[3, 0] = (3, 2), 4
    found[1, 0] = 1
    grade = grade_map(found, mask)
    assert grade.pointing == 0
    assert grade.iou == pytest.approx(2 / 6)  # of 4 places two are right


def test_a_true_map_beats_noise_and_a_face_shaped_map_in_every_grade() -> None:
    pictures, masks = blends()
    made = detector(Rough().eval())
    true = np.stack([cv2.resize(m.astype(np.float32), (16, 16)) for m in masks])
    maps = {"true": true, **{name: make(len(masks), 1.3) for name, make in BASELINES.items()}}
    grades = {
        name: np.mean([grade_map(m, mask) for m, mask in zip(each, masks, strict=True)], axis=0)
        for name, each in maps.items()
    }
    for name in BASELINES:
        assert (grades["true"] - grades[name]).min() > 0.25
        assert (
            deletion(made, pictures, true).mean()
            < deletion(made, pictures, maps[name]).mean() - 0.05
        )
        assert (
            insertion(made, pictures, true).mean()
            > insertion(made, pictures, maps[name]).mean() + 0.05
        )
    assert grades["random"][2] == pytest.approx(0.5, abs=0.06)


def test_a_curve_is_the_mean_score_from_one_face_to_the_other() -> None:
    made = detector(Rough().eval())
    black, white = ([np.full((SIDE, SIDE, 3), v, np.uint8)] for v in (0, 255))
    left = np.tile(np.linspace(1, 0, SIDE, dtype=np.float32), (1, SIDE, 1))
    half = white[0].copy()
    half[:, SIDE // 2 :] = 0
    expected = made.score([*black, half, *white])
    area = curve_area(made, black, white, left, parts=2)
    assert area[0] == pytest.approx((expected[0] / 2 + expected[1] + expected[2] / 2) / 2)


def test_maps_agree_with_themselves_and_not_with_noise() -> None:
    maps = BASELINES["random"](3, 1.3)
    np.testing.assert_allclose(agreement(maps, maps), 1)
    assert np.abs(agreement(maps, maps[::-1].copy())[[0, 2]]).max() < 0.3
    assert agreement(maps, np.zeros_like(maps)).tolist() == [0, 0, 0]
    assert agreement(maps, -maps) == pytest.approx(-1)


def test_shuffled_weights_have_the_same_values_in_another_order_and_other_maps() -> None:
    torch.manual_seed(0)
    made = detector(create_detector("blend_lite").eval(), "blend_lite")
    before = {k: v.clone() for k, v in made.network.state_dict().items()}
    mixed = shuffled(made)
    weight = "features.conv_stem.weight"
    ours, theirs = made.network.state_dict()[weight], mixed.network.state_dict()[weight]
    assert not torch.equal(ours, theirs)
    assert torch.equal(ours.flatten().sort().values, theirs.flatten().sort().values)
    assert all(torch.equal(before[k], v) for k, v in made.network.state_dict().items())
    maps, others = (explain_crops(one, faces(2), "map") for one in (made, mixed))
    assert agreement(maps, others).mean() < 0.5


def test_a_difference_is_a_mask_only_of_the_same_frame() -> None:
    rng = np.random.default_rng(0)
    real = cv2.GaussianBlur(rng.integers(0, 256, (96, 96, 3), dtype=np.uint8), (0, 0), 3)
    fake = real.copy()
    fake[30:60, 40:70] = 255 - fake[30:60, 40:70] // 2
    mask = difference_mask(fake, real)
    assert mask is not None
    assert mask[34:56, 44:66].mean() > 0.95
    assert mask[:24].sum() + mask[:, :34].sum() == 0
    assert difference_mask(np.roll(fake, 20, 1), real) is None
    assert difference_mask(real, real) is None
