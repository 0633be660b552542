"""A scanner whose opinion is known: the redder a face, the more forged it is."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage import data
from torch import Tensor, nn

from telltrace.checkpoint import Calibration, Card, Detector
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.faces.detect import Face, FaceDetector, create_face_detector
from telltrace.inference import Scanner


class Redness(nn.Module):
    """(B, 3, H, W) -> (B, 2): the fake logit is the mean red minus the mean blue."""

    def forward(self, images: Tensor) -> Tensor:
        red, _, blue = images.mean((2, 3)).unbind(1)
        return torch.stack([torch.zeros_like(red), 4 * (red - blue)], 1)


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    """The face detector, which searches no picture twice: many tests scan the same clips."""
    detector, known = create_face_detector(), dict[Any, list[Face]]()
    search = detector._search_batch

    def search_once(images: Any, windows: Any) -> list[list[Face]]:
        keys = [(image.shape, sha256(np.ascontiguousarray(image)).digest()) for image in images]
        if windows is not None:
            keys = [(*key, *boxes) for key, boxes in zip(keys, windows, strict=True)]
        new = [i for i, key in enumerate(keys) if key not in known]
        if new:
            some = None if windows is None else [windows[i] for i in new]
            known.update(
                zip([keys[i] for i in new], search([images[i] for i in new], some), strict=True)
            )
        return [list(known[key]) for key in keys]

    detector._search_batch = search_once  # type: ignore[method-assign]
    return detector


@pytest.fixture
def judge() -> Detector:
    preprocessing = Preprocessing(
        FaceCrop(size=64), image_size=32, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
    )
    calibration = Calibration(real_below=0.4, fake_from=0.6)
    return Detector(
        Redness(), Card(detector="redness", preprocessing=preprocessing, calibration=calibration)
    )


@pytest.fixture
def scanner(judge: Detector, detector: FaceDetector) -> Scanner:
    options = {"sample": "spread", "frames": 4, "batch_size": 3, "search_every": 1}
    return Scanner(judge, face_detector=detector, **options)


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    return np.asarray(data.astronaut())


@pytest.fixture
def clip(tmp_path: Path, astronaut: NDArray[np.uint8], write_clip: Callable[..., Path]) -> Path:
    """Twelve frames in which the astronaut moves to the right."""
    frames = [np.ascontiguousarray(astronaut[:300, 60 - i : 380 - i]) for i in range(12)]
    return write_clip(tmp_path / "clip.mp4", frames)
