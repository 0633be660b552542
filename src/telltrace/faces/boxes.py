"""Boxes as arrays (N, 4) of left, top, right, bottom: moved, squared, thinned out, and cut out."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Whole = NDArray[np.int64]
Sums = NDArray[np.int32]


def integral_images(images: Sequence[Pixels]) -> Sums:
    """For each pixel the sum of all above and left of it, so that any box sum is four reads.

    Pictures (H, W, 3) of one size to (B, H + 1, W + 1, 4), whose first row and column are 0. The
    fourth channel only makes a pixel 16 bytes, which numpy copies as one item. Sums beyond 31 bits
    wrap, and a difference of wrapped sums is right again.
    """
    return np.stack([cv2.integral(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)) for image in images])


def shrink(sums: Sums, height: int, width: int) -> Floats:
    """Pictures of one size averaged down as torch's ``interpolate(mode="area")`` does.

    Shape:
        - Input: `integral_images` (B, H + 1, W + 1, 4)
        - Output: (B, height, width, 3) in [-1, 1]
    """
    corners, share = _places(sums.shape[1] - 1, sums.shape[2] - 1, height, width)
    levels = np.empty((len(sums), height, width, 3), np.float32)
    for own, level in zip(sums, levels, strict=True):
        total, *others = (_read(own, places) for places in corners)
        for other, sign in zip(others, (np.add, np.subtract, np.subtract), strict=True):
            sign(total, other, out=total)
        np.multiply(total[..., :3], share, out=level, dtype=np.float32)
    levels -= 127.5 / 128
    return levels


def _read(sums: Sums, places: NDArray[np.int16]) -> Sums:
    """The sums (H, W, 4) of each place (h, w, 2) as (x, y)."""
    return cv2.remap(sums, places, None, cv2.INTER_NEAREST)  # type: ignore[call-overload]


@lru_cache(maxsize=64)
def _places(
    rows: int, columns: int, height: int, width: int
) -> tuple[list[NDArray[np.int16]], Floats]:
    """Where `shrink` reads the sums of each pixel, and 1 / 128 of one over its area."""
    (top, bottom), (left, right) = _cells(rows, height), _cells(columns, width)
    corners = []
    for y, x in ((bottom, right), (top, left), (bottom, left), (top, right)):
        corners.append(np.stack(np.broadcast_arrays(x[None], y[:, None]), axis=2).astype(np.int16))
    area = (bottom - top)[:, None] * (right - left)[None]
    return corners, (1 / (128 * area)).astype(np.float32)[..., None]


def _cells(pixels: int, cells: int) -> tuple[Whole, Whole]:
    """First pixel of each cell, and the one after its last; neighbours may share one."""
    steps = np.arange(cells)
    return steps * pixels // cells, -(-(steps + 1) * pixels // cells)


def cut_patches(sums: Sums, boxes: Floats, owner: Whole, size: int) -> tuple[Floats, Whole, Floats]:
    """Cut boxes out of pictures and average each down (or repeat it up) to one size.

    A box is cut to the picture first, and dropped if nothing of it is inside. A patch is what
    torch's ``interpolate(mode="area")`` computes.

    Shape:
        - Input: `integral_images` (B, H + 1, W + 1, 4); boxes (N, 4) as left, top, right, bottom
          counted from 1 with the last pixel included; pictures (N,)
        - Output: boxes (M, 4), pictures (M,) and patches (M, size, size, 3) in [-1, 1]
    """
    height, width = sums.shape[1] - 1, sums.shape[2] - 1
    first = np.maximum(np.trunc(boxes[:, :2]).astype(np.int64), 1) - 1
    last = np.minimum(np.trunc(boxes[:, 2:]).astype(np.int64), (width, height))
    inside = (last > first).all(axis=1)
    boxes, owner, first, last = boxes[inside], owner[inside], first[inside], last[inside]
    steps = np.arange(size)
    sides = (last - first)[:, :, None]  # (M, 2, 1)
    starts = first[:, :, None] + steps * sides // size  # (M, 2, size)
    ends = first[:, :, None] - (-(steps + 1) * sides // size)
    (left, top), (right, bottom) = starts.swapaxes(0, 1), ends.swapaxes(0, 1)
    flat = sums.view(np.complex128).ravel()  # an item is the four sums of a pixel
    base = owner[:, None] * (height + 1)

    def corner(rows: Whole, columns: Whole) -> Sums:
        at = ((base + rows) * (width + 1))[:, :, None] + columns[:, None, :]
        return flat.take(at).view(np.int32).reshape(*at.shape, 4)

    total = corner(bottom, right)
    total -= corner(top, right)
    total -= corner(bottom, left)
    total += corner(top, left)
    area = (bottom - top)[:, :, None] * (right - left)[:, None, :]
    share = (1 / (128 * area)).astype(np.float32)[..., None]
    patches = np.multiply(total[..., :3], share, dtype=np.float32)
    patches -= 127.5 / 128
    return boxes, owner, patches


def moved(boxes: Floats, shifts: Floats) -> Floats:
    """Boxes (N, 4) with each side moved by its correction, given in sizes of the box."""
    return boxes + shifts * np.tile(boxes[:, 2:] - boxes[:, :2] + 1, 2)


def square(boxes: Floats) -> Floats:
    """The squares about the centres of boxes (N, 4), as large as their longer sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.max(axis=1, keepdims=True)
    corner = boxes[:, :2] + sides / 2 - longer / 2
    return np.hstack([corner, corner + longer])


def suppress(boxes: Floats, scores: Floats, owner: Whole, limit: float) -> Whole:
    """Greedy suppression by intersection over union; the best of each picture first.

    Boxes (N, 4), scores (N,) and picture numbers (N,) in; positions of those kept, (K,), out.
    """
    sized: Any = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    sure: Any = scores
    kept = [np.zeros(0, np.int64)]
    for number in np.unique(owner):
        own = np.nonzero(owner == number)[0]
        kept.append(own[np.asarray(cv2.dnn.NMSBoxes(sized[own], sure[own], 0.0, limit))])
    return np.concatenate(kept)


def suppress_nested(boxes: Floats, scores: Floats, owner: Whole, limit: float) -> Whole:
    """Greedy suppression by intersection over the smaller of two areas; the best first.

    A box falls if a kept, better one of the same picture covers more than ``limit`` of the smaller.
    Boxes (N, 4), scores (N,) and picture numbers (N,) in; positions of those kept, (K,), out.
    """
    order = np.argsort(-scores, kind="stable")
    boxes, owner = boxes[order], owner[order]
    areas = (boxes[:, 2:] - boxes[:, :2] + 1).prod(axis=1)
    corner = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    meet = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - corner + 1
    share = np.maximum(meet, 0).prod(axis=2) / np.minimum(areas[:, None], areas[None, :])
    rivals = np.triu((share > limit) & (owner[:, None] == owner[None, :]), k=1)
    keep = np.ones(len(boxes), bool)
    while True:
        settled = ~(rivals & keep[:, None]).any(axis=0)
        if np.array_equal(settled, keep):
            return order[keep]
        keep = settled
