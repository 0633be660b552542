"""Augmentation by moving pixels: maps of coordinates, which a picture and its mask share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from . import Image

Matrix = NDArray[np.float64]
Look = Callable[[Image, Generator], Image]
"""A step that changes what pixels look like and leaves them where they are."""


@dataclass(frozen=True)
class Move:
    """A step that moves pixels; a mask moves with its picture.

    ``matrix`` gives a (3, 3) map of pixel coordinates of ``(width, height, rng)``, ``border`` is
    OpenCV's name of what lies outside the picture.
    """

    matrix: Callable[[int, int, Generator], Matrix]
    border: int = cv2.BORDER_CONSTANT


Steps = Sequence[tuple[Look | Move, float]]
"""What may happen to a picture, in this order, each with its probability."""


def follow(
    steps: Steps, image: Image, rng: Generator, mask: Image | None = None
) -> tuple[Image, Image | None]:
    """Take a picture (H, W, 3), and its mask (H, W), through the steps.

    How many random numbers are drawn does not depend on the mask.
    """
    for step, probability in steps:
        if probability < 1 and rng.random() >= probability:
            continue
        if isinstance(step, Move):
            matrix = step.matrix(image.shape[1], image.shape[0], rng)
            image = warp(image, matrix, step.border)
            mask = None if mask is None else warp(mask, matrix, step.border)
        else:
            image = step(image, rng)
    return image, mask


def flip_matrix(width: int) -> Matrix:
    """Mirror left and right, as a (3, 3) map of pixel coordinates."""
    return np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]], dtype=np.float64)


def similarity_matrix(
    width: int, height: int, degrees: float, scale: float = 1.0, shift: Sequence[float] = (0, 0)
) -> Matrix:
    """Turn counter-clockwise and scale about the centre, then shift by pixels, as (3, 3)."""
    matrix = np.eye(3)
    matrix[:2] = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
    matrix[:2, 2] += shift
    return matrix


def draw_similarity(
    size: tuple[int, int], rng: Generator, degrees: float, scale: tuple[float, float], shift: float
) -> Matrix:
    """Up to so many degrees, a scale in these limits, up to such a share of width and height."""
    turn, factor = rng.uniform(-degrees, degrees), rng.uniform(*scale)
    moved = [rng.uniform(-shift, shift) * side for side in size]
    return similarity_matrix(*size, turn, factor, moved)


def stretch_matrix(
    width: int, height: int, shear: tuple[float, float], scale: tuple[float, float]
) -> Matrix:
    """Scale and shear each axis by factors about the centre, as (3, 3)."""
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.eye(3)
    matrix[:2, :2] = [[scale[0], shear[0]], [shear[1], scale[1]]]
    matrix[:2, 2] = centre - matrix[:2, :2] @ centre
    return matrix


def perspective_matrix(width: int, height: int, inward: NDArray[np.float64]) -> Matrix:
    """Move the four corners inward by fractions (4, 2) of width and height, as (3, 3)."""
    size = np.array([width - 1, height - 1])
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * size
    moved = corners + inward * [width, height] * np.where(corners > 0, -1, 1)
    start, end = corners.astype(np.float32), moved.astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(start, end), dtype=np.float64)


def warp(image: Image, matrix: Matrix, border: int) -> Image:
    """Move every pixel of (H, W) or (H, W, 3) by a (3, 3) map, bilinearly, same size out.

    A map that moves nothing, or only mirrors, interpolates nothing.
    """
    size = image.shape[1], image.shape[0]
    if np.array_equal(matrix, np.eye(3)):
        return image
    if np.array_equal(matrix, flip_matrix(size[0])):
        return np.ascontiguousarray(image[:, ::-1])
    if np.allclose(matrix[2], (0, 0, 1)):
        warped = cv2.warpAffine(image, matrix[:2], size, borderMode=border)
    else:
        warped = cv2.warpPerspective(image, matrix, size, borderMode=border)
    return np.asarray(warped, dtype=np.uint8)
