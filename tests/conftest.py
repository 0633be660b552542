"""Fixtures for every test: a fixed seed, and the research media where they are present."""

import os
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from hypothesis import settings
from numpy.typing import NDArray

settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The research media: $TELLTRACE_DATA, or shared/data beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    root = Path(os.environ.get("TELLTRACE_DATA", beside))
    if not root.is_dir():
        pytest.skip(f"No research media at {root}; set TELLTRACE_DATA to run this test.")
    return root


def _write_clip(path: Path, pictures: list[NDArray[np.uint8]], codec: str = "libx264") -> Path:
    """Pictures as a video of ten a second; the container follows from the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 2_000_000
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def write_clip() -> Callable[..., Path]:
    """``write_clip(path, pictures, codec="libx264")`` writes (H, W, 3) pictures as a video."""
    return _write_clip
