"""What coding does to pictures and sequences: JPEG, WebP, H.264 and H.265, once or in chains."""

import io
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import cv2
import numpy as np
from numpy.random import Generator

from .pixels import Image, rescale

RATE: Final = 25
"""Frames a second of sequences that carry no times."""
PRESET: Final = "fast"


def _still(image: Image, suffix: str, flag: int, quality: int) -> Image:
    """Encode as a still picture and decode again."""
    swapped = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(suffix, swapped, [flag, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def jpeg(image: Image, quality: float, rng: Generator) -> Image:
    """JPEG of this quality, 1 to 100."""
    return _still(image, ".jpg", cv2.IMWRITE_JPEG_QUALITY, int(quality))


def jpeg_twice(image: Image, quality: float, rng: Generator) -> Image:
    """JPEG of a random good quality, then of this one on a grid that lies elsewhere."""
    first = jpeg(image, int(rng.integers(75, 96)), rng)
    down, right = (int(n) for n in rng.integers(1, 8, 2))
    moved = cv2.copyMakeBorder(first, down, 0, right, 0, cv2.BORDER_REFLECT_101)
    return jpeg(np.asarray(moved, dtype=np.uint8), quality, rng)[down:, right:].copy()


def webp(image: Image, quality: float, rng: Generator) -> Image:
    """Lossy WebP of this quality, 1 to 100."""
    return _still(image, ".webp", cv2.IMWRITE_WEBP_QUALITY, int(quality))


def shared(image: Image, times: float, rng: Generator) -> Image:
    """Sent around so many times: each time a little smaller, sharpened and saved as JPEG."""
    now = image
    for _ in range(int(times)):
        now = rescale(now, float(rng.uniform(0.6, 0.95)), rng)
        soft = cv2.GaussianBlur(now, (0, 0), 1.0)
        now = np.asarray(cv2.addWeighted(now, 1.3, soft, -0.3, 0), dtype=np.uint8)
        now = jpeg(now, int(rng.integers(55, 86)), rng)
    return now


def write_video(
    frames: Iterable[Image], target: Path | io.BytesIO, codec: str, crf: float,
    rate: Fraction | int = RATE,
) -> int:  # fmt: skip
    """Encode pictures of one size as a Matroska video; their number is returned.

    One thread writes it, so that the same pictures give the same file. Odd sides are filled up
    by repeating the last row or column.

    Args:
        frames: (H, W, 3) uint8 RGB.
        target: Where it is written.
        codec: "libx264" or "libx265".
        crf: Constant rate factor, 0 (lossless or nearly so) to 51.
        rate: Frames a second.
    """
    count = 0
    where = str(target) if isinstance(target, Path) else target
    options = {"crf": f"{crf:g}", "preset": PRESET, "threads": "1"}
    if codec == "libx265":
        options["x265-params"] = "log-level=none:pools=1:frame-threads=1"
    plain = {"fflags": "+bitexact"}  # no random number in the file's head
    with av.open(where, "w", format="matroska", options=plain) as container:
        stream = cast(av.VideoStream, container.add_stream(codec, rate=rate, options=options))
        stream.pix_fmt = "yuv420p"
        for image in frames:
            height, width = image.shape[:2]
            even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            if count == 0:
                stream.height, stream.width = even.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
            count += 1
        container.mux(stream.encode(None))
    return count


def _read_video(source: io.BytesIO) -> Iterator[Image]:
    source.seek(0)
    with av.open(source, "r") as container:
        for frame in container.decode(video=0):
            yield cast(Image, frame.to_ndarray(format="rgb24"))


def code_sequence(images: Sequence[Image], codec: str, crf: float) -> list[Image]:
    """Encode pictures as the frames of one video and decode them again.

    Pictures of other sizes than the first are coded by themselves.
    """
    shape = images[0].shape
    together = [i for i, image in enumerate(images) if image.shape == shape]
    result: list[Image | None] = [None] * len(images)
    for i, image in enumerate(images):
        if image.shape != shape:
            result[i] = code_sequence([image], codec, crf)[0]
    file = io.BytesIO()
    write_video((images[i] for i in together), file, codec, crf)
    decoded = [frame[: shape[0], : shape[1]].copy() for frame in _read_video(file)]
    for i, image in zip(together, decoded, strict=True):
        result[i] = image
    return [image for image in result if image is not None]


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
