"""What coding does to pictures and sequences: JPEG, WebP, H.264 and H.265, once or in chains."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.random import Generator

from telltrace.pixels.codecs import code_sequence, code_still

from .pixels import Image, rescale


def jpeg(image: Image, quality: float, rng: Generator) -> Image:
    """JPEG of this quality, 1 to 100."""
    return code_still(image, ".jpg", int(quality))


def jpeg_twice(image: Image, quality: float, rng: Generator) -> Image:
    """JPEG of a random good quality, then of this one on a grid that lies elsewhere."""
    first = jpeg(image, int(rng.integers(75, 96)), rng)
    down, right = (int(n) for n in rng.integers(1, 8, 2))
    moved = cv2.copyMakeBorder(first, down, 0, right, 0, cv2.BORDER_REFLECT_101)
    return jpeg(np.asarray(moved, dtype=np.uint8), quality, rng)[down:, right:].copy()


def webp(image: Image, quality: float, rng: Generator) -> Image:
    """Lossy WebP of this quality, 1 to 100."""
    return code_still(image, ".webp", int(quality))


def shared(image: Image, times: float, rng: Generator) -> Image:
    """Sent around so many times: each time a little smaller, sharpened and saved as JPEG."""
    now = image
    for _ in range(int(times)):
        now = rescale(now, float(rng.uniform(0.6, 0.95)), rng)
        soft = cv2.GaussianBlur(now, (0, 0), 1.0)
        now = np.asarray(cv2.addWeighted(now, 1.3, soft, -0.3, 0), dtype=np.uint8)
        now = jpeg(now, int(rng.integers(55, 86)), rng)
    return now


def h264(images: Sequence[Image], crf: float) -> list[Image]:
    """H.264 of this constant rate factor."""
    return code_sequence(images, "libx264", crf)


def h265(images: Sequence[Image], crf: float) -> list[Image]:
    """H.265 of this constant rate factor."""
    return code_sequence(images, "libx265", crf)


def upload_step(turn: int) -> tuple[float, float]:
    """Share of the sides and rate factor of the first upload (0), the second, and so on."""
    return 0.8 - 0.05 * turn, 26 + 2 * turn


def uploaded(images: Sequence[Image], times: float) -> list[Image]:
    """Uploaded so many times: each time shrunk a little and coded as H.264, then shown enlarged."""
    now = list(images)
    no_chance = np.random.default_rng(0)
    for turn in range(int(times)):
        factor, crf = upload_step(turn)
        now = code_sequence([rescale(p, factor, no_chance) for p in now], "libx264", crf)
    return now
