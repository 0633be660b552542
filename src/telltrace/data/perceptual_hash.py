"""Pictures that are almost the same: a 64-bit hash of what they show, and all pairs close by it."""

from collections.abc import Iterator
from itertools import combinations, product
from typing import Final

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import dctn

from ..errors import OptionError

SIDE: Final = 32
BITS: Final = 64
NEAR: Final = 4
"""Differing bits up to which two face crops are taken for the same picture. Of 1,500 faces that
were resized, recompressed as JPEG (quality 40 to 90) and made brighter or darker, 99 % came back
within 4 bits. Of 1.8 million pairs of other faces none was that close; at 6 bits four were."""
BAND: Final = 16
CHUNK: Final = 2**13

_ONES: Final = np.array([octet.bit_count() for octet in range(256)], dtype=np.uint8)
_Y, _X = np.indices((SIDE, SIDE)).reshape(2, -1)
_SLOWEST: Final = np.lexsort((_Y, _X + _Y))[1 : BITS + 1]
"""Places of the slowest coefficients, by diagonals, less the mean."""


def perceptual_hash(image: NDArray[np.uint8]) -> int:
    """A 64-bit hash that pictures (H, W, 3), uint8 RGB, share when they look the same.

    The picture is made grey and 32 by 32, and of its 64 slowest cosine coefficients (the mean
    brightness left out) each bit says whether one lies above their median. What a copy changes,
    such as size, compression and brightness, hardly moves them. Any other array is an OptionError.

    References:
        Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010,
        section 3.2.1; here with the coefficients by diagonals in place of a square.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        what = f"A picture to hash is (H, W, 3) uint8 RGB, got {image.shape} {image.dtype}."
        raise OptionError(what)
    grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    slow = dctn(small - small.mean()).ravel()[_SLOWEST] / 4
    above = slow > np.median(slow) + 1e-6  # so that a flat picture does not hash its rounding
    return int.from_bytes(np.packbits(above).tobytes(), "big")


def near_duplicates(
    hashes: ArrayLike, max_distance: int = NEAR, *, sides: ArrayLike | None = None
) -> NDArray[np.int64]:
    """All pairs of 64-bit hashes (N,) that differ in at most ``max_distance`` bits, 0 to 15.

    Beyond that different pictures agree by chance. Split into four bands of 16 bits, two hashes
    that differ in d bits agree in one band up to d // 4 bits; so only hashes that share such a band
    are compared. No pair is missed. N equal hashes are N (N - 1) / 2 pairs: where many are equal,
    pass each once (``np.unique``). Of ``sides`` (N,), if given, only pairs of different ones count.
    The pairs are (P, 2) positions, the smaller first, in ascending order, each once. Another
    distance, and sides that are not as many as the hashes, are an OptionError.

    Examples:
        >>> near_duplicates([0b0000, 0b1111 << 60, 0b0001], max_distance=1).tolist()
        [[0, 2]]
    """
    table = np.asarray(hashes, dtype=np.uint64).ravel()
    if not 0 <= max_distance <= 15:
        raise OptionError(f"max_distance must be 0 to 15 bits, got {max_distance}.")
    group = None if sides is None else np.unique(np.asarray(sides), return_inverse=True)[1].ravel()
    if group is not None and len(group) != len(table):
        raise OptionError(f"{len(table)} hashes need as many sides, got {len(group)}.")
    found = [np.empty(0, dtype=np.int64)]
    for one, other in _candidates(table, max_distance // (BITS // BAND)):
        keep = bits_that_differ(table[one], table[other]) <= max_distance
        if group is not None:
            keep &= group[one] != group[other]
        found.append(one[keep] * len(table) + other[keep])
    pairs = np.unique(np.concatenate(found))
    return np.stack(np.divmod(pairs, max(len(table), 1)), axis=1)


def bits_that_differ(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Hamming distance of two arrays of hashes, (N,) each, element by element."""
    bits = np.atleast_1d(np.bitwise_xor(one, other))
    octets = bits.view(np.uint8).reshape(*bits.shape, 8)
    return _ONES[octets].sum(axis=-1, dtype=np.int64)


def _candidates(
    table: NDArray[np.uint64], radius: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of positions, first below second, that agree in one band up to ``radius`` bits."""
    flips = [sum(1 << b for b in c) for r in range(radius + 1) for c in combinations(range(16), r)]
    for shift in range(0, BITS, BAND):
        band = ((table >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)
        order, sizes = np.argsort(band, kind="stable"), np.bincount(band, minlength=2**BAND)
        starts = np.cumsum(sizes) - sizes
        for flip, part in product(flips, range(0, len(table), CHUNK)):
            keys = band[part : part + CHUNK] ^ flip
            counts = sizes[keys]
            one = np.repeat(np.arange(part, part + len(keys)), counts)
            within = np.arange(len(one)) - np.repeat(np.cumsum(counts) - counts, counts)
            other = order[np.repeat(starts[keys], counts) + within]
            later = one < other
            yield one[later], other[later]
