"""Pictures of faces: crops with captions, verdicts over a frame, sheets of manifests and blends."""

import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import cv2
import matplotlib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from telltrace.errors import OptionError, check_positive
from telltrace.pixels.photometric import as_bytes

Pixels = NDArray[np.uint8]

COLOURS: Final = {"FAKE": "#D9412B", "REAL": "#1E8E5A", "UNCERTAIN": "#C98A00"}
"""Colours of verdicts; a caption that begins with one of these words takes its colour."""

GAIN: Final = 4
"""How much the difference between real and blend is made stronger."""
PARTS: Final = ("real", "blend", "mask", f"difference x{GAIN}")
HEADING: Final = 24
"""Height of a row's heading, in pixels."""
_OTHER = "#3566B0"
_MARGIN = 8

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""


def contact_sheet(
    images: Sequence[Pixels], captions: Sequence[str], columns: int = 6, size: int = 160
) -> Image.Image:
    """Images, uint8 RGB (H, W, 3) of any sizes, side by side, each with its caption below.

    Each is fitted into its tile of ``size`` pixels; a line of a caption that is too wide is cut. An
    OptionError if there is no image, one is not uint8 RGB, or captions are not as many.
    """
    if not images or len(images) != len(captions):
        found = f"got {len(images)} images and {len(captions)} captions."
        raise OptionError(f"contact_sheet needs images with a caption each, {found}")
    check_positive(columns=columns)
    letters = font(12)
    lines = max(caption.count("\n") + 1 for caption in captions)
    across, step = min(columns, len(images)), size + _MARGIN
    down = step + 16 * lines + 1
    rows = math.ceil(len(images) / columns)
    sheet = Image.new("RGB", (across * step + _MARGIN, rows * down + _MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left, top = _MARGIN + i % columns * step, _MARGIN + i // columns * down
        tile = ImageOps.contain(_picture(image), (size, size), Image.Resampling.LANCZOS)
        sheet.paste(tile, (left + (size - tile.width) // 2, top + (size - tile.height) // 2))
        for number, line in enumerate(caption.split("\n")):
            text = _cut(line, letters, size)
            colour = _colour(caption, "#222222") if number == 0 else "#222222"
            draw.text((left, top + size + 2 + 16 * number), text, colour, letters)
    return sheet


def draw_boxes(image: Pixels, boxes: Sequence[Box], captions: Sequence[str]) -> Image.Image:
    """A copy of the image with a box around every face and its caption beside the box.

    Lines and letters grow with the image, uint8 RGB (H, W, 3). A caption never leaves the image;
    its first word chooses the colour, see :data:`COLOURS`. Boxes are in the image's pixels and may
    reach beyond its edges. An OptionError if captions are not as many.
    """
    if len(boxes) != len(captions):
        found = f"got {len(boxes)} boxes and {len(captions)} captions."
        raise OptionError(f"Every box needs a caption, {found}")
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


def _cut(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _colour(caption: str, otherwise: str) -> str:
    first, *_ = [*caption.upper().split(), ""]
    return COLOURS.get(first, otherwise)


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib ships: the same letters on every machine, accents and all."""
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), size)


def manifest_sheet(
    manifest: pd.DataFrame,
    read: Callable[[str], Pixels],
    *,
    columns: int = 8,
    size: int = 128,
    seed: int = 0,
) -> Image.Image:
    """Faces of every data set, compression and method, reals first.

    Within a data set a column shows the same people in every row, as far as they are there: the
    real face stands above its forgeries. Frames are those nearest the middle of their video.
    ``read`` gives the picture at a path, (H, W, 3) uint8 RGB; ``seed`` chooses the people where
    there are more than columns; a face has ``size`` pixels a side.
    """
    strips: list[tuple[pd.DataFrame, Image.Image]] = []
    for _, group in manifest.groupby(["dataset", "compression"], sort=True):
        people = _choose_people(group, columns, seed)
        for _, rows in group.groupby(["label", "method"], sort=True):
            chosen = _choose_rows(rows, people, columns)
            images = [read(path) for path in chosen.path]
            named = zip(chosen.video, chosen.frame, chosen.split, strict=True)
            captions = [
                f"{video}\n{split or 'no split'}" + (f", frame {frame}" if frame >= 0 else "")
                for video, frame, split in named
            ]
            strips.append((rows, contact_sheet(images, captions, columns=columns, size=size)))
    width = max(sheet.width for _, sheet in strips)
    height = sum(sheet.height + HEADING for _, sheet in strips)
    page = Image.new("RGB", (width, height), "white")
    draw, top = ImageDraw.Draw(page), 0
    for rows, sheet in strips:
        colour = COLOURS["FAKE" if rows.label.iloc[0] else "REAL"]
        draw.text((8, top + 6), _title(rows), colour, font(15))
        page.paste(sheet, (0, top + HEADING))
        top += HEADING + sheet.height
    return page


def _choose_people(group: pd.DataFrame, count: int, seed: int) -> list[str]:
    """First-named people, spread over the group; those with both classes come first."""
    first = group.identity.str.partition("+")[0]
    classes = group.groupby(first).label.nunique()
    people = np.random.default_rng(seed).permutation(np.array(sorted(classes.index), dtype=object))
    ranked = sorted(people, key=lambda name: -int(classes[name]))
    return sorted(ranked[:count])


def _choose_rows(rows: pd.DataFrame, people: Sequence[str], count: int) -> pd.DataFrame:
    """A middle frame of each of these people, then of others, then further frames."""
    first = rows.identity.str.partition("+")[0]
    of_video = rows.groupby(["video"])
    place = (of_video.cumcount() + 0.5) / of_video.path.transform("size")
    turn = (place - 0.5).abs().groupby(first).rank(method="first")
    order = pd.DataFrame({"turn": turn, "stranger": ~first.isin(people), "person": first})
    chosen = order.sort_values(["turn", "stranger", "person"], kind="stable")[:count]
    return rows.loc[chosen.sort_values("person", kind="stable").index]


def _title(rows: pd.DataFrame) -> str:
    one = rows.iloc[0]
    name = " ".join(part for part in (one.dataset, one.compression, one.method) if part)
    kind = "fake" if one.label else "real"
    name = name if one.method == kind else f"{name} ({kind})"
    return f"{name}: {len(rows)} files of {rows.video.nunique()} videos"


def blend_sheet(
    blends: Sequence[tuple[Pixels, Pixels, NDArray[np.float32]]],
    names: Sequence[str],
    size: int = 160,
) -> Image.Image:
    """Each blend as four pictures: real, blend, mask, and their difference made stronger.

    A blend is a real and a blended face (S, S, 3) and opacities (S, S) in [0, 1], shown from black
    to white; two stand side by side, and a picture has ``size`` pixels a side.
    """
    images: list[Pixels] = []
    captions: list[str] = []
    for (real, fake, mask), name in zip(blends, names, strict=True):
        apart, inside = cv2.absdiff(real, fake), mask >= mask.max() / 2
        stronger = np.asarray(cv2.convertScaleAbs(apart, alpha=GAIN), np.uint8)
        images += [real, fake, np.stack([as_bytes(mask * 255)] * 3, axis=-1), stronger]
        change = f"changed by {float(apart[inside].mean()):.1f} levels"
        notes = name, change, f"{inside.mean():.0%}, opacity {mask.max():.2f}", ""
        captions += [f"{part}\n{note}" for part, note in zip(PARTS, notes, strict=True)]
    return contact_sheet(images, captions, columns=8, size=size)
