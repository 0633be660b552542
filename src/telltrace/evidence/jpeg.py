"""JPEG: whose quantisation tables a picture has, and whether it was compressed twice."""

import hashlib
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .findings import Finding, finding

Floats = NDArray[np.float64]

# fmt: off
LUMINANCE: Final = np.array([
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
])
"""The table that ITU-T T.81 gives as an example (K.1) and libjpeg scales, row by row."""
# fmt: on
MODES: Final = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (0, 3), (3, 0))
"""Frequencies whose histograms are looked at, (down, across)."""
READ: Final = 3 * 2**16
"""Bytes of a file whose pixels are looked at: the first rows of a large picture."""
BLOCKS: Final = 8192
"""Blocks of these that are looked at, evenly spread."""
STEPS: Final = np.arange(1, 25)
"""Steps of an earlier quantisation that are tried; 1 stands for none."""
REACH: Final = 15
"""Largest quantised coefficient that is counted."""
FINE: Final = 4
"""Bins of the unquantised histogram, per grey level."""
ENOUGH: Final = 400
"""Coefficients other than 0 that a histogram must have, and so must so many `HISTOGRAMS`."""
HISTOGRAMS: Final = 3
COARSE: Final = 40
"""Largest last step whose histogram is looked at: coarser ones hide what was before."""
TWICE: Final = 0.03
"""Mean gain from which a picture counts as compressed twice; error rates: docs/custody.md."""
AGREE: Final = 2
"""So many histograms must each gain as much: one alone can come from a drawing's even areas."""


def table_findings(picture: Image.Image) -> Iterator[Finding]:
    """Whose quantisation tables a JPEG has: libjpeg's at a quality, or others."""
    tables: dict[int, Any] = getattr(picture, "quantization", {})
    if not tables:
        return
    first = np.array(tables[min(tables)])
    qualities = np.flatnonzero((_all_tables() == first).all(axis=1)) + 1
    mark = hashlib.sha256(repr(sorted((k, list(v)) for k, v in tables.items())).encode())
    whose = f"libjpeg's at quality {qualities[0]}" if len(qualities) else "not libjpeg's"
    yield finding("jpeg.tables", f"{whose} (tables {mark.hexdigest()[:8]})")


def scaled_table(quality: int) -> NDArray[np.int64]:
    """Libjpeg's luminance table at a quality of 1 to 100, row by row, (64,)."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((LUMINANCE * scale + 50) // 100, 1, 255)


@cache
def _all_tables() -> NDArray[np.int64]:
    """Those of all qualities from 1 on, (100, 64)."""
    return np.stack([scaled_table(quality) for quality in range(1, 101)])


def double_findings(path: Path, table: NDArray[np.int64]) -> Iterator[Finding]:
    """Traces of an earlier compression in a JPEG with this luminance table, (64,)."""
    brightness = first_rows(path)
    gain, steps = earlier_compression(brightness, table)
    if gain >= TWICE:
        which = ", ".join(map(str, sorted(steps)))
        yield finding("jpeg.double", f"earlier steps of about {which} (strength {gain:.2f})")


def first_rows(path: Path) -> NDArray[np.uint8]:
    """Brightness of the whole blocks that the first `READ` bytes of a JPEG give, (H, W)."""
    with path.open("rb") as file:
        data = file.read(READ + 1)
    with Image.open(io.BytesIO(data[:READ]), formats=["JPEG"]) as picture:
        picture.draft("L", None)
        whole = len(data) <= READ
        if not whole and picture.info.get("progressive"):
            return np.zeros((0, 0), np.uint8)  # its first bytes hold all rows, coarsely
        try:
            picture.load()
        except OSError:
            whole = False
            picture.tile = []
            picture.load()
        grey = picture if picture.mode == "L" else picture.convert("L")
    box = grey.getbbox()  # rows that were not decoded are black
    end = 0 if box is None else box[3]
    end = max(end if whole else end - 16, 0) // 8 * 8
    return np.asarray(grey.crop((0, 0, grey.width // 8 * 8, end)))


def earlier_compression(
    brightness: NDArray[np.uint8], table: NDArray[np.int64]
) -> tuple[float, set[int]]:
    """How much better an earlier quantisation explains the histograms of DCT coefficients.

    The blocks shifted by half a block show how the coefficients lay before the last compression
    (Lukas and Fridrich, 2003). Quantised by the last table alone, or by an earlier step first, they
    predict the histogram of each frequency; the steps leave gaps and peaks that repeat.

    Args:
        brightness: Decoded brightness whose blocks begin at the left top, (H, W).
        table: Luminance table of the last compression, row by row, (64,).

    Returns:
        The mean gain in log likelihood over the frequencies that can be looked at, in nats a
        coefficient, 0 where fewer than `HISTOGRAMS` can or `AGREE` gain; and the steps that explain
        best.
    """
    if min(brightness.shape) < 16:
        return 0.0, set()
    own, between = _coefficients(brightness), _coefficients(brightness[4:-4, 4:-4])
    gains, steps = [], set()
    for number, (down, across) in enumerate(MODES):
        found = _gain(own[:, number], between[:, number], int(table[8 * down + across]))
        if found is not None:
            gains.append(found[0])
            if found[0] >= TWICE:
                steps.add(found[1])
    if len(gains) < HISTOGRAMS or sum(gain >= TWICE for gain in gains) < AGREE:
        return 0.0, set()
    return float(np.mean(gains)), steps


def _coefficients(brightness: NDArray[np.uint8]) -> Floats:
    """DCT coefficients of all whole blocks at the frequencies of `MODES`, (blocks, modes)."""
    rows, columns = (side // 8 for side in brightness.shape)
    blocks = brightness[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8).swapaxes(1, 2)
    down, across = np.divmod(np.arange(0, rows * columns, -(-rows * columns // BLOCKS)), columns)
    pixels = blocks[down, across].reshape(-1, 64).astype(np.float32)
    waves = np.cos((2 * np.arange(8) + 1) * np.arange(8)[:, None] * np.pi / 16) / 2
    waves[0] /= np.sqrt(2)
    basis = np.stack([np.outer(waves[v], waves[u]).ravel() for v, u in MODES], axis=1)
    return np.asarray(pixels @ basis.astype(np.float32), np.float64)


def _gain(own: Floats, between: Floats, step: int) -> tuple[float, int] | None:
    """Gain of the best earlier step, and this; None where there are too few coefficients."""
    levels = np.abs(np.rint(own / step)).astype(np.int64)
    counts = np.bincount(levels[levels <= REACH], minlength=REACH + 1)[1:]
    if counts.sum() < ENOUGH or step > COARSE:
        return None
    edge = (REACH + 1) * step + int(STEPS[-1])
    fine = (np.abs(between) * FINE).astype(np.int64)
    spread = np.bincount(fine[fine < edge * FINE], minlength=edge * FINE)
    total = np.concatenate([[0], np.cumsum(spread)])
    expected = np.diff(total[_borders(step)], axis=2).sum(axis=0).astype(np.float64)
    chances = expected + 0.01 * counts.sum() / REACH
    chances /= chances.sum(axis=1, keepdims=True)
    likely = np.log(chances) @ counts / counts.sum()
    best = int(likely.argmax())
    return float(likely[best] - likely[0]), int(STEPS[best])


@cache
def _borders(step: int) -> NDArray[np.int64]:
    """Where a quantisation by an earlier step and then this one changes level.

    Positions in the unquantised histogram, (noise, earlier steps, `REACH` + 1): those of level n,
    counted from 1, lie from the n-th to the one behind it.
    """
    size = ((REACH + 1) * step + int(STEPS[-1])) * FINE
    values = (np.arange(size) + 0.5) / FINE  # never midway between two levels
    borders = []
    for noise in (-0.35, 0.0, 0.35):  # what rounding pixels between the two adds
        before = np.rint(values / STEPS[:, None]) * STEPS[:, None] + noise
        before[0] = values
        levels = np.abs(np.rint(before / step))
        borders.append([np.searchsorted(row, np.arange(1, REACH + 2)) for row in levels])
    return np.array(borders)
