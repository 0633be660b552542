"""Crops and masks from their files, or out of a pack, decoded no larger than they are needed."""

import struct
from typing import Final

import cv2
import numpy as np

from ..errors import MediaError
from ..pixels import Image
from .pack import read_bytes

REDUCED: Final = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
)
SIZES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG markers after which the picture's size is written."""


def one_thread_each() -> None:
    """Let OpenCV work in the thread that calls it: workers share out crops, not parts of them."""
    cv2.setNumThreads(1)


def decode(data: Image, size: int | None = None) -> Image | None:
    """Decode a picture, (H, W, 3) uint8 RGB, or None if the bytes are none.

    A JPEG whose sides are a multiple of 2, 4 or 8 times the ``size`` to which it will be shrunk is
    decoded at a half, a quarter or an eighth: that takes a fraction of the time, and differs from
    decoding all of it and averaging by half a grey level in the mean and by 3 in one value of a
    hundred. With other sides the difference would be several grey levels.
    """
    if not data.size:
        return None
    sides = (size and jpeg_size(data[:4096].tobytes())) or (1, 1)
    fits = (f for n, f in REDUCED if size and not any(side % (n * size) for side in sides))
    image = cv2.imdecode(data, next(fits, cv2.IMREAD_COLOR))
    return None if image is None else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def read_crop(path: str) -> Image:
    """One crop, (S, S, 3) uint8 RGB; a MediaError if the file is missing or no picture."""
    try:
        image = decode(read_bytes(path))
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        raise MediaError(reason, remedy="Prepare it again.", path=path) from None
    if image is None:
        raise MediaError("is no readable picture", remedy="Prepare it again.", path=path)
    return image


def decode_mask(data: Image) -> Image | None:
    """Decode a mask, (H, W) uint8, or None if the bytes are no picture."""
    mask = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    return None if mask is None else np.asarray(mask, dtype=np.uint8)


def jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Height and width out of the first bytes of a JPEG file (ITU-T T.81, annex B.2.2), or None."""
    if head[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = struct.unpack_from(">BH", head, at + 1)
        if marker in SIZES:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return height, width
        at += 2 + length
    return None
