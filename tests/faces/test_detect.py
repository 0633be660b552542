import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from telltrace.backends import BACKENDS
from telltrace.errors import OptionError, OutputError
from telltrace.faces.detect import FaceDetector, create_face_detector
from telltrace.faces.media import Sampling
from telltrace.faces.reader import open_media

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "mtcnn.json").read_text())["detections"]


def pictures() -> dict[str, np.ndarray]:
    whole = astronaut()
    half = np.asarray(Image.fromarray(whole).resize((256, 256), Image.Resampling.BILINEAR))
    return dict(zip(GOLDEN, (whole, half, np.hstack([whole, whole])), strict=True))


@pytest.fixture(scope="module", params=["torch", "onnx", "openvino"])
def exact(request: pytest.FixtureRequest) -> FaceDetector:
    pytest.importorskip(BACKENDS[request.param])
    detector = create_face_detector(backend=request.param)
    detector.long_side = 10_000
    return detector


@pytest.mark.parametrize("name", GOLDEN)
def test_equals_the_published_cascade(exact: FaceDetector, name: str) -> None:
    expected = GOLDEN[name]
    faces = sorted(exact.detect([pictures()[name]])[0], key=lambda face: face.box[0])
    np.testing.assert_allclose([f.box for f in faces], expected["boxes"], atol=0.01)
    np.testing.assert_allclose([f.landmarks for f in faces], expected["landmarks"], atol=0.01)
    np.testing.assert_allclose([f.confidence for f in faces], expected["probabilities"], atol=1e-4)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return create_face_detector()


def test_a_large_picture_is_searched_in_a_copy(detector: FaceDetector) -> None:
    large = np.asarray(Image.fromarray(astronaut()).resize((1536, 1536)))
    [expected] = detector.detect([astronaut()])[0]
    [face] = detector.detect([large])[0]
    np.testing.assert_allclose(np.divide(face.box, 3), expected.box, atol=4)
    np.testing.assert_allclose(face.landmarks / 3, expected.landmarks, atol=2)


def test_pictures_of_any_sizes_are_searched_as_if_alone(detector: FaceDetector) -> None:
    images = [*pictures().values(), astronaut()[::-1].copy(), astronaut()[:300]]
    images.append(images[0])
    together = detector.detect(images)
    for image, faces in zip(images, together, strict=True):
        alone = detector.detect([image])[0]
        assert len(faces) == len(alone)
        for face, twin in zip(faces, alone, strict=True):
            np.testing.assert_allclose(face.box, twin.box, atol=0.01)
            np.testing.assert_allclose(face.landmarks, twin.landmarks, atol=0.01)


def test_the_largest_face_comes_first(detector: FaceDetector) -> None:
    page = np.zeros((512, 800, 3), np.uint8)
    page[:256, :256] = pictures()["astronaut resized to 256x256 (Pillow bilinear)"]
    page[:, 288:] = astronaut()
    boxes = [face.box for face in detector.detect([page])[0]]
    assert [round(left) for left, *_ in boxes] == pytest.approx([288 + 181, 91], abs=4)


@pytest.mark.parametrize("shape", [(1, 1, 3), (11, 400, 3), (64, 64, 3), (1, 3000, 3)])
def test_no_face_in_a_flat_picture(detector: FaceDetector, shape: tuple[int, ...]) -> None:
    assert detector.detect([np.full(shape, 90, np.uint8)]) == [[]]


def test_a_window_about_a_face_is_enough_to_find_it(detector: FaceDetector) -> None:
    [whole] = detector.detect([astronaut()])[0]
    left, top, right, bottom = whole.box
    off = (right - left) / 8
    window = (left + off, top - off, right + off, bottom - off)
    empty = (300.0, 300.0, 400.0, 400.0)
    some, none = detector.detect([astronaut(), astronaut()], [[window, empty], [empty]])
    [face] = some
    np.testing.assert_allclose(face.box, whole.box, atol=10)
    np.testing.assert_allclose(face.landmarks, whole.landmarks, atol=5)
    assert none == []
    assert detector.detect([astronaut()], [[]]) == [[]]


def test_nothing_in_nothing_out(detector: FaceDetector) -> None:
    assert detector.detect([]) == []


@pytest.mark.parametrize("wrong", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32)])
def test_refuses_what_is_no_picture(detector: FaceDetector, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"Picture 0 must be uint8 \(H, W, 3\), got"):
        detector.detect([wrong])


def test_finding_faces_imports_no_torch() -> None:
    pytest.importorskip("onnxruntime")
    create_face_detector(backend="onnx")  # prepares the networks, if they are not
    code = """
import sys
import numpy as np
from telltrace.faces.detect import create_face_detector
print(create_face_detector(backend="onnx").detect([np.zeros((40, 50, 3), np.uint8)]))
print([name for name in ("torch", "torchvision", "joblib") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["[[]]", "[]"], done.stderr


def test_other_backends_compute_on_the_processor_alone() -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(OptionError, match="computes on the processor, not on cuda"):
        create_face_detector("cuda", "onnx")


def test_without_a_place_for_the_graphs_torch_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "file").touch()
    monkeypatch.setenv("TELLTRACE_CACHE", str(tmp_path / "file" / "cache"))
    assert create_face_detector().rnet.backend == "torch"
    with pytest.raises(OutputError):
        create_face_detector(backend="onnx")


@pytest.mark.data
def test_finds_the_face_in_real_footage(detector: FaceDetector, data_root: Path) -> None:
    footage = data_root / "FaceForensics++" / "original_sequences" / "youtube" / "c23" / "videos"
    for path in sorted(footage.glob("*.mp4"))[:3]:
        images = [frame.image for frame in open_media(path, Sampling("spread", 2))]
        assert all(detector.detect(images)), path
