import json
from dataclasses import asdict

import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut
from torchvision.transforms import functional as tv

from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.files.plain import from_plain

FACE = cv2.GaussianBlur(astronaut()[:200, 100:300], (0, 0), 2)


def test_preprocessing_travels_through_json() -> None:
    one = Preprocessing(FaceCrop(128, 1.5, "similarity"), 96, (0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
    assert from_plain(Preprocessing, json.loads(json.dumps(asdict(one)))) == one
    assert one != Preprocessing()


def test_the_tensor_is_torchvisions() -> None:
    images = np.stack([FACE, FACE[::-1]])
    ours = Preprocessing().tensor(images)
    theirs = torch.stack([tv.to_tensor(image.copy()) for image in images])
    theirs = tv.normalize(theirs, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    assert ours.is_contiguous()
    assert torch.equal(Preprocessing().tensor(torch.from_numpy(images)), ours)


def test_shrinking_averages_pixels() -> None:
    blocks = FACE[:192, :192].reshape(96, 2, 96, 2, 3).astype(np.float64).mean((1, 3))
    small = Preprocessing(image_size=96).resize(FACE[:192, :192])
    assert small.shape == (96, 96, 3)
    assert np.abs(small - blocks).max() <= 0.5
    grown = Preprocessing(image_size=250).resize(small)
    assert grown.shape == (250, 250, 3)
    assert Preprocessing(image_size=96).resize(small) is small


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_size": 0}, "image_size must be at least 1"),
        ({"mean": (0.5, 0.5)}, "mean must be three numbers"),
        ({"std": (0.5, 0.0, 0.5)}, "std must be positive"),
        ({"mean": (0.5, float("nan"), 0.5)}, "mean must be three numbers"),
    ],
)
def test_wrong_preprocessing_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Preprocessing(**values)


def test_wrong_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match=r"uint8 \(B, H, W, 3\), got torch.float32"):
        Preprocessing().tensor(torch.zeros(1, 8, 8, 3))
    with pytest.raises(ValueError, match=r"got torch.uint8 \[1, 3, 8, 8\]"):
        Preprocessing().tensor(np.zeros((1, 3, 8, 8), np.uint8))
    with pytest.raises(ValueError, match=r"uint8 \(S, S, 3\), got uint8 \(8, 8\)"):
        Preprocessing().resize(np.zeros((8, 8), np.uint8))
