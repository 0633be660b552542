"""What happens to a face between camera and stranger's file, drawn alike for real and forged."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ..faces.align import FaceCrop, resize_square
from ..faces.detect import Face
from ..pixels import Image, photometric
from ..pixels.codecs import code_sequence, still_coder
from ..pixels.geometry import Look
from .blending_mismatch import reframe

MARGINS: Final = (1.0, 1.5)
"""Side of the crop in sizes of the face."""
SIDES: Final = (72, 256)
"""Side of the crop in the medium, in pixels, before it is brought to the network's size."""

Masked = tuple[Image, NDArray[np.float32] | None]
"""A picture and how opaque a paste is at each pixel, None where nobody knows."""


def vary_pair(
    pictures: Sequence[Masked], faces: Sequence[Face], rng: Generator, size: int
) -> list[Masked]:
    """Show pictures as a stranger's file might, all of them alike, by one sequence of draws.

    Pictures are (H, W, 3) uint8 RGB, each with a mask (H, W) and a face; ``size`` is the new side.
    """
    sides = np.log(SIDES[0]), np.log(max(SIDES[1], size))  # a halving is as likely as a doubling
    side = round(float(np.exp(rng.uniform(*sides))))
    crop = FaceCrop(size=side, margin=float(rng.uniform(*MARGINS)))
    jitter, turn, flip = rng.normal(0, 0.04, 2), float(rng.normal(0, 5)), bool(rng.random() < 0.5)
    turn = turn if rng.random() < 0.4 else 0.0
    steps = [(step, int(rng.integers(2**31))) for step, share in STEPS if rng.random() < share]
    varied: list[Masked] = []
    for (image, mask), face in zip(pictures, faces, strict=True):
        framed, opacity = _frame(image, face, crop, jitter, turn, flip), None
        for step, seed in steps:
            framed = step(framed, np.random.default_rng(seed))
        if mask is not None:
            grey = np.repeat(np.rint(mask * 255).astype(np.uint8)[..., None], 3, axis=2)
            shown = _frame(grey, face, crop, jitter, turn, flip)
            opacity = resize_square(shown, size)[..., 0].astype(np.float32) / np.float32(255)
        varied.append((resize_square(framed, size), opacity))
    return varied


def _frame(
    image: Image, face: Face, crop: FaceCrop, jitter: NDArray[np.float64], turn: float, flip: bool
) -> Image:
    """Cut a face with its centre moved by a share of its size, turned in degrees, mirrored."""
    left, top, right, bottom = face.box
    x, y = jitter * max(right - left, bottom - top)
    if turn:
        centre = (left + right) / 2, (top + bottom) / 2
        image = reframe(image, cv2.getRotationMatrix2D(centre, turn, 1.0))
    cut = crop.cut(image, replace(face, box=(left + x, top + y, right + x, bottom + y)))
    return np.ascontiguousarray(cut[:, ::-1]) if flip else cut


def caption(image: Image, rng: Generator) -> Image:
    """Burn a line of letters into the picture, with or without a bar behind it."""
    size = image.shape[0]
    shown, height = image.copy(), max(4, int(size * rng.uniform(0.06, 0.14)))
    base = int(size * rng.uniform(0.75, 1.0)) if rng.random() < 0.8 else int(size * 0.12)
    if rng.random() < 0.5:
        shown[max(0, base - height) : base + height // 3] = rng.integers(0, 60, 3)
    text = "".join(chr(int(code)) for code in rng.integers(65, 91, 24))
    colour = tuple(int(level) for level in rng.integers(180, 256, 3))
    start = int(-0.2 * size * rng.random()), base
    thick = max(1, height // 8)
    cv2.putText(shown, text, start, cv2.FONT_HERSHEY_SIMPLEX, height / 25, colour, thick)
    return shown


def occlude(image: Image, rng: Generator) -> Image:
    """Lay something before a part of the face: soft-edged, of the picture's own colours."""
    size = image.shape[0]
    mask = np.zeros((size, size), np.uint8)
    centre = (rng.uniform(0.1, 0.9, 2) * size).astype(int).tolist()
    axes = (rng.uniform(0.05, 0.22, 2) * size).astype(int).tolist()
    cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.5 + 2 * rng.random()), np.uint8)
    opacity = mask.astype(np.float32) / np.float32(255)
    y, x = rng.integers(0, size, 2)
    colour = image[y, x].astype(np.float64) * rng.uniform(0.6, 1.3)
    grain = rng.normal(0, 6, (size, size, 1)) + np.linspace(-20, 20, size)[:, None, None]
    thing = np.clip(colour + grain, 0, 255).astype(np.uint8)
    return np.asarray(cv2.blendLinear(thing, image, opacity, 1 - opacity), np.uint8)


def video(image: Image, rng: Generator) -> Image:
    """What H.264, or now and then H.265, gives back: a key frame, or the frame after one."""
    newer = rng.random() < 0.15
    crf = float(rng.uniform(17, 36))
    moved = np.roll(image, tuple(rng.integers(-2, 3, 2)), axis=(0, 1))
    frames = [moved, image] if rng.random() < 0.6 else [image]
    return code_sequence(frames, "libx265" if newer else "libx264", crf, "veryfast")[-1]


STEPS: Final[tuple[tuple[Look, float], ...]] = (
    (occlude, 0.08),
    (photometric.light, 0.35),
    (photometric.two_colours, 0.2),
    (photometric.rescale, 0.15),
    (photometric.blur, 0.12),
    (photometric.sharpen, 0.12),
    (photometric.noise, 0.15),
    (caption, 0.06),
    (photometric.jpeg_40_100, 0.35),
    (still_coder(".webp", 30, 95), 0.1),
    (video, 0.3),
    (photometric.jpeg_40_100, 0.1),
)
"""What may happen, in this order, each with its probability."""
