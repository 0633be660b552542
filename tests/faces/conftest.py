"""Media made on the spot: each frame is a shade that says which one it is, with a white corner."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest


def shade(index: int) -> int:
    """Grey level of a frame: 4 steps apart, far enough to survive compression."""
    return 20 + 4 * index


def write_video(
    path: Path,
    count: int = 48,
    *,
    stamps: list[int] | None = None,
    rate: int = 24,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    container: str = "mp4",
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
    key_every: int = 12,
) -> Path:
    """Write frames of rising shade; ``stamps`` are their times in 1 / rate seconds."""
    width, height = size
    with av.open(str(path), "w", format=container, options=options or {}) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate, stream.options = 4_000_000, codec_options or {}
        stream.codec_context.gop_size = key_every
        for index in range(count):
            image = np.full((height, width, 3), shade(index), np.uint8)
            image[:10, :20] = 255
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = index if stamps is None else stamps[index]
            frame.time_base = Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def make_video() -> Callable[..., Path]:
    return write_video


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Two seconds: 48 frames, 24 a second, a key frame each half second."""
    return write_video(tmp_path / "video.mp4")
