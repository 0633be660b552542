import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torchvision.ops import batched_nms

from telltrace.faces.boxes import cut_patches, integral_images, shrink, suppress, suppress_nested


def test_nested_boxes_fall_as_if_gone_through_one_by_one() -> None:
    rng = np.random.default_rng(3)
    corner = rng.uniform(0, 60, (80, 2))
    boxes = np.hstack([corner, corner + rng.uniform(5, 60, (80, 2))])
    scores, owner = rng.uniform(size=80), rng.integers(0, 2, 80)
    kept: list[int] = []
    for i in np.argsort(-scores):
        for j in (j for j in kept if owner[j] == owner[i]):
            sides = np.minimum(boxes[i, 2:], boxes[j, 2:]) - np.maximum(boxes[i, :2], boxes[j, :2])
            areas = [np.prod(boxes[k, 2:] - boxes[k, :2] + 1) for k in (i, j)]
            if np.prod(np.maximum(sides + 1, 0)) / min(areas) > 0.7:
                break
        else:
            kept.append(int(i))
    assert suppress_nested(boxes, scores, owner, 0.7).tolist() == kept
    assert 10 < len(kept) < 70


@pytest.mark.parametrize("limit", [0.5, 0.7])
def test_boxes_fall_as_in_torchvision(limit: float) -> None:
    rng = np.random.default_rng(4)
    corner = rng.uniform(-20, 40, (300, 2)).round()
    boxes = np.hstack([corner, corner + rng.uniform(20, 40, (300, 1)).round()]).astype(np.float32)
    scores, owner = rng.uniform(size=300).astype(np.float32), rng.integers(0, 3, 300)
    kept = suppress(boxes, scores, owner, limit)
    expected = batched_nms(*map(torch.from_numpy, (boxes, scores, owner)), limit)
    assert sorted(kept.tolist()) == sorted(expected.tolist())
    assert 10 < len(kept) < 250
    assert len(suppress(boxes[:0], scores[:0], owner[:0], limit)) == 0


def images() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (2, 40, 50, 3), np.uint8)


def area(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What torch makes of a picture (H, W, 3): (h, w, 3) in [-1, 1]."""
    pixels = (torch.from_numpy(image).permute(2, 0, 1).float() - 127.5) / 128
    return F.interpolate(pixels[None], size, mode="area")[0].permute(1, 2, 0).numpy()


def test_patches_are_area_interpolation_of_what_lies_inside() -> None:
    boxes = np.array([[3, 4, 30, 31], [-5, 20, 12, 37], [44, 2, 70, 28], [60, 5, 70, 15]], "f4")
    owner = np.array([0, 1, 1, 0])
    sums = integral_images([*images()])
    kept, theirs, patches = cut_patches(sums, boxes, owner, 24)
    assert theirs.tolist() == [0, 1, 1]  # the last box lies outside
    assert kept.tolist() == boxes[:3].tolist()
    one, other = images()
    inside = one[3:31, 2:30], other[19:37, 0:12], other[1:28, 43:50]
    np.testing.assert_allclose(patches, [area(x, (24, 24)) for x in inside], rtol=0, atol=1e-6)
    assert patches.dtype == np.float32


@pytest.mark.parametrize("size", [(24, 30), (1, 3), (40, 50)])
def test_a_level_is_area_interpolation(size: tuple[int, int]) -> None:
    level = shrink(integral_images([*images()]), *size)
    np.testing.assert_allclose(level, [area(x, size) for x in images()], rtol=0, atol=1e-6)
    assert level.dtype == np.float32


def test_sums_that_do_not_fit_wrap_and_their_differences_are_right() -> None:
    white = np.full((2900, 2910, 3), 255, np.uint8)  # 2.15e9 in all
    level = shrink(integral_images([white]), 2, 3)
    np.testing.assert_allclose(level, 127.5 / 128, rtol=1e-6)


def test_integral_images_count_every_pixel() -> None:
    sums = integral_images([*images()])[..., :3]
    for y, x in ((40, 50), (2, 3), (0, 4)):
        np.testing.assert_array_equal(sums[:, y, x], images()[:, :y, :x].sum((1, 2), dtype=int))
