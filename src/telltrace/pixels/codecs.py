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

    ``codec`` is "libx264" or "libx265", ``crf`` its constant rate factor, 0 (lossless or nearly so)
    to 51, ``rate`` in frames a second. One thread writes it, so that the same pictures give the
    same file. Odd sides are filled up by repeating the last row or column. A ``few`` pictures get
    no frames that wait for later ones: x265 would give them times that are not numbers.
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
    shape, file = images[0].shape, io.BytesIO()
    alike = [image for image in images if image.shape == shape]
    write_video(alike, file, codec, crf, preset=preset, few=len(alike) < FEW)
    file.seek(0)
    with av.open(file, "r") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == len(alike)
    coded = (cast(Image, frame)[: shape[0], : shape[1]].copy() for frame in frames)
    return [
        next(coded) if image.shape == shape else code_sequence([image], codec, crf, preset)[0]
        for image in images
    ]
