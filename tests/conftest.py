"""Fixtures for every test: a fixed seed, and the research media where they are present."""

import json
import os
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from hypothesis import settings
from numpy.typing import NDArray
from torch import Tensor

settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
settings.load_profile("unhurried")

WORK = ("auditing.media", "batch.pages", "batch.worker", "cli", "data.cropping", "training.trainer")
"""Where the work of processes is defined that tests start."""


def pytest_configure(config: pytest.Config) -> None:
    """The process that others are forks of imports all of it, whichever test starts it.

    It imports once: what only a later test needed would be imported anew by each of its processes.
    Graphs that detectors are prepared as are shared by all tests of a run.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        cache = tempfile.TemporaryDirectory(prefix="telltrace-")
        config.add_cleanup(cache.cleanup)
        os.environ["TELLTRACE_CACHE"] = cache.name
    preload = forkserver.set_forkserver_preload
    rooms = ["timm", *(f"telltrace.{room}" for room in WORK)]
    forkserver.set_forkserver_preload = lambda modules: preload([*rooms, *modules])


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


@dataclass(frozen=True)
class Golden:
    """What a published network computes, and from what."""

    numbers: dict[str, Any]
    state: dict[str, Tensor]
    images: Tensor


def fill(name: str, shape: tuple[int, ...]) -> Tensor:
    """The tensor that the golden file's ``fill`` makes from a name, in float64."""
    seed = zlib.crc32(name.encode()) & 0x7FFFFFFF
    noise = np.random.RandomState(seed).standard_normal(shape)
    if name.endswith("num_batches_tracked"):
        return torch.tensor(0)
    if name.endswith("running_var"):
        noise = 1 + 0.5 * np.tanh(noise)
    elif len(shape) >= 2:
        noise = noise * np.sqrt(2 / np.prod(shape[1:]))
    elif name.rsplit(".", 1)[-1] == "weight":
        noise = 0.8 + 0.1 * noise
    else:
        noise = 0.1 * noise
    return torch.as_tensor(noise)


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Golden]:
    """Reads a golden file by name; constants of the architecture are not in its state."""

    def read(name: str) -> Golden:
        path = Path(__file__).parent / "golden" / f"{name}.json"
        numbers = json.loads(path.read_text())
        state = {
            row["name"]: fill(row["name"], tuple(row["shape"]))
            for row in numbers["state_dict"]
            if "fill" not in row
        }
        rng = np.random.RandomState(numbers["input"]["seed"])
        images = torch.as_tensor(rng.standard_normal(numbers["input"]["shape"]))
        return Golden(numbers, state, images)

    return read
