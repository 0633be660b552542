"""Media that the data tests make for themselves: clips of a face that moves, and damaged files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from skimage.data import astronaut

Clip = Callable[..., Path]


@pytest.fixture(scope="session")
def clip(write_clip: Clip) -> Clip:
    """``clip(path, frames=6, start=0)`` writes a clip of the astronaut's face, moving right."""
    photograph = astronaut()

    def make(path: Path, frames: int = 6, start: int = 0, face: bool = True) -> Path:
        lefts = [60 + start + 4 * i for i in range(frames)]
        top = 10 if face else 300
        return write_clip(
            path, [photograph[top : top + 208, x : x + 240] for x in lefts], codec="mpeg4"
        )

    return make


@pytest.fixture(scope="session")
def media_folder(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """real/ and fake/ with clips, a photograph, a clip without a face and a text named .mp4."""
    root = tmp_path_factory.mktemp("media")
    for number in range(4):
        clip(root / "real" / f"r{number}.mp4", start=5 * number)
        clip(root / "fake" / f"f{number}.mp4", start=5 * number + 2)
    Image.fromarray(astronaut()).save(root / "real" / "photograph.png")
    clip(root / "fake" / "scenery.mp4", face=False)
    (root / "fake" / "broken.mp4").write_text("this is no video")
    return root


@pytest.fixture
def crops(tmp_path: Path) -> pd.DataFrame:
    """A manifest of 24 small PNG crops: 4 real, 12 of method A, 8 of method B, made of noise."""
    rng = np.random.default_rng(3)
    rows = []
    for number in range(24):
        path = tmp_path / f"{number:02d}.png"
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(path)
        method = "real" if number < 4 else "A" if number < 16 else "B"
        rows.append((str(path), int(number >= 4), method, f"v{number}", 0))
    return pd.DataFrame(rows, columns=["path", "label", "method", "video", "frame"])
