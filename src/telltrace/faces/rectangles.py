"""Upright rectangles that published detectors cut around a box and make squares of."""

from collections.abc import Callable
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError

Image = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Rectangle = tuple[int, int, int, int]
"""Left, top, right, bottom, in whole pixels."""


class Rule(NamedTuple):
    """One published way from a box to a square crop."""

    place: Callable[[Box], tuple[float, float, float, float]]
    """Left, top, right, bottom, not yet clipped to the picture nor whole pixels."""
    fit: Callable[[Image, int], Image]
    """A rectangle (H, W, 3) as a square of so many pixels."""
    canvas: Callable[[int, int, int], tuple[int, int]]
    """Width and height of what the square shows of a rectangle of such a width and height, in its
    pixels and with the black around it, where the square has so many pixels."""
    margin: float
    """Height of the rectangle in heights of the box."""


def rectangle(rule: str, box: Box, shape: tuple[int, int]) -> Rectangle:
    """What a rule of :data:`RULES` cuts from a picture (height, width) around a box.

    A box that is empty, not finite or outside of the picture is an OptionError.
    """
    if not (np.isfinite(box).all() and box[0] < box[2] and box[1] < box[3]):
        raise OptionError(f"A box needs left < right and top < bottom, got {box}.")
    left, top, right, bottom = RULES[rule].place(box)
    found = (
        int(max(left, 0)), int(max(top, 0)), int(min(right, shape[1])), int(min(bottom, shape[0])),
    )  # fmt: skip
    if not (found[0] < found[2] and found[1] < found[3]):
        raise OptionError(f"The box {box} lies outside of the picture, {shape[1]}x{shape[0]}.")
    return found


def _sbi(box: Box) -> Box:
    """An eighth more on each side (``sbi_crop``: test phase of Self-Blended Images)."""
    left, top, right, bottom = box
    x, y = (right - left) / 8, (bottom - top) / 8
    return left - x, top - y, right + x + 1, bottom + y + 1


def _third(box: Box) -> Box:
    """A third more on each side, in whole pixels (the DFDC winner)."""
    left, top, right, bottom = (int(edge) for edge in box)
    x, y = (right - left) // 3, (bottom - top) // 3
    return left - x, top - y, right + x, bottom + y


def _ispl(box: Box) -> Box:
    """A fifth of the height more on each side, and two above (Bonettini et al., ICPR 2020)."""
    left, top, right, bottom = box
    edge = round(0.2 * (bottom - top))
    return left - edge, top - 2 * edge, right + edge, bottom + edge


def stretch(picture: Image, size: int) -> Image:
    """Interpolate to a square, whatever the aspect ratio."""
    square = cv2.resize(np.ascontiguousarray(picture), (size, size), interpolation=cv2.INTER_LINEAR)
    return square.astype(np.uint8, copy=False)


def pad(picture: Image, size: int) -> Image:
    """Bring the longer side to ``size`` and centre the picture on a black square."""
    height, width = picture.shape[:2]
    scale = size / max(height, width)
    shape = (size, int(height * scale)) if width > height else (int(width * scale), size)
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    small = cv2.resize(
        np.ascontiguousarray(picture), (shape[0], max(shape[1], 1)), interpolation=how
    )
    return _on_black(small.astype(np.uint8, copy=False), size, size)


def pad_and_stretch(picture: Image, size: int) -> Image:
    """Centre a picture smaller than ``size`` on black; then as :func:`stretch`."""
    height, width = picture.shape[:2]
    return stretch(_on_black(picture, max(height, size), max(width, size)), size)


def _on_black(picture: Image, height: int, width: int) -> Image:
    if picture.shape[:2] == (height, width):
        return picture
    canvas = np.zeros((height, width, 3), np.uint8)
    rows, columns = picture.shape[:2]
    top, left = (height - rows) // 2, (width - columns) // 2
    canvas[top : top + rows, left : left + columns] = picture
    return canvas


RULES: Final = {
    "sbi": Rule(_sbi, stretch, lambda width, height, size: (width, height), 1.25),
    "dfdc": Rule(_third, pad, lambda width, height, size: (max(width, height),) * 2, 5 / 3),
    "ispl": Rule(_ispl, pad_and_stretch, lambda *sides: (max(sides[::2]), max(sides[1:])), 1.6),
}
"""By the name that :class:`~telltrace.faces.align.FaceCrop` calls its alignment."""
