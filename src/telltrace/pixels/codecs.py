"""What coding does to pictures and sequences: a still round trip, and H.264 and H.265."""

import io
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

import av
import cv2
import numpy as np
from numpy.random import Generator

from . import Image

RATE: Final = 25
"""Frames a second of sequences that carry no times."""
FEW: Final = 8
"""Frames below which a sequence is coded without any that wait for later ones."""


def code_still(image: Image, suffix: str, quality: int) -> Image:
    """Encode (H, W, 3) uint8 RGB as ".jpg" or ".webp" of a quality from 1 to 100, and decode it."""
    flag = cv2.IMWRITE_WEBP_QUALITY if suffix == ".webp" else cv2.IMWRITE_JPEG_QUALITY
    _, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [flag, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def still_coder(suffix: str, low: int, high: int) -> Callable[[Image, Generator], Image]:
    """What a still picture of a quality drawn from ``low`` to ``high`` gives back."""
    return lambda image, rng: code_still(image, suffix, int(rng.integers(low, high + 1)))


def write_video(
    frames: Iterable[Image], target: Path | io.BytesIO, codec: str, crf: float,
    rate: Fraction | int = RATE, preset: str = "fast", few: bool = False,
) -> int:  # fmt: skip
    """Encode pictures (H, W, 3), uint8 RGB of one size, as a Matroska video; count them.

    One thread writes it, so that the same pictures give the same file. Odd sides are filled up
    by repeating the last row or column.

    Args:
        frames: The pictures.
        target: Where it is written.
        codec: "libx264" or "libx265".
        crf: Constant rate factor, 0 (lossless or nearly so) to 51.
        rate: Frames a second.
        preset: The encoder's name of its effort.
        few: Write no frames that wait for later ones: x265 gives a sequence that is shorter than
            they wait times that are not numbers.
    """
    count = 0
    where = str(target) if isinstance(target, Path) else target
    options = {"crf": f"{crf:g}", "preset": preset, "threads": "1"}
    if codec == "libx265":
        options["x265-params"] = "log-level=none:pools=1:frame-threads=1" + few * ":bframes=0"
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


def code_sequence(
    images: Sequence[Image], codec: str, crf: float, preset: str = "fast"
) -> list[Image]:
    """Encode pictures as the frames of one video and decode them again.

    Pictures of other sizes than the first are coded by themselves.
    """
    shape, result = images[0].shape, list(images)
    together = [i for i, image in enumerate(images) if image.shape == shape]
    for i in set(range(len(images))) - {*together}:
        result[i] = code_sequence([images[i]], codec, crf, preset)[0]
    file = io.BytesIO()
    few = len(together) < FEW
    write_video((images[i] for i in together), file, codec, crf, preset=preset, few=few)
    file.seek(0)
    with av.open(file, "r") as container:
        for i, frame in zip(together, container.decode(video=0), strict=True):
            decoded = cast(Image, frame.to_ndarray(format="rgb24"))
            result[i] = decoded[: shape[0], : shape[1]].copy()
    return result
