"""Maps of faces as pictures: brought to another size, back into their frame, and drawn."""

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from telltrace.faces.align import FaceCrop
from telltrace.faces.rectangles import RULES, rectangle

if TYPE_CHECKING:
    from telltrace.faces.detect import Face

Maps = NDArray[np.float32]
Pixels = NDArray[np.uint8]

STRENGTH: Final = 0.7
"""How far the colour of the highest place covers the picture."""


def resized(found: Maps, shape: tuple[int, ...]) -> Maps:
    """A map at another size (H, W): interpolated, so that no place is higher than it was."""
    height, width = shape
    return np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR))


def onto_frame(found: Maps, crop: FaceCrop, face: "Face", shape: tuple[int, int]) -> Maps:
    """A map (h, w) of a face's crop where it lies in its frame (height, width); 0 elsewhere."""
    if crop.alignment == "whole":
        return resized(found, shape)
    if crop.alignment in RULES:
        left, top, right, bottom = rectangle(crop.alignment, face.box, shape)
        frame = np.zeros(shape, np.float32)
        frame[top:bottom, left:right] = _uncut(found, crop, bottom - top, right - left)
        return frame
    square = crop.square(face, shape) if crop.alignment == "box" else None
    corners = crop.place([(0.5, 0.5), (1.5, 0.5), (0.5, 1.5)], face, square) - 0.5
    matrix = np.stack([corners[1] - corners[0], corners[2] - corners[0], corners[0]], axis=1)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    large = resized(found, (crop.size, crop.size))
    return np.asarray(cv2.warpAffine(large, matrix, shape[::-1], flags=how), np.float32)


def _uncut(found: Maps, crop: FaceCrop, height: int, width: int) -> Maps:
    """A map of a square on which a rectangle was fitted by a published rule, on that rectangle."""
    longer, least = max(height, width), crop.size
    canvas = {
        "sbi": (height, width),
        "dfdc": (longer, longer),
        "ispl": (max(height, least), max(width, least)),
    }[crop.alignment]
    top, left = (canvas[0] - height) // 2, (canvas[1] - width) // 2
    return resized(found, canvas)[top : top + height, left : left + width]


def draw_heat(picture: Pixels, found: Maps) -> Pixels:
    """A picture (H, W, 3) RGB with a map of any size drawn over it: from nothing to yellow."""
    values = resized(found, picture.shape[:2]).clip(0, 1)
    levels = np.asarray((values * 255).round(), np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1].astype(np.float32)
    share = STRENGTH * np.sqrt(values)[..., None]
    return np.asarray((picture * (1 - share) + colours * share).round(), np.uint8)
