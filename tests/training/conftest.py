"""Face crops without faces: noise that is brighter where it is fake."""

import json
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from telltrace.data.manifest import write_manifest
from telltrace.faces.align import FaceCrop

SIZE = 32
SMALL = {"detector": "meso4", "device": "cpu"}
"""The smallest detector, for tests that any detector would do for; it is told the data's size."""
SMALL_COMMAND = ("--detector", "meso4", "--options.image_size", str(SIZE), "--device", "cpu")


def write_crops(folder: Path, videos_per_class: int = 4, frames: int = 3) -> Path:
    """A prepared folder: half of the videos for training, a quarter each for val and test."""
    rng = np.random.default_rng(0)
    rows = []
    for label in (0, 1):
        for video in range(videos_per_class):
            for frame in range(frames):
                path = folder / f"{label}_{video}_{frame}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, 156, (SIZE, SIZE, 3)) + 100 * label
                Image.fromarray(pixels.astype(np.uint8)).save(path)
                rows.append(
                    {
                        "path": str(path),
                        "dataset": "noise",
                        "label": label,
                        "method": "bright" if label else "real",
                        "compression": "png",
                        "video": f"v{video}",
                        "identity": f"id{video}",
                        "split": ("train", "train", "val", "test")[video % 4],
                        "frame": frame,
                        "time": frame / 10,
                        "box": "0 0 32 32",
                        "landmarks": "10,12 22,12 16,18 11,24 21,24",
                        "confidence": 1.0,
                    }
                )
    write_manifest(pd.DataFrame(rows), folder / "manifest.csv")
    about = {"crop": FaceCrop(size=SIZE).to_dict()}
    (folder / "prepare.json").write_text(json.dumps(about))
    return folder / "manifest.csv"


@pytest.fixture(scope="session")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of 24 crops of eight videos."""
    return write_crops(tmp_path_factory.mktemp("crops"))


@pytest.fixture(scope="session")
def context() -> Any:
    """Starts processes that have imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([])  # beside what tests/conftest.py has it import
    return context
