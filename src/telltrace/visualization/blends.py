"""Sheets of blends: the real face, its forgery, where it was forged, and what that changed."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .faces import contact_sheet

Pixels = NDArray[np.uint8]

GAIN: Final = 4
"""How much the difference between real and blend is made stronger."""
PARTS: Final = ("real", "blend", "mask", f"difference x{GAIN}")


def blend_sheet(
    blends: Sequence[tuple[Pixels, Pixels, NDArray[np.float32]]],
    names: Sequence[str],
    *,
    across: int = 2,
    size: int = 160,
) -> Image.Image:
    """Each blend as four pictures: real, blend, mask, and their difference made stronger.

    A blend is a real and a blended face (S, S, 3) and opacities (S, S) in [0, 1]; so many pairs
    stand ``across``, and a picture has ``size`` pixels a side.

    Examples:
        >>> face = np.zeros((64, 64, 3), np.uint8)
        >>> blend_sheet([(face, face + 9, np.ones((64, 64), np.float32))], ["a"], across=1).width
        680
    """
    images: list[Pixels] = []
    captions: list[str] = []
    for (real, fake, mask), name in zip(blends, names, strict=True):
        images += [real, fake, show_mask(mask), show_difference(real, fake)]
        inside = mask >= mask.max() / 2
        change = float(cv2.absdiff(real, fake)[inside].mean())
        notes = (
            name,
            f"changed by {change:.1f} levels",
            f"{inside.mean():.0%}, opacity {mask.max():.2f}",
            "",
        )
        captions += [f"{part}\n{note}" for part, note in zip(PARTS, notes, strict=True)]
    return contact_sheet(images, captions, columns=4 * across, size=size)


def show_mask(mask: NDArray[np.float32]) -> Pixels:
    """A mask as grey levels: black untouched, white opaque."""
    grey = np.clip(np.rint(mask * 255), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def show_difference(real: Pixels, fake: Pixels) -> Pixels:
    """The absolute difference of two pictures, made four times as strong."""
    return np.asarray(cv2.convertScaleAbs(cv2.absdiff(real, fake), alpha=GAIN), np.uint8)
