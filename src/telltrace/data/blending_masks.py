"""Soft random masks of face regions, from five landmarks or from the aligned crop alone.

A canonical face outline, drawn once in units of the distance between the eyes, is carried onto
each face by the affine map that best fits its five landmarks. Regions are hulls of parts of it.
"""

from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Pixels = TypeVar("Pixels", Picture, Floats)

#: Left eye, right eye, nose tip, left and right mouth corner; the eyes are one unit apart.
CANONICAL = np.array(
    [(-0.5, 0.0), (0.5, 0.0), (0.0, 0.56), (-0.42, 1.06), (0.42, 1.06)], dtype=np.float32
)

#: Where these five points lie on average in a crop of margin 1.3, in crop sizes (1,887 faces).
ALIGNED = np.array(
    [(0.37, 0.417), (0.63, 0.417), (0.5, 0.572), (0.384, 0.694), (0.616, 0.694)], dtype=np.float32
)


def _mirrored(*half: tuple[float, float]) -> Floats:
    """Both halves of a region given by its right half."""
    right = np.array(half, np.float32)
    return np.concatenate([right, right * np.array([-1, 1], np.float32)])


#: Hull points of each region; "left" and "right" are the halves of "face".
REGIONS: dict[str, Floats] = {
    "face": _mirrored(
        (1.02, -0.15), (1.0, 0.5), (0.84, 1.15), (0.45, 1.66), (0.0, 1.8), (0.8, -0.6), (0.4, -0.85)
    ),
    "brows_to_chin": _mirrored(
        (0.98, -0.2), (0.96, 0.5), (0.8, 1.15), (0.45, 1.6), (0.0, 1.72), (0.6, -0.42)
    ),
    "inner": _mirrored((0.84, -0.3), (0.8, 0.6), (0.66, 1.25), (0.25, 1.42), (0.4, -0.42)),
    "lower": _mirrored((0.72, 0.48), (0.88, 1.0), (0.45, 1.62), (0.0, 1.74), (0.2, 0.3)),
    "mouth": _mirrored((0.6, 1.06), (0.4, 0.82), (0.4, 1.36), (0.0, 1.44), (0.0, 0.78)),
    "nose": _mirrored((0.1, -0.1), (0.3, 0.5), (0.22, 0.72), (0.0, 0.78)),
    "eyes": _mirrored((0.88, 0.0), (0.75, -0.38), (0.3, -0.34), (0.7, 0.24), (0.25, 0.26)),
    "eye": np.array([(0.16, 0.0), (0.3, -0.3), (0.75, -0.32), (0.86, 0.0), (0.5, 0.26)], "float32"),
}


#: Every region that may be pasted, with how often it is drawn.
FREQUENCIES: dict[str, float] = {
    "face": 3,
    "brows_to_chin": 3,
    "inner": 3,
    "lower": 2,
    "mouth": 1.5,
    "eyes": 1,
    "eye": 0.5,
    "nose": 0.5,
    "left": 0.5,
    "right": 0.5,
    "ellipse": 1,
}


def place(points: NDArray[np.floating], landmarks: NDArray[np.floating]) -> Floats:
    """Carry points (N, 2), in eye distances from the middle of the eyes, onto a face.

    ``landmarks`` are its five, (5, 2) in pixels, in the order of `CANONICAL`.
    """
    known = np.hstack([CANONICAL, np.ones((5, 1))])
    fit = np.linalg.lstsq(known, landmarks.astype(np.float64), rcond=None)[0]
    return (points @ fit[:2] + fit[2]).astype(np.float32)


def elastic_field(size: int, cells: int, amplitude: float, rng: np.random.Generator) -> Floats:
    """A smooth random displacement, (size, size, 2), of `amplitude` pixels standard deviation."""
    coarse = rng.standard_normal((cells, cells, 2), dtype=np.float32)
    quarter, coarse = max(cells, size // 4), coarse * np.float32(amplitude)
    fine = cv2.resize(coarse, (quarter, quarter), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.resize(fine, (size, size), interpolation=cv2.INTER_LINEAR))


def deform(
    image: Pixels, affine: NDArray[Any], field: Floats, border: int = cv2.BORDER_CONSTANT
) -> Pixels:
    """Take each pixel from where an affine map and a displacement, both in pixels, say."""
    a, rows = affine.astype(np.float32), np.arange(len(image), dtype=np.float32)
    field[..., 0] += a[0, 0] * rows + a[0, 1] * rows[:, None] + a[0, 2]
    field[..., 1] += a[1, 0] * rows + a[1, 1] * rows[:, None] + a[1, 2]
    moved = cv2.remap(image, field, None, cv2.INTER_LINEAR, borderMode=border)  # type: ignore[call-overload]
    return np.asarray(moved, image.dtype)


def region_mask(
    region: str, landmarks: NDArray[np.floating], size: int, rng: np.random.Generator
) -> Floats:
    """Draw a region of `FREQUENCIES`, jittered and deformed elastically, with a hard border.

    Landmarks are (5, 2) in pixels; the mask, (size, size), goes from 0 outside to 1 inside.
    """
    hull = cv2.convexHull(place(_jittered(region, rng), landmarks))
    mask = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(mask, np.rint(hull * 16).astype(np.int32), 255, cv2.LINE_AA, shift=4)
    if region in ("left", "right"):  # erase the other side of a roughly vertical line
        far = -3.0 if region == "right" else 3.0
        top, bottom = rng.normal(0, 0.12, 2)
        cut = place(np.array([(top, -3), (bottom, 4), (far, 4), (far, -3)], np.float32), landmarks)
        cv2.fillConvexPoly(mask, np.rint(cut).astype(np.int32), 0, cv2.LINE_AA)
    field = elastic_field(size, int(rng.integers(4, 9)), size * rng.uniform(0.005, 0.02), rng)
    warped = deform(mask, np.eye(2, 3), field)
    return np.asarray(warped / np.float32(255), np.float32)


def _jittered(region: str, rng: np.random.Generator) -> Floats:
    """Points of a region on the canonical face, moved and scaled a little at random."""
    if region == "ellipse":
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        radii = rng.uniform((0.3, 0.35), (0.95, 1.1))
        centre = rng.uniform((-0.35, 0.2), (0.35, 0.8))
        circle = np.stack([np.cos(angles), np.sin(angles)], 1)
        return np.asarray(circle * radii + centre, np.float32)
    shape = REGIONS["face" if region in ("left", "right") else region]
    shape = shape + rng.normal(0, 0.05, shape.shape).astype(np.float32)
    middle = shape.mean(0)
    shape = (shape - middle) * rng.uniform(0.85, 1.05, 2).astype(np.float32) + middle
    if region == "eye" and rng.random() < 0.5:
        shape = shape * np.array([-1, 1], np.float32)
    return np.asarray(shape, np.float32)


def soften(mask: Floats, rng: np.random.Generator, *, widest: float) -> Floats:
    """Blur the border inwards by a random width, so that the mask never grows past its hull.

    The mask is (S, S) in [0, 1]; ``widest`` is the largest standard deviation, as a share of S.
    """
    size = mask.shape[0]
    sigma = size * np.exp(rng.uniform(np.log(0.004), np.log(widest)))
    if rng.random() < 0.7:  # shrink first, so that the blur ends near the hull's border
        inner = 2 * int(sigma) + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (inner, inner))
        eroded = cv2.erode(mask, kernel)
        mask = np.asarray(eroded, np.float32) if cv2.minMaxLoc(eroded)[1] > 0.5 else mask
    blurred = cv2.blur(cv2.GaussianBlur(mask, (0, 0), sigma), (3, 3))
    soft = cv2.threshold(blurred, 1 / 512, 0, cv2.THRESH_TOZERO)[1]
    peak = max(cv2.minMaxLoc(soft)[1], 1 / 512)
    return np.asarray(soft / np.float32(peak), np.float32)
