"""Faces of noise, detectors that are not trained, and a manifest of six faces."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from telltrace.checkpoint import Card, Detector, save_checkpoint
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.models import create_detector

SIDE = 64


def detector(network: nn.Module, name: str = "resnet26") -> Detector:
    preprocessing = Preprocessing(image_size=SIDE, crop=FaceCrop(size=SIDE))
    return Detector(network, Card(detector=name, preprocessing=preprocessing))


def faces(count: int = 3) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return list(rng.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five forgeries of four videos and a real face."""
    folder = tmp_path_factory.mktemp("faces")
    lines = ["path,label,video,split,box"]
    for number, image in enumerate(faces(6)):
        Image.fromarray(image).save(folder / f"{number}.png")
        lines.append(f"{number}.png,{int(number > 0)},v{max(1, number - 1)},test,0 0 {SIDE} {SIDE}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    (folder / "prepare.json").write_text(json.dumps({"crop": FaceCrop(size=SIDE).to_dict()}))
    return folder / "manifest.csv"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = detector(create_detector("sfi_mobilenet"), "sfi_mobilenet")
    path = tmp_path_factory.mktemp("checkpoint") / "sfi.safetensors"
    save_checkpoint(path, made.network, made.card)
    return path
