"""Maps of faces at another size."""

import cv2
import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]


def resized(found: Maps, shape: tuple[int, ...]) -> Maps:
    """A map at another size (H, W): interpolated, so that no place is higher than it was."""
    height, width = shape
    return np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR))
