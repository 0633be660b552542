"""A sealed report agrees with its file, and with no other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from telltrace.checkpoint import Detector
from telltrace.errors import MediaError
from telltrace.evidence.seal import PARTS, Check, seal
from telltrace.faces.detect import FaceDetector
from telltrace.inference import Scanner
from telltrace.inference.custody import seal_scan, verify_report


@pytest.fixture
def build(judge: Detector, detector: FaceDetector) -> Callable[..., Scanner]:
    judge.sha256 = "a" * 64
    return lambda **settings: Scanner(judge, face_detector=detector, **settings)


@pytest.fixture
def sealed(clip: Path, build: Callable[..., Scanner], tmp_path: Path) -> Path:
    scanner = build(sample="spread", frames=4, search_every=1)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(seal_scan(scanner.scan(clip), scanner)))
    return path


def differing(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if check.agrees is False]


def test_an_untouched_file_agrees_in_everything(
    sealed: Path, clip: Path, build: Callable[..., Scanner]
) -> None:
    checks = verify_report(sealed, clip, build)
    assert [check for check in checks if not check.agrees] == []
    names = [check.name for check in checks]
    assert names == [
        *(f"report: {part}" for part in PARTS),
        "seal",
        "file",
        "frames",
        "versions",
        "thresholds",
        "verdict",
        "people",
        "provenance",
    ]
    assert "4 of 4 judged frames" in next(c.said for c in checks if c.name == "frames")


def test_the_report_names_no_folder_and_is_the_same_elsewhere(
    sealed: Path, clip: Path, build: Callable[..., Scanner], tmp_path: Path
) -> None:
    assert str(tmp_path) not in sealed.read_text()
    (tmp_path / "elsewhere").mkdir()
    copy = tmp_path / "elsewhere" / clip.name
    copy.write_bytes(clip.read_bytes())
    scanner = build(sample="spread", frames=4, search_every=1)
    assert json.dumps(seal_scan(scanner.scan(copy), scanner)) == sealed.read_text()


def test_a_changed_file_is_refused_and_its_frames_named(
    sealed: Path,
    clip: Path,
    build: Callable[..., Scanner],
    write_clip: Callable[..., Path],
    astronaut: NDArray[np.uint8],
    tmp_path: Path,
) -> None:
    frames = [np.ascontiguousarray(astronaut[:300, 60 - i : 380 - i]) for i in range(12)]
    frames[4] = np.ascontiguousarray(frames[4][:, ::-1])
    other = write_clip(tmp_path / "other.mp4", frames)
    checks = verify_report(sealed, other, build)
    assert differing(checks) == ["file", "frames"]
    assert "not judged again" in checks[-1].said


def test_added_bytes_leave_the_frames_as_they_were(
    sealed: Path, clip: Path, build: Callable[..., Scanner], tmp_path: Path
) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(clip.read_bytes() + b"\0\0\0\x10free" + bytes(8))
    assert differing(verify_report(sealed, copy, build)) == ["file"]


def test_a_report_that_was_changed_is_refused(
    sealed: Path, clip: Path, build: Callable[..., Scanner]
) -> None:
    report = json.loads(sealed.read_text())
    report["verdict"]["verdict"] = report["verdict"]["status"] = "REAL"
    sealed.write_text(json.dumps(report))
    assert differing(verify_report(sealed, None, build)) == ["report: verdict"]
    assert differing(verify_report(sealed, clip, build)) == ["report: verdict"]


def test_a_report_that_was_sealed_anew_is_refused_by_judging_again(
    sealed: Path, clip: Path, build: Callable[..., Scanner]
) -> None:
    report = json.loads(sealed.read_text())
    report["verdict"] |= {"score": 0.01, "provenance": [{"kind": "source.camera", "said": "x"}]}
    sealed.write_text(json.dumps(seal({name: report[name] for name in PARTS})))
    assert differing(verify_report(sealed, None, build)) == []
    assert differing(verify_report(sealed, clip, build)) == ["verdict", "provenance"]


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [("status", "REAL", "people"), ("score", 0.0, "people"), ("errors", "1 of 80", "people")],
)
def test_what_a_resealed_report_says_of_a_person_is_compared(
    name: str, value: Any, wrong: str, sealed: Path, clip: Path, build: Callable[..., Scanner]
) -> None:
    report = json.loads(sealed.read_text())
    report["verdict"]["tracks"][0][name] = value
    sealed.write_text(json.dumps(seal({name: report[name] for name in PARTS})))
    assert differing(verify_report(sealed, clip, build)) == [wrong]


def test_resealed_thresholds_differ_and_other_versions_are_named(
    sealed: Path, clip: Path, build: Callable[..., Scanner]
) -> None:
    report = json.loads(sealed.read_text())
    report["settings"]["thresholds"]["fake_from"] = 0.1
    sealed.write_text(json.dumps(seal({name: report[name] for name in PARTS})))
    assert differing(verify_report(sealed, clip, build)) == ["thresholds"]
    report["versions"]["telltrace"] = "0"
    sealed.write_text(json.dumps(seal({name: report[name] for name in PARTS})))
    checks = verify_report(sealed, clip, build)
    assert [c.name for c in checks if c.agrees is None] == ["versions", "thresholds"]
    assert "sealed with telltrace 0" in next(c.said for c in checks if c.name == "versions")


def test_another_detector_judges_nothing_again(
    sealed: Path, clip: Path, build: Callable[..., Scanner], judge: Detector
) -> None:
    judge.sha256 = "b" * 64
    checks = verify_report(sealed, clip, build)
    assert checks[-1].agrees is None
    assert "--checkpoint" in checks[-1].said


def test_a_picture_without_a_face_can_be_sealed(
    build: Callable[..., Scanner], tmp_path: Path
) -> None:
    scanner, path = build(), tmp_path / "grey.png"
    Image.new("RGB", (64, 64), "grey").save(path)
    report = seal_scan(scanner.scan(path), scanner)
    assert (report["verdict"]["status"], report["frames"]) == ("NO_FACE", [])


def test_what_is_gone_or_changed_meanwhile_cannot_be_sealed(
    build: Callable[..., Scanner], tmp_path: Path
) -> None:
    scanner, path = build(), tmp_path / "grey.png"
    Image.new("RGB", (64, 64), "grey").save(path)
    verdict = scanner.scan(path)
    Image.new("RGB", (64, 64), "black").save(path)
    with pytest.raises(MediaError, match="is not the file that was judged"):
        seal_scan(verdict, scanner)
    with pytest.raises(MediaError, match="is not the file that was judged"):
        seal_scan(scanner.scan(path.read_bytes()), scanner)


@pytest.mark.parametrize(("name", "value"), [("frames", "many"), ("batch_size", 2.5)])
def test_settings_that_no_scan_has_are_refused_and_not_obeyed(
    name: str, value: object, sealed: Path, clip: Path, build: Callable[..., Scanner]
) -> None:
    report: dict[str, Any] = json.loads(sealed.read_text())
    report["settings"][name] = value
    sealed.write_text(json.dumps(seal({name: report[name] for name in PARTS})))
    (wrong,) = [c for c in verify_report(sealed, clip, build) if c.agrees is False]
    assert "settings" in wrong.said
