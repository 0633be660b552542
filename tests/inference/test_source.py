"""A source in memory is judged as the same file on the disk is."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from telltrace.checkpoint import Detector
from telltrace.errors import OptionError
from telltrace.faces.detect import FaceDetector
from telltrace.faces.media import Sampling, Status
from telltrace.faces.reader import open_media
from telltrace.inference import Scanner, Verdict, scan

NAMES = {"path", "provenance", "sha256"}


def plain(verdict: Verdict) -> dict[str, Any]:
    """All but what tells where the pixels came from."""
    return {name: value for name, value in verdict.to_dict().items() if name not in NAMES}


@pytest.fixture
def photograph(tmp_path: Path, astronaut: NDArray[np.uint8]) -> Path:
    Image.fromarray(astronaut[:300, 60:380]).save(tmp_path / "face.png")
    return tmp_path / "face.png"


def test_a_picture_in_any_form_gets_one_verdict(scanner: Scanner, photograph: Path) -> None:
    expected = scanner.scan(photograph)
    with Image.open(photograph) as picture, photograph.open("rb") as file:
        pixels = np.asarray(picture)
        sources = [str(photograph), photograph.read_bytes(), file, picture, pixels]
        found = list(scanner.scan_many(sources))
    assert [plain(verdict) for verdict in found] == [plain(expected)] * 5
    assert [str(verdict.path) for verdict in found[1:]] == [
        *("<bytes>", str(photograph), str(photograph), "<picture>")
    ]
    assert found[1].sha256 == found[2].sha256 == expected.sha256
    assert found[4].sha256 is None


def test_a_video_in_any_form_gets_one_verdict(
    judge: Detector, detector: FaceDetector, clip: Path
) -> None:
    frames = list(open_media(clip, Sampling("all")))
    images, times = [f.image for f in frames], [f.time for f in frames]
    for settings in ({}, {"sample": "spread", "frames": 4}):
        scanner = Scanner(judge, face_detector=detector, **settings)
        expected = plain(scanner.scan(clip))
        from_bytes = scanner.scan(io.BytesIO(clip.read_bytes()))
        assert plain(from_bytes) == expected
        found = plain(scanner.scan(images, times=times))
        assert {**found, "duration": 0, "quality": []} == {**expected, "duration": 0, "quality": []}
        assert found["duration"] == pytest.approx(expected["duration"], abs=0.05)


def test_of_an_iterator_every_frame_is_looked_at_once(scanner: Scanner, clip: Path) -> None:
    frames = list(open_media(clip, Sampling("all")))
    found = scanner.scan(iter(frame.image for frame in frames))
    assert (found.frames, found.kind, str(found.path)) == (12, "video", "<frames>")
    assert [face.time for face in found.faces] == pytest.approx([n / 25 for n in range(12)])
    later = scanner.scan((frame.image for frame in frames), times=range(12))
    assert [face.time for face in later.faces] == list(range(12))
    with pytest.raises(OptionError, match="more frames than times"):
        scanner.scan((frame.image for frame in frames), times=range(3))


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (3, {}, "source is of type int"),
        (np.zeros((8, 8)), {}, r"array \(H, W, 3\) of uint8, got \(8, 8\) float64"),
        ([np.zeros((8, 8, 4), np.uint8)], {}, "array"),
        ([], {}, "0 frames came with 0 times"),
        ([np.zeros((8, 8, 3), np.uint8)] * 2, {"times": [1.0]}, "2 frames came with 1 times"),
        ([np.zeros((8, 8, 3), np.uint8)] * 2, {"times": [1.0, 0.0]}, "ascending order"),
        ("a.mp4", {"times": [1.0]}, "times are for a sequence of frames alone"),
        (io.StringIO("text"), {}, "opened as text"),
    ],
)
def test_a_wrong_call_raises(
    scanner: Scanner, source: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        scanner.scan(source, **options)


def test_what_is_wrong_with_the_medium_is_a_status(scanner: Scanner) -> None:
    statuses = [scanner.scan(source).status for source in (b"no medium", b"", "no such file\0")]
    assert statuses == [Status.UNSUPPORTED, Status.UNREADABLE, Status.UNREADABLE]


def test_several_threads_share_a_scanner(
    judge: Detector, detector: FaceDetector, clip: Path, photograph: Path
) -> None:
    scanner = Scanner(judge, face_detector=detector, frames=12)
    sources = [clip, photograph, photograph.parent / "gone.png"] * 4
    alone = [verdict.to_dict() for verdict in scanner.scan_many(sources)]
    with ThreadPoolExecutor(4) as threads:
        together = [verdict.to_dict() for verdict in threads.map(scanner.scan, sources)]
    assert together == alone


def test_the_function_is_the_scanner(photograph: Path) -> None:
    found = scan(photograph, device="cpu", strict=True)
    assert found.to_dict() == Scanner(device="cpu", strict=True).scan(photograph).to_dict()
    assert len(found.detectors) == 1
    assert repr(found).startswith(f"Verdict({str(photograph)!r}: {found.status}, score 0.")
    with pytest.raises(OptionError, match="sample must be one of"):
        scan(photograph, sample="some")


def test_how_far_a_video_is_can_be_heard(scanner: Scanner, clip: Path) -> None:
    heard: list[tuple[int, int]] = []
    scanner.scan(clip, progress=lambda read, expected: heard.append((read, expected)))
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_detector_at_chance_says_so(
    judge: Detector, detector: FaceDetector, photograph: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    for area, said in ((0.51, 1), (0.9, 0)):
        card = replace(judge.card, metrics={"validation": {"val_auc": area}})
        scanner = Scanner(Detector(judge.network, card), face_detector=detector)
        for source in (photograph, tmp_path / "gone.png"):
            assert len(scanner.scan(source).warnings) == said
