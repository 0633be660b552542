"""Augmentation that leaves pixels in place: light, colour, and what happens on a picture's way."""

from collections.abc import Callable
from statistics import NormalDist
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from . import Image
from .codecs import still_coder
from .geometry import Look

NORMAL_QUANTILES: Final = np.array([NormalDist().inv_cdf((i + 0.5) / 256) for i in range(256)])
LEVELS: Final = np.arange(256, dtype=np.float64)
jpeg_40_100 = still_coder(".jpg", 40, 100)


def light(image: Image, rng: Generator) -> Image:
    """Saturation, then brightness, contrast and gamma per channel through one table."""
    image = saturate(image, rng.uniform(0.6, 1.4))
    gamma = rng.uniform(0.75, 1.33) * rng.uniform(0.95, 1.05, 3)
    ramp = (LEVELS / 255)[:, None] ** gamma
    ramp = (ramp - 0.5) * rng.uniform(0.75, 1.25) + 0.5 + rng.uniform(-0.12, 0.12)
    return through(image, ramp * 255)


def rescale(image: Image, rng: Generator) -> Image:
    """Shrink to 0.3 to 1 of the size and enlarge again, with a kernel drawn for each."""
    height, width = image.shape[:2]
    factor = rng.uniform(0.3, 1.0)
    small = max(8, round(width * factor)), max(8, round(height * factor))
    down = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(3)]
    up = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
    shrunk = cv2.resize(image, small, interpolation=down)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=up), dtype=np.uint8)


def blur(image: Image, rng: Generator) -> Image:
    """Gaussian blur of 0.3 to 1.8 pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.8)), dtype=np.uint8)


def noise(image: Image, rng: Generator) -> Image:
    """Gaussian noise of 1 to 8 grey levels, by table: a random byte is cheaper than a normal."""
    table = np.rint(NORMAL_QUANTILES * rng.uniform(1.0, 8.0)).astype(np.int16)
    random = np.frombuffer(rng.bytes(image.size), dtype=np.uint8).reshape(image.shape)
    added = cv2.LUT(random, table[None])
    return np.asarray(cv2.add(image, added, dtype=cv2.CV_8U), dtype=np.uint8)


def cutout(image: Image, rng: Generator) -> Image:
    """Cover one to three rectangles, of up to 0.3 of each side, with one colour each.

    References:
        DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with
        Cutout", 2017, https://arxiv.org/abs/1708.04552, section 3.
    """
    height, width = image.shape[:2]
    covered = image.copy()
    for _ in range(rng.integers(1, 4)):
        h, w = (max(1, int(side * rng.uniform(0.05, 0.3))) for side in (height, width))
        top, left = rng.integers(height - h + 1), rng.integers(width - w + 1)
        covered[top : top + h, left : left + w] = rng.integers(0, 256, 3, dtype=np.uint8)
    return covered


def saturation(image: Image, rng: Generator) -> Image:
    """Between near grey and twice as colourful."""
    return saturate(image, rng.uniform(0.2, 2.0))


def hue(image: Image, rng: Generator) -> Image:
    """Turn all colours by up to 20 degrees."""
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = cv2.LUT(hsv[..., 0], ((LEVELS + rng.uniform(-10, 10)) % 180).astype(np.uint8))
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), dtype=np.uint8)


def curve(levels: Callable[[Generator], NDArray[np.float64]]) -> Look:
    """A step that takes every pixel through a table drawn anew each time."""
    return lambda image, rng: through(image, levels(rng))


brightness = curve(lambda rng: LEVELS + rng.uniform(-51, 51))
"""Add up to a fifth of the range to every pixel, or take it away."""
contrast = curve(lambda rng: (LEVELS - 127.5) * rng.uniform(0.6, 1.5) + 127.5)
"""Scale all differences by 0.6 to 1.5 about the middle grey."""
gamma = curve(lambda rng: 255 * (LEVELS / 255) ** rng.uniform(0.6, 1.6))
"""Raise every pixel to a power from 0.6 to 1.6."""
tint = curve(lambda rng: LEVELS[:, None] * rng.uniform(0.85, 1.15, 3))
"""Scale each colour by 0.85 to 1.15, as a wrong white balance does."""


def stretch_levels(image: Image, rng: Generator) -> Image:
    """Stretch each colour to the whole range, half of the way or more."""
    low, high = (f(image.reshape(-1, 3), axis=0).astype(np.float64) for f in (np.min, np.max))
    full = (LEVELS[:, None] - low) * 255 / np.maximum(high - low, 1)
    share = rng.uniform(0.5, 1.0)
    return through(image, share * full + (1 - share) * LEVELS[:, None])


def sharpen(image: Image, rng: Generator) -> Image:
    """Unsharp mask: add 0.2 to 1 of what a blur of 1 to 2 pixels removes."""
    smooth = cv2.GaussianBlur(image, (0, 0), rng.uniform(1.0, 2.0))
    amount = rng.uniform(0.2, 1.0)
    return np.asarray(cv2.addWeighted(image, 1 + amount, smooth, -amount, 0), dtype=np.uint8)


COLOURS: Final = (saturation, hue, brightness, contrast, gamma, tint, stretch_levels, sharpen)


def two_colours(image: Image, rng: Generator) -> Image:
    """Two different steps out of :data:`COLOURS`, in random order.

    References:
        Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search
        space", 2019, https://arxiv.org/abs/1909.13719; here each step draws its own strength.
    """
    for number in rng.permutation(len(COLOURS))[:2]:
        image = COLOURS[number](image, rng)
    return image


def saturate(image: Image, factor: float) -> Image:
    """Scale the difference of every colour from its grey."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(image, factor, grey, 1 - factor, 0), dtype=np.uint8)


def as_bytes(levels: NDArray[np.floating]) -> Image:
    """Levels rounded, and cut off at 0 and 255."""
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def through(image: Image, levels: NDArray[np.float64]) -> Image:
    """Every pixel through a table of 256 levels, one for all colours or (256, 3)."""
    return np.asarray(cv2.LUT(image, as_bytes(levels)[None]), dtype=np.uint8)
