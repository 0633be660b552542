"""What sets a pasted face apart from its surroundings, and what happens to a picture afterwards.

`recolour`, `refocus` and `displace` make one layer of a blend differ from the other. `degrade`
hides the blend again: it treats the real and the fake picture of a pair exactly alike.
"""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..pixels.codecs import code_still
from .blending_masks import Floats, Picture, Pixels, deform, elastic_field

_LEVELS = np.arange(256, dtype=np.float32)


def _through(image: Picture, levels: NDArray[np.floating]) -> Picture:
    """Every pixel through a table of levels (256, 3), cut off at 0 and 255, fractions dropped."""
    return np.asarray(cv2.LUT(image, np.clip(levels, 0, 255).astype(np.uint8)[None]), np.uint8)


def recolour(image: Picture, rng: np.random.Generator, strength: float) -> Picture:
    """Shift channels, contrast, brightness, gamma, hue and saturation at random.

    A strength of 1 moves a channel by about 10 grey levels (standard deviation).
    """
    gain = 1 + 0.08 * strength * rng.standard_normal()
    offset = strength * (7 * rng.standard_normal(3) + 6 * rng.standard_normal())
    gamma = np.exp(0.1 * strength * rng.standard_normal())
    curve = 255 * (_LEVELS / 255) ** gamma
    table = (curve[:, None] - 128) * gain + 128 + offset
    shifted = _through(image, table)
    if rng.random() < 0.5:
        return shifted
    hue, saturation = 4 * strength * rng.standard_normal(), 0.15 * strength * rng.standard_normal()
    table = np.stack([(_LEVELS + round(hue)) % 180, _LEVELS * (1 + saturation), _LEVELS], 1)
    hsv = _through(np.asarray(cv2.cvtColor(shifted, cv2.COLOR_RGB2HSV), np.uint8), table)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def rescale(image: Picture, factor: float, method: int) -> Picture:
    """Shrink by `factor` and enlarge again, as a generator of small faces does."""
    size = image.shape[0]
    small = max(8, round(size * factor))
    shrunk = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (size, size), interpolation=method), np.uint8)


def refocus(image: Picture, rng: np.random.Generator, strength: float) -> Picture:
    """Change fine detail: blur, sharpen, lose resolution, smooth skin, recompress, or add grain."""
    amount = strength * rng.uniform(0.3, 1)
    match int(rng.integers(6)):
        case 0:
            return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4 + 1.4 * amount), np.uint8)
        case 1:
            soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.8, 2))
            return np.asarray(cv2.addWeighted(image, 1 + amount, soft, -amount, 0), np.uint8)
        case 2:
            methods = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
            return rescale(image, 1 / (1 + 2 * amount), methods[int(rng.integers(4))])
        case 3:
            return np.asarray(cv2.bilateralFilter(image, 5, 60 * amount, 3), np.uint8)
        case 4:
            return code_still(image, ".jpg", int(np.clip(90 - 50 * amount, 20, 95)))
        case _:
            return add_grain(image, 5 * amount, int(rng.integers(2**31)))


def add_grain(image: Picture, deviation: float, seed: int) -> Picture:
    """Add Gaussian grain; the same seed gives two pictures the same grain."""
    tile = np.random.default_rng(seed).standard_normal(image.shape[:2], np.float32) * deviation
    grain = cv2.cvtColor(np.rint(tile).astype(np.int16).view(np.uint16), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.add(image, grain.view(np.int16), dtype=cv2.CV_8U), np.uint8)


def displace(
    image: Picture, centre: NDArray[np.floating], rng: np.random.Generator, strength: float
) -> Picture:
    """Move, scale, turn and deform a face by a little, about its centre (2,) in pixels.

    A strength of 1 moves by about 1.5 % of S and scales by 2 % (standard deviations).
    """
    size = image.shape[0]
    scale = float(np.exp(0.02 * strength * rng.standard_normal()))
    angle = float(1.5 * strength * rng.standard_normal())
    affine = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), angle, scale)
    affine[:, 2] += 0.01 * strength * size * rng.standard_normal(2)
    if rng.random() < 0.5:
        return reframe(image, affine)
    field = elastic_field(size, int(rng.integers(4, 8)), 0.006 * strength * size, rng)
    return deform(image, affine, field, cv2.BORDER_REFLECT_101)


def match_colours(source: Picture, target: Picture, mask: Floats, amount: float) -> Picture:
    """Bring the mean and spread of each channel of `source` inside the mask towards `target`'s."""
    step = max(1, source.shape[0] // 64)
    inside = mask[::step, ::step] > 0.5
    if inside.sum() < 8:
        return source
    ours = source[::step, ::step][inside].astype(np.float32)
    theirs = target[::step, ::step][inside].astype(np.float32)
    gain = (theirs.std(0) + 4) / (ours.std(0) + 4)
    table = (_LEVELS[:, None] - ours.mean(0)) * gain + theirs.mean(0)
    return _through(source, amount * table + (1 - amount) * _LEVELS[:, None])


def draw_frame(size: int, rng: np.random.Generator, strength: float) -> NDArray[np.float64]:
    """Draw a flip, zoom, shift and turn of a whole crop, as an affine map (2, 3) in pixels."""
    zoom = float(np.exp(strength * rng.uniform(-0.12, 0.18)))
    angle = float(strength * rng.normal(0, 5))
    middle = (size - 1) / 2
    affine = np.asarray(cv2.getRotationMatrix2D((middle, middle), angle, zoom), np.float64)
    affine[:, 2] += strength * size * rng.uniform(-0.04, 0.04, 2)
    flip = np.diag([-1.0 if strength > 0 and rng.random() < 0.5 else 1.0, 1, 1])
    flip[0, 2] = size - 1 if flip[0, 0] < 0 else 0
    return np.asarray(affine @ flip, np.float64)


def reframe(image: Pixels, affine: NDArray[Any]) -> Pixels:
    """Warp a picture or a mask by an affine map (2, 3), mirrored beyond its edges."""
    size = image.shape[1], image.shape[0]
    warped = cv2.warpAffine(image, affine, size, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(warped, image.dtype)


def degrade(images: Sequence[Picture], rng: np.random.Generator, strength: float) -> list[Picture]:
    """Recolour, blur, shrink, add grain to and recompress all pictures of a pair alike.

    Mild treatments are drawn more often, under which more blends stay visible. A strength of 0
    leaves pictures untouched, 1 goes down to JPEG quality 30 and a third of S.
    """
    seed = int(rng.integers(2**31))
    chance = rng.random(5)
    factor, sigma, grain = 1 - 0.67 * rng.random() ** 2, rng.uniform(0.3, 1.3), rng.uniform(0, 4)
    quality = int(100 - 70 * strength * rng.random() ** 2)
    codec = ".webp" if rng.random() < 0.15 else ".jpg"
    done = []
    for image in images:
        if chance[0] < 0.5 * strength:
            image = recolour(image, np.random.default_rng(seed), 1.0)
        if chance[1] < 0.15 * strength:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
        if chance[2] < 0.4 * strength:
            image = rescale(image, factor, cv2.INTER_LINEAR if seed % 2 else cv2.INTER_CUBIC)
        if chance[3] < 0.15 * strength:
            image = add_grain(image, grain, seed)
        if chance[4] < 0.7 * strength:
            image = code_still(image, codec, quality)
        done.append(image)
    return done
