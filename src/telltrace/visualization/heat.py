"""Maps of a face drawn over it: the face in grey, and colours that the colour-blind tell apart."""

from collections.abc import Sequence
from typing import Any, Final

import cv2
import matplotlib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from telltrace.pixels.photometric import as_bytes

from .faces import font

Pixels = NDArray[np.uint8]
Placed = tuple[NDArray[Any], ArrayLike]
"""A map (h, w), 0 to 1 or in 8 bits 0 to 255, and where its corners lie in the picture, (4, 2) in
pixels from the left top with the clock."""

SEEN: Final = "where the detector sees a paste"
"""What the colours of its own map say. A score may rest on the map in part, never on it alone."""


def draw_heat(image: Pixels, maps: Sequence[Placed]) -> Pixels:
    """A copy of a picture, RGB (H, W, 3), with maps over it and grey where a map lies.

    The colours stand for the same values in every picture, as `heat_bar` shows.
    """
    drawn = image.copy()
    for table, corners in maps:
        points = np.asarray(corners, np.float64)
        limits = (0, 0), image.shape[1::-1]
        left, top = np.clip(np.floor(points.min(0)), *limits).astype(int)
        right, bottom = np.clip(np.ceil(points.max(0)), *limits).astype(int)
        if left < right and top < bottom:
            part = drawn[top:bottom, left:right]
            levels = as_bytes(table * 255) if table.dtype != np.uint8 else table
            part[:] = _over(part, levels, points - (left, top))
    return drawn


def _over(part: Pixels, table: NDArray[np.uint8], corners: NDArray[np.float64]) -> Pixels:
    """A map over the part of a picture that holds it."""
    height, width = table.shape
    sides = np.array([corners[1] - corners[0], corners[3] - corners[0]])
    matrix = np.c_[sides.T / (width, height), corners[0]]
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5  # OpenCV counts from pixel centres
    size, edge = part.shape[1::-1], cv2.BORDER_REPLICATE
    values = cv2.warpAffine(table, matrix, size, flags=cv2.INTER_CUBIC, borderMode=edge)
    covered = np.zeros(part.shape[:2], np.uint8)
    cv2.fillConvexPoly(covered, np.rint(corners).astype(np.int32), 1)
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY)
    blended = _blend(np.asarray(grey, np.uint8), np.asarray(values, np.uint8))
    return np.where(covered[..., None] > 0, blended, part).astype(np.uint8)


def _blend(grey: NDArray[np.uint8], values: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Colours (H, W, 3) of values from 0 to 255 over grey (H, W): the higher, the less of it."""
    shares = np.arange(256) / 255
    colours = matplotlib.colormaps["plasma"](shares)[:, :3] * 255
    opacity = (0.9 * shares**0.7)[:, None]
    mixed: NDArray[np.float64] = (colours * opacity)[values]
    return mixed + grey[..., None] * (1 - opacity)[values]


def heat_bar(width: int, height: int) -> Pixels:
    """The colours of 0 at the left to 1 at the right, (height, width, 3), over middle grey."""
    values = np.rint(np.linspace(0, 255, width)).astype(np.uint8)
    bar = _blend(np.full((1, width), 128, np.uint8), values[None])
    return np.repeat(bar, height, axis=0).astype(np.uint8)


def with_legend(picture: Image.Image, words: str = SEEN, bar: bool = True) -> Image.Image:
    """The picture with a strip below it: words, and beside them the bar of colours from 0 to 1."""
    letters = font(max(10, round(14 * max(picture.size) / 640)))
    high, gap = round(letters.getbbox("0g")[3]), round(letters.size / 2)
    wide, number = min(8 * high, picture.width // 4), round(letters.getlength("0"))
    after = 2 * number + wide + 4 * gap if bar else gap
    below = (
        bar and after + letters.getlength(words) > picture.width
    )  # a narrow picture has a second line
    strip = (high + gap) * (2 if below else 1) + gap
    page = Image.new("RGB", (picture.width, picture.height + strip), "white")
    page.paste(picture)
    draw, top = ImageDraw.Draw(page), picture.height + gap
    said = {((gap, top + high + gap) if below else (after, top)): words}
    if bar:
        page.paste(Image.fromarray(heat_bar(wide, high)), (number + 2 * gap, top))
        said |= {(gap, top): "0", (after - number - gap, top): "1"}
    for place, text in said.items():
        draw.text(place, text, "#222222", letters)
    return page
