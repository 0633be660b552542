import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit, logit

from telltrace.checkpoint import Calibration, Detector
from telltrace.faces.detect import FaceDetector
from telltrace.faces.media import Status
from telltrace.faces.reader import open_media
from telltrace.inference import Scanner, ScanSettings, Verdict
from telltrace.inference.formats import to_text
from telltrace.inference.pictures import save_picture


def save(path: Path, image: NDArray[np.uint8] | Image.Image) -> Path:
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path)
    return path


def tinted(image: NDArray[np.uint8], red: float, blue: float) -> NDArray[np.uint8]:
    return np.clip(image * np.array([red, 1.0, blue]), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("red", "blue", "verdict"),
    [(1.2, 0.3, Status.FAKE), (0.4, 1.2, Status.REAL), (0.7, 1.0, Status.UNCERTAIN)],
)
def test_a_picture_gets_the_verdict_of_its_face(
    scanner: Scanner,
    astronaut: NDArray[np.uint8],
    tmp_path: Path,
    red: float,
    blue: float,
    verdict: Status,
) -> None:
    found = scanner.scan(save(tmp_path / "face.png", tinted(astronaut, red, blue)))
    assert found.status == found.verdict == verdict
    assert found.kind == "image"
    (face,) = found.faces
    assert face.score == found.score
    assert found.tracks[0].forged == ()  # a picture has no seconds
    left, top, right, bottom = face.box
    assert left < 225 < right and top < 117 < bottom  # noqa: PT018  the known face


def test_a_heavily_compressed_picture_is_not_called_real(
    scanner: Scanner, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    for name, red, blue in (("blue", 0.4, 1.2), ("red", 1.2, 0.3)):
        Image.fromarray(tinted(astronaut, red, blue)).save(tmp_path / f"{name}.jpg", quality=12)
    found = scanner.scan(tmp_path / "blue.jpg")
    assert (found.quality, found.verdict) == (("compressed",), Status.UNCERTAIN)
    assert "looks real, as more forgeries do when so heavily compressed" in found.reason
    assert scanner.scan(tmp_path / "red.jpg").verdict == Status.FAKE


def test_scan_and_predict_agree_to_the_last_bit(scanner: Scanner, clip: Path) -> None:
    judge = scanner.detectors[0]
    crop = judge.card.preprocessing.crop
    found = scanner.scan(clip)
    for frame in open_media(clip, scanner.settings.sampling()):
        (face,) = scanner.face_detector.detect([frame.image])[0]
        by_hand = judge.score(crop.cut(frame.image, face)[None])[0]
        (scanned,) = [f.score for f in found.faces if f.frame == frame.index]
        assert scanned == pytest.approx(by_hand, abs=1e-7)


def test_a_video_is_judged_by_the_mean_logit_of_its_looks(
    judge: Detector, detector: FaceDetector, clip: Path
) -> None:
    found = Scanner(judge, face_detector=detector, sample="all", window=0.3).scan(clip)
    [track] = found.tracks
    scores = np.array([face.score for face in found.faces])
    windows = [sorted(scores[max(0, min(i - 2, 7)) :][:5])[2] for i in range(12)]
    assert found.kind == "video"
    assert (found.frames, found.frames_with_face, len(scores)) == (12, 12, 12)
    assert track.score == found.score == pytest.approx(expit(logit(scores).mean()))
    assert [face.smoothed for face in track.faces] == pytest.approx(windows)


def test_of_two_people_in_a_picture_the_worse_decides(
    scanner: Scanner, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    pair = np.concatenate([tinted(astronaut, 0.5, 1.0), astronaut], 1)
    found = scanner.scan(save(tmp_path / "pair.png", pair))
    assert sorted(str(face.status) for face in found.faces) == ["FAKE", "REAL"]
    assert found.score == max(face.score or 0 for face in found.faces)
    assert found.verdict == Status.FAKE


def test_a_small_face_is_reported_and_not_scored(
    judge: Detector, detector: FaceDetector, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    scanner = Scanner(judge, face_detector=detector, min_face=200)
    found = scanner.scan(save(tmp_path / "face.png", astronaut))
    assert (found.status, found.verdict, found.score) == (Status.FACE_TOO_SMALL, None, None)
    assert [face.score for face in found.faces] == [None]
    assert "smaller than 200 pixels" in found.reason


def bad_files(folder: Path, clip: Path) -> dict[str, tuple[Path, Status]]:
    """One file of each kind that cannot be judged, and the status it must get."""
    folder.mkdir()
    (folder / "text.mp4").write_text("not a video " * 50)
    (folder / "empty.mp4").touch()
    save(folder / "dot.png", Image.new("RGB", (1, 1)))
    save(folder / "plain.png", Image.new("RGB", (300, 200), "grey"))
    Image.new("L", (20000, 20000)).save(folder / "huge.png", compress_level=1)
    os.mkfifo(folder / "pipe.mp4")
    (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    (folder / "half.mp4").write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    return {
        "text": (folder / "text.mp4", Status.UNSUPPORTED),
        "empty": (folder / "empty.mp4", Status.UNREADABLE),
        "dot": (folder / "dot.png", Status.NO_FACE),
        "plain": (folder / "plain.png", Status.NO_FACE),
        "huge": (folder / "huge.png", Status.UNSUPPORTED),
        "pipe": (folder / "pipe.mp4", Status.UNSUPPORTED),
        "gone": (folder / "gone.jpg", Status.UNREADABLE),
        "half": (folder / "half.mp4", Status.UNREADABLE),
    }


def test_what_cannot_be_judged_gets_a_status_a_reason_and_a_remedy(
    scanner: Scanner, clip: Path, tmp_path: Path
) -> None:
    for name, (path, status) in bad_files(tmp_path / "bad", clip).items():
        found = scanner.scan(path)
        assert (found.status, found.verdict, found.score) == (status, None, None), name
        assert found.reason, name
        assert found.remedy, name
        said = to_text([found], scanner).replace("\n", " ")
        assert path.name in said, name


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA", "I;16", "P"])
def test_every_kind_of_picture_is_understood(
    scanner: Scanner, astronaut: NDArray[np.uint8], tmp_path: Path, mode: str
) -> None:
    if mode == "I;16":
        grey = np.asarray(Image.fromarray(astronaut).convert("L")).astype(np.uint16) * 257
        picture = Image.fromarray(grey)
    else:
        picture = Image.fromarray(astronaut).convert(mode)
    found = scanner.scan(save(tmp_path / ("face.jpg" if mode == "CMYK" else "face.png"), picture))
    assert len(found.faces) == 1
    assert found.score is not None


def test_a_damaged_clip_gives_a_partial_verdict(
    scanner: Scanner,
    astronaut: NDArray[np.uint8],
    tmp_path: Path,
    write_clip: Callable[..., Path],
) -> None:
    frames = [np.ascontiguousarray(astronaut[:300, 60 + i : 380 + i]) for i in range(40)]
    path = write_clip(tmp_path / "cut.mkv", frames)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.95)])
    found = scanner.scan(path)
    assert found.status == Status.PARTIAL
    assert found.verdict in (Status.FAKE, Status.REAL, Status.UNCERTAIN)
    assert "in part" in found.reason


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_picture_on_its_side_is_judged_upright(
    scanner: Scanner, astronaut: NDArray[np.uint8], tmp_path: Path, quarters: int
) -> None:
    upright = scanner.scan(save(tmp_path / "face.png", astronaut[:400]))
    laid = scanner.scan(save(tmp_path / "laid.png", np.rot90(astronaut[:400], quarters)))
    assert laid.score == pytest.approx(upright.score)
    [face], [same] = laid.faces, upright.faces
    assert (face.quality, laid.tracks[0].quality) == (("rotated",), ("rotated",))
    assert "rotated" not in same.quality
    left, top, right, bottom = same.box
    expected = {
        1: (top, 512 - right, bottom, 512 - left),
        2: (512 - right, 400 - bottom, 512 - left, 400 - top),
        3: (400 - bottom, left, 400 - top, right),
    }
    assert face.box == pytest.approx(expected[quarters])


def test_a_video_on_its_side_is_judged_upright(
    scanner: Scanner,
    astronaut: NDArray[np.uint8],
    write_clip: Callable[..., Path],
    tmp_path: Path,
) -> None:
    upright = [np.ascontiguousarray(astronaut[:300, 60 - i : 380 - i]) for i in range(12)]
    laid = [np.ascontiguousarray(np.rot90(frame)) for frame in upright]
    found, same = (
        scanner.scan(write_clip(tmp_path / f"{n}.mp4", clip))
        for n, clip in enumerate((laid, upright))
    )
    assert found.score == pytest.approx(same.score, abs=0.02)
    assert found.tracks[0].quality == ("rotated",)
    for a, b in zip(found.faces, same.faces, strict=True):
        left, top, right, bottom = b.box
        assert a.box == pytest.approx((top, 320 - right, bottom, 320 - left), abs=6)


def test_pictures_show_what_was_found(
    scanner: Scanner, clip: Path, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    photograph = save(tmp_path / "face.png", astronaut)
    for source, size in ((photograph, (512, 512)), (clip, (320, 300))):
        save_picture(scanner.scan(source), tmp_path / "new" / "marked.png")
        with Image.open(tmp_path / "new" / "marked.png") as picture:
            assert picture.size == size


def test_a_file_gets_no_more_than_its_time(
    judge: Detector, detector: FaceDetector, clip: Path
) -> None:
    found = Scanner(judge, face_detector=detector, time_limit=1e-6).scan(clip)
    assert (found.status, found.verdict, found.score) == (Status.TIMEOUT, None, None)
    assert "--time-limit" in found.remedy
    patient = Scanner(judge, face_detector=detector, time_limit=600).scan(clip)
    assert patient.verdict is not None


def test_several_detectors_answer_as_one(
    judge: Detector, detector: FaceDetector, clip: Path
) -> None:
    kinder = Detector(judge.network, replace(judge.card, calibration=Calibration(bias=-1.0)))
    alone = [Scanner(one, face_detector=detector).scan(clip) for one in (judge, kinder)]
    both = Scanner([judge, kinder], face_detector=detector).scan(clip)
    [track] = both.tracks
    assert track.scores == pytest.approx([one.score for one in alone])
    assert both.score == pytest.approx(np.mean(track.scores))
    for face, a, b in zip(both.faces, alone[0].faces, alone[1].faces, strict=True):
        assert face.score == pytest.approx(((a.score or 0) + (b.score or 0)) / 2)
    with pytest.raises(ValueError, match="at least one detector"):
        Scanner([], face_detector=detector)


def test_plain_data_and_back(scanner: Scanner, clip: Path, tmp_path: Path) -> None:
    for path in (clip, tmp_path / "nothing.mp4"):
        data = scanner.scan(path).to_dict()
        assert Verdict.from_dict(json.loads(json.dumps(data))).to_dict() == data


def test_verdicts_from_before_two_questions_read(scanner: Scanner, clip: Path) -> None:
    data = scanner.scan(clip).to_dict()
    for track in data["tracks"]:
        del track["throughout"], track["stretch"]
    [track] = Verdict.from_dict(data).tracks
    assert (track.throughout, track.stretch) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sample": "some"}, "sample must be one of adaptive"),
        ({"precision": "int8"}, "precision must be one of"),
        ({"search_every": 0}, "search_every must be at least 1"),
        ({"min_face": -1}, "min_face must not be negative"),
        ({"time_limit": 0}, "time_limit must be positive"),
        ({"sample": "spread", "frames": 2.5}, "counts whole frames"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScanSettings(**wrong)
