"""A picture's power spectrum as 128 numbers, whatever its size: how strong each fineness is."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from telltrace.pixels import LUMA

Floats = NDArray[np.float64]

BINS: Final = 128
FLOOR: Final = 1e-3
"""Added to the power, in grey levels squared: rounding to 8 bits leaves more."""
LARGEST: Final = 512
"""Side of the centre that is looked at in larger pictures, in pixels."""


def spectrum_summary(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Azimuthal average of the log power spectrum of a picture's middle.

    The largest centred square, of at most 512 pixels, is made grey and tapered to nought at its
    border, which then leaves no trace. Frequencies are in cycles a pixel, so that sizes compare.

    Shape:
        (H, W, 3) uint8 RGB to (128,), from 0 to one half cycle a pixel; natural logarithm of grey
        levels squared.

    References:
        Durall et al., "Unmasking DeepFakes with simple Features", 2019, section 3.1; here with the
        logarithm before the average, a taper, and 128 bins.
    """
    height, width = image.shape[:2]
    side = min(height, width, LARGEST)
    top, left = (height - side) // 2, (width - side) // 2
    if side < 2:  # a single pixel has a mean and nothing else
        return np.full(BINS, np.log(FLOOR), np.float32)
    grey = image[top : top + side, left : left + side].astype(np.float64) @ np.array(LUMA)
    taper, order, starts, radii = _rings(side)
    grey -= np.vdot(grey, taper) / taper.sum()
    power = np.abs(np.fft.rfft2(grey * taper)) ** 2 / side**2
    logs = np.log(power + FLOOR).ravel()[order]
    means = np.add.reduceat(logs, starts) / np.diff(np.append(starts, len(logs)))
    return np.interp(np.linspace(0, 0.5, BINS), radii, means).astype(np.float32)


@lru_cache(maxsize=64)
def _rings(side: int) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp], Floats]:
    """The taper; the coefficients sorted by ring; where each ring starts; its frequency."""
    line = np.hanning(side + 2)[1:-1]
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]).ravel()
    last = max(1, min(BINS, side // 2 + 1) - 1)
    ring = np.rint(frequency * 2 * last).astype(np.intp)
    order = np.argsort(ring, kind="stable")
    # no corners, beyond one half cycle a pixel; and not the mean, which the taper took away
    inside = order[(ring[order] <= last) & (frequency[order] > 0)]
    found, starts = np.unique(ring[inside], return_index=True)
    return np.outer(line, line), inside, starts, found / (2 * last)
