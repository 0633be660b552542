"""Faces without faces: stripes, redder where they are fake, and a judge of redness."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from telltrace.checkpoint import Calibration, Card, Detector
from telltrace.data.manifest import write_manifest
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop

SIZE = 64


class Redness(nn.Module):
    """(B, 3, H, W) -> (B, 2): the fake logit grows with the mean red less the mean blue."""

    def forward(self, images: Tensor) -> Tensor:
        red, _, blue = images.mean((2, 3)).unbind(1)
        return torch.stack([torch.zeros_like(red), 12 * (red - blue)], 1)


@pytest.fixture
def judge() -> Detector:
    preprocessing = Preprocessing(
        FaceCrop(size=SIZE), image_size=32, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
    )
    calibration = Calibration(real_below=0.45, fake_from=0.55)
    return Detector(
        Redness(), Card(detector="redness", preprocessing=preprocessing, calibration=calibration)
    )


def _write(folder: Path) -> Path:
    rng, rows = np.random.default_rng(0), []
    wave = 60 * np.sin(np.arange(SIZE) / 3)[None, :, None]
    for label in (0, 1):
        for video in range(3):
            tint = np.array([20 * label + 5 * video, 0, 12])
            for frame in range(4):
                path = folder / "crops" / f"{label}_{video}_{frame}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = 110 + wave + tint + rng.normal(0, 8, (SIZE, SIZE, 3))
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
                rows.append(
                    {
                        "path": str(path),
                        "dataset": "stripes",
                        "label": label,
                        "method": "red" if label else "real",
                        "video": f"v{video}",
                        "identity": f"{label}{video}",
                        "split": "test",
                        "frame": 10 * frame,
                        "box": "0 0 64 64",
                    }
                )
    write_manifest(pd.DataFrame(rows), folder / "manifest.csv")
    about = {"crop": FaceCrop(size=SIZE).to_dict()}
    (folder / "prepare.json").write_text(json.dumps(about))
    return folder / "manifest.csv"


@pytest.fixture(scope="session")
def write_stripes() -> Callable[[Path], Path]:
    """``write_stripes(folder)`` writes 24 crops of six videos and returns their manifest."""
    return _write


@pytest.fixture(scope="session")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their manifest."""
    return _write(tmp_path_factory.mktemp("stripes"))
