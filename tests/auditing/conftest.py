"""Small sets of pictures of nobody: people are names, faces are smooth random colours."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from telltrace.data.manifest import write_manifest

SPLITS = ("train", "train", "train", "val", "test")

Picture = np.ndarray


def draw_picture(rng: np.random.Generator, size: tuple[int, int] = (48, 48)) -> Picture:
    """Smooth colours with a little grain, (H, W, 3); no two look alike."""
    coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float64)
    return np.clip(smooth + rng.normal(0, 3, smooth.shape), 0, 255).astype(np.uint8)


def write_set(
    folder: Path,
    rng: np.random.Generator,
    people: int = 20,
    picture: Callable[[np.random.Generator, int], Picture] = lambda rng, _: draw_picture(rng),
) -> Path:
    """A clean manifest: of each person one real picture and two fakes, split by person."""
    rows = []
    for person in range(people):
        for method in ("real", "A", "B"):
            path = folder / f"{person:03d}_{method}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            label = int(method != "real")
            Image.fromarray(picture(rng, label)).save(path)
            split = SPLITS[person % len(SPLITS)]
            rows.append((str(path), "toy", label, method, f"v{person}", f"p{person}", split))
    columns = ["path", "dataset", "label", "method", "video", "identity", "split"]
    write_manifest(pd.DataFrame(rows, columns=columns), folder / "manifest.csv")
    return folder / "manifest.csv"


@pytest.fixture(scope="module")
def clean_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of 60 pictures of 20 people in which nothing is wrong."""
    return write_set(tmp_path_factory.mktemp("clean"), np.random.default_rng(5))
