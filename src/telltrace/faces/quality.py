"""What makes a face hard to judge: small, blurred, dark, turned away, cut off, compressed."""

from collections.abc import Sequence
from typing import Final, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from .align import FaceCrop
from .detect import Face

Flag = Literal["small", "blurred", "dark", "turned", "cut", "rotated", "compressed"]
"""``turned``: the head; ``rotated``: the whole picture, which was turned upright before."""

SIDE: Final = 64
"""Pixels to which the side of a face is brought before its sharpness is measured."""
SHARP: Final = 0.02
"""Energy of the finest details against all contrast below which a face counts as blurred."""
DARK: Final = 45.0
"""Mean brightness, of 255, below which a face counts as dark."""
TURNED: Final = 0.13
"""How near the nose may come to the line through one eye, in distances of the eyes."""
TILTED: Final = 40.0
"""Angle of the line through the eyes, in degrees, beyond which a face counts as turned."""
BITS: Final = 0.03
"""Bits per pixel and frame of a video below which it counts as heavily compressed."""

BLOCKY: Final = 2.0
"""Steps at the borders of JPEG's blocks, in steps elsewhere, from which a picture counts as heavily
compressed: nine of ten face pictures at quality 15, and 2 % as they are (the model card)."""

OUTSIDE: Final = 0.1
"""Share of a detector's square that may lie beyond the picture before the face counts as cut."""

_FACE = FaceCrop(size=SIDE, margin=1.0, outside="repeat")


def face_flags(
    image: NDArray[np.uint8], face: Face, min_face: float, margin: float = 1.3
) -> tuple[Flag, ...]:
    """What is wrong with one face of a picture (H, W, 3), in a fixed order.

    ``min_face`` is in pixels, ``margin`` the side of the detector's square in sizes of the face.
    """
    grey = np.asarray(cv2.cvtColor(_FACE.cut(image, face), cv2.COLOR_RGB2GRAY), np.uint8)
    height, width = image.shape[:2]
    x, y, side = FaceCrop(margin=margin, outside="repeat").square(face, (height, width))
    flags: dict[Flag, bool] = {
        "small": is_small(face, min_face),
        "blurred": sharpness(grey) < SHARP,
        "dark": float(grey.mean()) < DARK,
        "turned": is_turned(face),
        "cut": max(-x, -y, x + side - width, y + side - height) > OUTSIDE * side,
    }
    return tuple(flag for flag, is_so in flags.items() if is_so)


def is_small(face: Face, min_face: float) -> bool:
    """Whether the box is narrower or lower than so many pixels."""
    left, top, right, bottom = face.box
    return min(right - left, bottom - top) < min_face


def sharpness(grey: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of (H, W) grey over its own: independent of the contrast."""
    fine = float(np.var(np.asarray(cv2.Laplacian(grey, cv2.CV_32F))))
    return fine / (float(np.var(grey)) + 1.0)


def blockiness(image: NDArray[np.uint8]) -> float:
    """Mean step of brightness of (H, W, 3) across the borders of 8 x 8 blocks, over that elsewhere.

    About 1 without blocks, and 1 where a side has less than two of them.
    """
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    if min(grey.shape) < 17:
        return 1.0
    ratios = []
    for axis, (before, after) in enumerate(((grey[:-1], grey[1:]), (grey[:, :-1], grey[:, 1:]))):
        sums = cv2.reduce(cv2.absdiff(before, after), 1 - axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
        steps = np.ravel(sums) / before.shape[1 - axis]
        places = steps[: len(steps) // 8 * 8].reshape(-1, 8).mean(axis=0)  # the last is a border
        ratios.append(places[7] / max(places[:7].mean(), 1e-6))
    return float(np.mean(ratios))


def is_turned(face: Face) -> bool:
    """Whether the nose lies over one eye, or the eyes are far from level."""
    left, right, nose = (np.asarray(point, np.float64) for point in face.landmarks[:3])
    across = right - left
    length = float(np.hypot(*across))
    if length < 1e-6:
        return True
    place = float((nose - left) @ across) / length**2  # 0 under the left eye, 1 under the right
    tilt = abs(float(np.degrees(np.arctan2(across[1], across[0]))))
    return not TURNED <= place <= 1 - TURNED or tilt > TILTED


def common_flags(faces: Sequence[Sequence[Flag]]) -> tuple[Flag, ...]:
    """Flags that more than half of the faces have, in a fixed order."""
    order: tuple[Flag, ...] = get_args(Flag)
    return tuple(f for f in order if sum(f in theirs for theirs in faces) * 2 > len(faces))
