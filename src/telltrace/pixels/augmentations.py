"""The named augmentations, each a function of (seed, epoch, index) and of nothing else."""

from typing import Final

import cv2
import numpy as np
from numpy.random import Generator

from telltrace.errors import OptionError

from . import Image, geometry, photometric
from .ba_augmentations import STEPS as BA_STEPS
from .geometry import Matrix, Move, Steps


def generator(seed: int, epoch: int, index: int) -> Generator:
    """Random numbers that depend on these three numbers and on nothing else."""
    return np.random.default_rng(np.random.SeedSequence([seed, epoch, index]))


def augment(
    image: Image,
    seed: int,
    epoch: int,
    index: int,
    recipe: str = "sficonv",
    mask: Image | None = None,
) -> tuple[Image, Image | None]:
    """Vary a training crop (H, W, 3) uint8; the same three numbers give the same variation.

    ``mask``, (H, W) uint8, is moved as the image is. ``index`` is the position within the epoch.
    The recipes:

    - "none" changes nothing.
    - "sficonv" is the published recipe of SFIConv: a flip half of the time, a rotation within 10
      degrees, and half of the time a perspective of scale 0.5 (torchvision's defaults, which the
      release uses), black outside; the three are one warp here, so the picture is interpolated
      once and not three times.
    - "ba" is the published list of Ba et al.
    - "robust" imitates what happens to pictures on their way: small geometry, light, rescaling,
      blur, noise and JPEG 40 to 100.
    - "strong" is our modern default: all that, stronger and more often, with two of eight changes
      of colour drawn as RandAugment does, and cutout.

    Any other is an OptionError.

    References:
        Guo et al., "Space-Frequency Interactive Convolution for Deepfake Detection", TIFS 2024.
        Ba et al., "Exposing the Deception", AAAI 2024.
    """
    return geometry.follow(check_recipe(recipe), image, generator(seed, epoch, index), mask)


def check_recipe(name: str) -> Steps:
    """The steps of a named recipe, or an OptionError."""
    if name not in RECIPES:
        raise OptionError(f"Unknown recipe {name!r}; choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]


def _published(width: int, height: int, rng: Generator) -> Matrix:
    matrix = geometry.flip_matrix(width) if rng.random() < 0.5 else np.eye(3)
    matrix = geometry.similarity_matrix(width, height, degrees=rng.uniform(-10, 10)) @ matrix
    if rng.random() < 0.5:
        matrix = geometry.perspective_matrix(width, height, 0.25 * rng.random((4, 2))) @ matrix
    return matrix


def _gentle(width: int, height: int, rng: Generator) -> Matrix:
    flip = geometry.flip_matrix(width) if rng.random() < 0.5 else np.eye(3)
    if rng.random() < 0.5:
        return flip
    return geometry.draw_similarity((width, height), rng, 10, (0.9, 1.1), 0.05) @ flip


def _varied(width: int, height: int, rng: Generator) -> Matrix:
    """Flip, then each of similarity, stretch with shear, and perspective at its own odds."""
    matrix = geometry.flip_matrix(width) if rng.random() < 0.5 else np.eye(3)
    if rng.random() < 0.7:
        matrix = geometry.draw_similarity((width, height), rng, 15, (0.85, 1.2), 0.08) @ matrix
    if rng.random() < 0.3:
        shear, scales = rng.uniform(-0.1, 0.1, 2), rng.uniform(0.9, 1.1, 2)
        matrix = geometry.stretch_matrix(width, height, tuple(shear), tuple(scales)) @ matrix
    if rng.random() < 0.2:
        matrix = geometry.perspective_matrix(width, height, 0.1 * rng.random((4, 2))) @ matrix
    return matrix


RECIPES: Final[dict[str, Steps]] = {
    "none": (),
    "sficonv": ((Move(_published), 1.0),),
    "ba": BA_STEPS,
    "robust": (
        (Move(_gentle, cv2.BORDER_REFLECT_101), 1.0),
        (photometric.light, 0.5),
        (photometric.rescale, 0.25),
        (photometric.blur, 0.2),
        (photometric.noise, 0.2),
        (photometric.jpeg_40_100, 0.6),
    ),
    "strong": (
        (Move(_varied, cv2.BORDER_REFLECT_101), 1.0),
        (photometric.two_colours, 0.8),
        (photometric.rescale, 0.3),
        (photometric.blur, 0.2),
        (photometric.noise, 0.2),
        (photometric.jpeg_40_100, 0.7),
        (photometric.cutout, 0.3),
    ),
}
"""What may happen to a picture, in this order, each step with its probability."""
