"""Forgery masks cut like the faces they belong to: the same frame, the same square, lossless."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..faces.align import FaceCrop
from ..faces.detect import Face
from ..faces.media import Frame, MediaError, Sampling
from ..faces.reader import open_media


class CutFace(NamedTuple):
    """One crop of a medium: which frame it was cut from, around which face."""

    frame: int
    face: Face
    size: tuple[int, int]
    """Height and width of the frame, in pixels."""


def cut_masks(
    path: str, cuts: Sequence[CutFace], crop: FaceCrop
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Read a mask once and cut from it what was cut from its medium.

    Values are kept as they are, 0 untouched to 255 forged; in between lie soft borders, and in
    videos what compression left. Where the mask has no such frame, nothing is given.

    Args:
        path: Picture or video, frame by frame the mask of the medium, of its size or scaled.
        cuts: The crops, in the order of their frames.
        crop: How they were cut.

    Yields:
        Position in ``cuts`` and the mask of that crop, (size, size).

    Raises:
        MediaError: If the mask cannot be read, or has another shape than the medium.
    """
    wanted: dict[int, list[int]] = defaultdict(list)
    for number, cut in enumerate(cuts):
        wanted[cut.frame].append(number)
    last = max(wanted, default=-1)
    for frame in open_media(path, Sampling("all")):
        for number in wanted.get(frame.index, ()):
            picture = _fit(path, frame, cuts[number].size)
            cut_out = crop.cut(picture, cuts[number].face)
            yield number, cv2.cvtColor(cut_out, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
        if frame.index >= last:
            break


def _fit(path: str, frame: Frame, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The mask at the size of the medium; another shape would not lie on what was forged."""
    height, width = frame.image.shape[:2]
    if (height, width) == size:
        return frame.image
    if not math.isclose(height / width, size[0] / size[1], rel_tol=0.01):
        reason = f"is {width}x{height} pixels where its medium is {size[1]}x{size[0]}"
        raise MediaError(path, reason, "Give the mask at the size of the medium")
    fitted = cv2.resize(frame.image, size[::-1], interpolation=cv2.INTER_LINEAR)
    return fitted.astype(np.uint8, copy=False)
