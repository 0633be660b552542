"""Masks lie on the face, wherever its landmarks are."""

import cv2
import numpy as np

from telltrace.data.blending_masks import (
    ALIGNED,
    CANONICAL,
    FREQUENCIES,
    place,
    region_mask,
    soften,
)


def test_every_region_lies_on_the_face():
    size = 128
    points = ALIGNED * size
    outline = np.zeros((size, size), np.uint8)
    corners = [(-1.5, -1.6), (1.5, -1.6), (1.5, 1.4), (0.6, 2.3), (-0.6, 2.3), (-1.5, 1.4)]
    cv2.fillConvexPoly(outline, np.rint(place(np.array(corners), points)).astype(np.int32), 1)
    for region in FREQUENCIES:
        for seed in range(20):
            mask = soften(
                region_mask(region, points, size, np.random.default_rng(seed)),
                np.random.default_rng(seed),
                widest=0.03,
            )
            assert mask[outline == 0].sum() < 0.05 * mask.sum(), region


def test_opposite_halves_split_the_face():
    points = ALIGNED * 128
    left, right = (
        sum(region_mask(side, points, 128, np.random.default_rng(s)) for s in range(20))
        for side in ("left", "right")
    )
    assert left[:, :56].sum() > 20 * left[:, 72:].sum()
    assert right[:, 72:].sum() > 20 * right[:, :56].sum()


def test_masks_follow_the_landmarks():
    moved = ALIGNED * 128 + np.array([12, -9])
    still = region_mask("face", ALIGNED * 128, 128, np.random.default_rng(0))
    shifted = region_mask("face", moved, 128, np.random.default_rng(0))
    rows, columns = np.mgrid[:128, :128]

    def centre(mask):
        return np.array([(columns * mask).sum(), (rows * mask).sum()]) / mask.sum()

    assert np.allclose(centre(shifted) - centre(still), (12, -9), atol=2)


def test_placing_recovers_an_affine_map():
    affine = np.array([[40, 5], [-6, 50]])
    landmarks = CANONICAL @ affine.T + (60, 70)
    points = np.array([(0.3, 1.5), (-1, -0.4)])
    assert np.allclose(place(points, landmarks), points @ affine.T + (60, 70), atol=1e-3)
