"""Pictures of faces: a sheet of crops with captions, and verdicts drawn over a frame."""

import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from telltrace.errors import OptionError

Pixels = NDArray[np.uint8]

COLOURS: Final = {"FAKE": "#D9412B", "REAL": "#1E8E5A", "UNCERTAIN": "#C98A00"}
"""Colours of verdicts; a caption that begins with one of these words takes its colour."""

_OTHER = "#3566B0"
_MARGIN = 8

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""


def contact_sheet(
    images: Sequence[Pixels], captions: Sequence[str], columns: int = 6, size: int = 160
) -> Image.Image:
    """Images, uint8 RGB (H, W, 3) of any sizes, side by side, each with its caption below.

    Each is fitted into its tile of ``size`` pixels; a line of a caption that is too wide is cut.

    Raises:
        OptionError: If there is no image, an image is not uint8 RGB, or captions are not as many.

    Examples:
        >>> contact_sheet([np.zeros((8, 8, 3), np.uint8)] * 3, ["a", "b", "c"], columns=2).size
        (344, 378)
    """
    if not images or len(images) != len(captions):
        raise OptionError(
            f"contact_sheet needs images with a caption each, got {len(images)} images and "
            f"{len(captions)} captions."
        )
    if columns < 1:
        raise OptionError(f"columns is {columns}; expected at least 1.")
    letters = font(12)
    lines = max(caption.count("\n") + 1 for caption in captions)
    across, step = min(columns, len(images)), size + _MARGIN
    down = step + 16 * lines + 1
    rows = math.ceil(len(images) / columns)
    sheet = Image.new("RGB", (across * step + _MARGIN, rows * down + _MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left, top = _MARGIN + i % columns * step, _MARGIN + i // columns * down
        tile = _fit(_picture(image), size)
        sheet.paste(tile, (left + (size - tile.width) // 2, top + (size - tile.height) // 2))
        for number, line in enumerate(caption.split("\n")):
            text = _cut(line, letters, size)
            colour = _colour(caption, "#222222") if number == 0 else "#222222"
            draw.text((left, top + size + 2 + 16 * number), text, colour, letters)
    return sheet


def draw_boxes(image: Pixels, boxes: Sequence[Box], captions: Sequence[str]) -> Image.Image:
    """A copy of the image with a box around every face and its caption beside the box.

    Lines and letters grow with the image, uint8 RGB (H, W, 3). A caption stands above its box, or
    inside where there is no room; it never leaves the image. Its first word chooses the colour, see
    :data:`COLOURS`. Boxes are in the image's pixels and may reach beyond its edges.

    Raises:
        OptionError: If the image is not uint8 RGB, or captions are not as many as boxes.
    """
    if len(boxes) != len(captions):
        raise OptionError(
            f"Every box needs a caption, got {len(boxes)} boxes and {len(captions)} captions."
        )
    picture = _picture(image).copy()
    draw = ImageDraw.Draw(picture)
    scale = max(picture.size) / 640
    letters, width = font(max(10, round(14 * scale))), max(2, round(2.5 * scale))
    for box, caption in zip(boxes, captions, strict=True):
        colour = _colour(caption, _OTHER)
        left, top, right, bottom = (round(side) for side in box)
        draw.rectangle((left, top, max(left, right), max(top, bottom)), outline=colour, width=width)
        _label(draw, caption, (left, top), colour, letters)
    return picture


def _label(
    draw: ImageDraw.ImageDraw, text: str, corner: tuple[int, int], colour: str,
    font: ImageFont.FreeTypeFont,
) -> None:  # fmt: skip
    """The caption on a filled ground above ``corner``, moved inside the image if need be."""
    pad = 3
    _, _, right, bottom = draw.multiline_textbbox((0, 0), text, font)
    wide, high = math.ceil(right) + 2 * pad, math.ceil(bottom) + 2 * pad
    left = max(0, min(corner[0], draw.im.size[0] - wide))
    top = max(0, min(corner[1] - high, draw.im.size[1] - high))
    draw.rectangle((left, top, left + wide - 1, top + high - 1), fill=colour)
    draw.multiline_text((left + pad, top + pad), text, "white", font)


def _picture(image: Pixels) -> Image.Image:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise OptionError(f"Expected uint8 RGB (H, W, 3), got {image.dtype} {image.shape}.")
    return Image.fromarray(np.ascontiguousarray(image))


def _fit(picture: Image.Image, size: int) -> Image.Image:
    scale = size / max(picture.size)
    shape = tuple(max(1, round(side * scale)) for side in picture.size)
    return picture.resize((shape[0], shape[1]), Image.Resampling.LANCZOS)


def _cut(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _colour(caption: str, otherwise: str) -> str:
    words = caption.split()
    return COLOURS.get(words[0].upper(), otherwise) if words else otherwise


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib ships: the same letters on every machine, accents and all."""
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), size)
