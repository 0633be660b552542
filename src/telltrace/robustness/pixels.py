"""What happens to a picture on its way: geometry, light, noise, loss of detail, JPEG and WebP.

Every function takes a picture (H, W, 3) uint8 RGB, how strong, and a generator for what is left
to chance; it gives back a picture of the same size.
"""

from typing import Final

import cv2
import numpy as np
from numpy.random import Generator

from telltrace.pixels import LUMA, Image
from telltrace.pixels.codecs import code_still
from telltrace.pixels.geometry import similarity_matrix, warp
from telltrace.pixels.photometric import LEVELS, as_bytes, through

KERNELS: Final = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
BLOCK: Final = 16
"""Pixels of a side in a picture of 256; blocks grow with the picture."""


def _sized(image: Image, width: float, height: float, kernel: int) -> Image:
    size = max(1, round(width)), max(1, round(height))
    return np.asarray(cv2.resize(image, size, interpolation=kernel), dtype=np.uint8)


def rescale(image: Image, factor: float, rng: Generator | None = None) -> Image:
    """Shrink to this share of the sides and enlarge again."""
    height, width = image.shape[:2]
    return _sized(shrink(image, factor), width, height, cv2.INTER_CUBIC)


def shrink(image: Image, factor: float) -> Image:
    """Shrink to this share of the sides, and leave it so."""
    height, width = image.shape[:2]
    return _sized(image, width * factor, height * factor, cv2.INTER_AREA)


def rescale_chain(image: Image, times: float, rng: Generator) -> Image:
    """Rescale this many times to random sizes with random kernels, and back to the first size."""
    height, width = image.shape[:2]
    now = image
    for _ in range(int(times)):
        factor = rng.uniform(0.45, 1.4)
        now = _sized(now, width * factor, height * factor, int(rng.choice(KERNELS)))
    return _sized(now, width, height, cv2.INTER_LINEAR)


def screenshot(image: Image, zoom: float, rng: Generator) -> Image:
    """Show the picture at this zoom on a screen, photograph the screen's pixels, and shrink back.

    The picture lies at a fraction of a pixel, as a window that was scrolled.
    """
    height, width = image.shape[:2]
    left, top = rng.uniform(0, 1, 2)
    place = np.array([[zoom, 0, left], [0, zoom, top]])
    size = (int(np.ceil(width * zoom)) + 1, int(np.ceil(height * zoom)) + 1)
    shown = cv2.warpAffine(
        image, place, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    screen = np.asarray(cv2.convertScaleAbs(shown, alpha=0.98, beta=2), dtype=np.uint8)
    return _sized(screen, width, height, cv2.INTER_AREA)


def blur(image: Image, sigma: float, rng: Generator) -> Image:
    """Blur by a Gaussian of this deviation, in pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=np.uint8)


def motion_blur(image: Image, length: float, rng: Generator) -> Image:
    """Smear over this many pixels in a random direction."""
    side = int(length) | 1
    kernel = np.zeros((side, side), np.float32)
    kernel[side // 2] = 1
    turn = cv2.getRotationMatrix2D((side // 2, side // 2), float(rng.uniform(0, 180)), 1)
    kernel = np.asarray(cv2.warpAffine(kernel, turn, (side, side)), dtype=np.float32)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), dtype=np.uint8)


def noise(image: Image, deviation: float, rng: Generator) -> Image:
    """Add Gaussian noise of this deviation, in grey levels, to every channel."""
    return as_bytes(image + rng.normal(0, deviation, image.shape))


def contrast(image: Image, factor: float, rng: Generator) -> Image:
    """Move every pixel towards the picture's mean grey, keeping this share of its distance."""
    grey = float((image.mean((0, 1)) * np.array(LUMA)).sum())
    return as_bytes(grey + factor * (image - grey))


def saturation(image: Image, factor: float, rng: Generator) -> Image:
    """Move every pixel towards its own grey, keeping this share of its colour."""
    grey = (image @ np.array(LUMA))[..., None]
    return as_bytes(grey + factor * (image - grey))


def gamma(image: Image, exponent: float, rng: Generator) -> Image:
    """Brighten or darken, by chance, by this exponent or by one over it."""
    power = exponent if rng.random() < 0.5 else 1 / exponent
    return through(image, 255 * (LEVELS / 255) ** power)


def blocks(image: Image, count: float, rng: Generator) -> Image:
    """Fill this many blocks with one colour each, as a picture does whose packets were lost."""
    height, width = image.shape[:2]
    side = max(2, round(BLOCK * min(height, width) / 256))
    result = image.copy()
    for _ in range(int(count)):
        top = int(rng.integers(max(1, height - side + 1)))
        left = int(rng.integers(max(1, width - side + 1)))
        result[top : top + side, left : left + side] = rng.integers(0, 256, 3)
    return result


def pixelate(image: Image, side: float, rng: Generator) -> Image:
    """Give squares of so many pixels one colour."""
    height, width = image.shape[:2]
    return _sized(shrink(image, 1 / side), width, height, cv2.INTER_NEAREST)


def crop(image: Image, share: float, rng: Generator) -> Image:
    """Cut this share of both sides off, at random places, and enlarge what is left."""
    height, width = image.shape[:2]
    rows, columns = max(1, round(height * (1 - share))), max(1, round(width * (1 - share)))
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    return _sized(image[top : top + rows, left : left + columns], width, height, cv2.INTER_LINEAR)


def rotate(image: Image, degrees: float, rng: Generator) -> Image:
    """Turn by this angle, to one side or the other by chance; what comes in is mirrored."""
    height, width = image.shape[:2]
    angle = degrees if rng.random() < 0.5 else -degrees
    return warp(image, similarity_matrix(width, height, angle), cv2.BORDER_REFLECT_101)


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
        now = rescale(now, float(rng.uniform(0.6, 0.95)))
        soft = cv2.GaussianBlur(now, (0, 0), 1.0)
        now = np.asarray(cv2.addWeighted(now, 1.3, soft, -0.3, 0), dtype=np.uint8)
        now = jpeg(now, int(rng.integers(55, 86)), rng)
    return now
