"""The augmentations that Ba et al. train with: an image and random numbers in, an image out.

Strengths and probabilities are those of the published list, in albumentations 1.3.1 with its
defaults, which gave it pixels as blue, green, red; here they are red, green, blue throughout.
Every function maps (H, W, 3) uint8 to the same and leaves its argument alone.

References:
    Ba et al., "Exposing the Deception: Uncovering More Forgery Clues for Deepfake Detection", AAAI
    2024, https://arxiv.org/abs/2403.01786.
"""

from typing import Final

import cv2
import numpy as np
from numpy.random import Generator

from . import Image
from .codecs import still_coder
from .geometry import Move, Steps, draw_similarity, flip_matrix
from .photometric import LEVELS, as_bytes, curve, saturate, through

jpeg_60_100 = still_coder(".jpg", 60, 100)


def gaussian_noise(image: Image, rng: Generator) -> Image:
    """Add noise of a variance from 10 to 50 squared grey levels, to each channel its own."""
    deviation = np.sqrt(rng.uniform(10, 50)).astype(np.float32)
    noise = rng.standard_normal(image.shape, dtype=np.float32) * deviation
    return as_bytes(image + noise)


def gaussian_blur(image: Image, rng: Generator) -> Image:
    """Blur over 3 pixels; the standard deviation is the 0.8 that OpenCV takes for them."""
    return np.asarray(cv2.GaussianBlur(image, (3, 3), 0), dtype=np.uint8)


brightness_contrast = curve(
    lambda rng: LEVELS * rng.uniform(0.8, 1.2) + rng.uniform(-0.2, 0.2) * 255
)
"""Scale by 0.8 to 1.2, then shift by up to a fifth of the range."""


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
    return as_bytes(image + 255 * (vectors @ (rng.normal(0, 0.1) * values)))


def hue_saturation_value(image: Image, rng: Generator) -> Image:
    """Turn the hue by up to 40 degrees; shift saturation by up to 30 and value by up to 20."""
    hue, saturation, value = (rng.uniform(-limit, limit) for limit in (20, 30, 20))
    turned = np.mod(np.rint(LEVELS + hue), 180)  # OpenCV counts hue in 2 degrees
    table = np.stack([turned, LEVELS + saturation, LEVELS + value], axis=1)
    shifted = through(cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.uint8, copy=False), table)
    return np.asarray(cv2.cvtColor(shifted, cv2.COLOR_HSV2RGB), dtype=np.uint8)


def light_or_colour(image: Image, rng: Generator) -> Image:
    """One of brightness and contrast, colours' own directions, and hue: each as likely."""
    step = (brightness_contrast, fancy_pca, hue_saturation_value)[rng.integers(3)]
    return step(image, rng)


def grey(image: Image, rng: Generator) -> Image:
    """Drop the colour."""
    return saturate(image, 0.0)


mirror = Move(lambda width, height, rng: flip_matrix(width))
"""Swap left and right."""
shift_scale_rotate = Move(lambda w, h, rng: draw_similarity((w, h), rng, 10, (0.8, 1.2), 0.1))
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
