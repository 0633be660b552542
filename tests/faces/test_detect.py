import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from telltrace.faces.detect import FaceDetector, create_face_detector

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "mtcnn.json").read_text())["detections"]


def pictures() -> dict[str, np.ndarray]:
    whole = astronaut()
    half = np.asarray(Image.fromarray(whole).resize((256, 256), Image.Resampling.BILINEAR))
    return dict(zip(GOLDEN, (whole, half, np.hstack([whole, whole])), strict=True))


@pytest.fixture(scope="module")
def exact() -> FaceDetector:
    return create_face_detector(long_side=None)


@pytest.mark.parametrize("name", GOLDEN)
def test_equals_the_published_cascade(exact: FaceDetector, name: str) -> None:
    expected = GOLDEN[name]
    faces = sorted(exact.detect([pictures()[name]])[0], key=lambda face: face.box[0])
    np.testing.assert_allclose([f.box for f in faces], expected["boxes"], atol=0.01)
    np.testing.assert_allclose([f.landmarks for f in faces], expected["landmarks"], atol=0.01)
    np.testing.assert_allclose([f.confidence for f in faces], expected["probabilities"], atol=1e-4)
