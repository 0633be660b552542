"""Where one shot of a video ends and the next begins."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

SIZE = (32, 18)
"""Width and height of the picture that shots are compared by."""


def tiny(image: Pixels) -> Pixels:
    """A picture (H, W, 3) shrunk to its colours and rough layout, (18, 32, 3)."""
    return np.asarray(cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def is_cut(before: Pixels, after: Pixels) -> bool:
    """Whether two pictures (H, W, 3) that :func:`tiny` gave are of different shots.

    A person who moves changes the layout somewhat, and a change of the light the colours.
    """
    layout = alike(before, after)
    return layout < 0.35 or (layout < 0.6 and shared_colours(before, after) < 0.7)


def shared_colours(a: Pixels, b: Pixels) -> float:
    """Intersection of two histograms of 4 x 4 x 4 softly counted colours: 1 for equal ones."""
    return float(np.minimum(_histogram(a), _histogram(b)).sum())


def alike(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Correlation of two pictures of one size (H, W, 3) over all pixels and colours, at most 1."""
    x, y = (np.asarray(p, np.float32).ravel() - np.float32(p.mean()) for p in (a, b))
    sizes = float(np.linalg.norm(x)), float(np.linalg.norm(y))
    if max(sizes) < 1e-3:  # two plain pictures
        return float(abs(float(a.mean()) - float(b.mean())) < 32)
    return float(x @ y) / max(sizes[0] * sizes[1], 1e-6)


def _histogram(image: Pixels) -> NDArray[np.float64]:
    """Each pixel counts for the two nearest of four levels of each colour, eight cells in all."""
    place = np.asarray(image, np.float64).reshape(-1, 3) * (3 / 255)
    low = np.minimum(place.astype(np.intp), 2)
    part = place - low
    cells = np.zeros(64)
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(corner, part, 1 - part).prod(axis=1)
        number = (low + corner) @ np.array([16, 4, 1])
        cells += np.bincount(number, weight, 64)
    return cells / len(place)
