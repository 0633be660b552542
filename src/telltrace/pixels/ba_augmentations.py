"""The augmentations that Ba et al. train with: an image and random numbers in, an image out.

Strengths and probabilities are those of the published list, in albumentations 1.3.1 with its
defaults, which gave it pixels as blue, green, red; here they are red, green, blue throughout.
Every function maps (H, W, 3) uint8 to the same and leaves its argument alone.
"""

from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .codecs import code_still
from .geometry import Image, Matrix, Move, Steps, flip_matrix, follow, similarity_matrix


def jpeg_60_100(image: Image, rng: Generator) -> Image:
    """What a JPEG file of a quality from 60 to 100 gives back."""
    return code_still(image, ".jpg", int(rng.integers(60, 101)))


def gaussian_noise(image: Image, rng: Generator) -> Image:
    """Add noise of a variance from 10 to 50 squared grey levels, to each channel its own."""
    deviation = np.sqrt(rng.uniform(10, 50)).astype(np.float32)
    noise = rng.standard_normal(image.shape, dtype=np.float32) * deviation
    return _as_bytes(image + noise)


def gaussian_blur(image: Image, rng: Generator) -> Image:
    """Blur over 3 pixels; the standard deviation is the 0.8 that OpenCV takes for them."""
    return np.asarray(cv2.GaussianBlur(image, (3, 3), 0), dtype=np.uint8)


def brightness_contrast(image: Image, rng: Generator) -> Image:
    """Scale by 0.8 to 1.2, then shift by up to a fifth of the range."""
    contrast, brightness = rng.uniform(0.8, 1.2), rng.uniform(-0.2, 0.2) * 255
    table = _as_bytes(np.arange(256) * contrast + brightness)
    return table[image]


def fancy_pca(image: Image, rng: Generator) -> Image:
    """Shift all pixels along the directions in which the image's own colours vary.

    References:
        Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks",
        NeurIPS 2012, section 4.1; one draw for the three directions, as albumentations does it.
    """
    colours = image.reshape(-1, 3).astype(np.float64) / 255
    values, vectors = np.linalg.eigh(np.cov(colours, rowvar=False))
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, range(3)])
    return _as_bytes(image + 255 * (vectors @ (rng.normal(0, 0.1) * values)))


def hue_saturation_value(image: Image, rng: Generator) -> Image:
    """Turn the hue by up to 40 degrees; shift saturation by up to 30 and value by up to 20."""
    hue, saturation, value = (rng.uniform(-limit, limit) for limit in (20, 30, 20))
    levels = np.arange(256)
    channels = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
    tables = (
        np.mod(np.rint(levels + hue), 180).astype(np.uint8),  # OpenCV counts hue in 2 degrees
        _as_bytes(levels + saturation),
        _as_bytes(levels + value),
    )
    shifted = cv2.merge([table[c] for table, c in zip(tables, channels, strict=True)])
    return np.asarray(cv2.cvtColor(shifted, cv2.COLOR_HSV2RGB), dtype=np.uint8)


def light_or_colour(image: Image, rng: Generator) -> Image:
    """One of brightness and contrast, colours' own directions, and hue: each as likely."""
    step = (brightness_contrast, fancy_pca, hue_saturation_value)[rng.integers(3)]
    return step(image, rng)


def grey(image: Image, rng: Generator) -> Image:
    """Drop the colour."""
    flat = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(flat, cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def _shift_scale_rotate(width: int, height: int, rng: Generator) -> Matrix:
    degrees, scale = rng.uniform(-10, 10), rng.uniform(0.8, 1.2)
    shift = rng.uniform(-0.1, 0.1) * width, rng.uniform(-0.1, 0.1) * height
    return similarity_matrix(width, height, degrees, scale, shift)


mirror = Move(lambda width, height, rng: flip_matrix(width))
"""Swap left and right."""
shift_scale_rotate = Move(_shift_scale_rotate)
"""Shift by a tenth, scale by a fifth, turn by 10 degrees at most; black outside."""

STEPS: Final[Steps] = (
    (jpeg_60_100, 0.5),
    (gaussian_noise, 0.1),
    (gaussian_blur, 0.05),
    (mirror, 0.5),
    (light_or_colour, 0.7),
    (grey, 0.2),
    (shift_scale_rotate, 0.5),
)
"""In order, each with the probability that an image goes through it."""


def ba_augment(image: Image, rng: Generator) -> Image:
    """Take an image through :data:`STEPS`.

    Shape:
        - image: (H, W, 3) uint8, red, green, blue
        - Output: the same

    References:
        Ba et al., "Exposing the Deception: Uncovering More Forgery Clues for Deepfake
        Detection", AAAI 2024, https://arxiv.org/abs/2403.01786.

    Examples:
        >>> face = np.full((32, 32, 3), 128, np.uint8)
        >>> ba_augment(face, np.random.default_rng(0)).shape
        (32, 32, 3)
    """
    return follow(STEPS, image, rng)[0]


def _as_bytes(levels: NDArray[np.floating]) -> Image:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
