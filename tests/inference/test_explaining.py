"""`telltrace explain`: pictures and an account of them, and what is said where there is nothing."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from telltrace.checkpoint import Detector
from telltrace.cli import main
from telltrace.errors import MediaError, OptionError, OutputError
from telltrace.faces.detect import FaceDetector
from telltrace.faces.media import at_positions
from telltrace.inference import Scanner
from telltrace.inference.explaining import explain_file, explained_frames
from telltrace.inference.page import scan_page
from telltrace.inference.places import PlaceMap
from telltrace.inference.where import track_in_words

from .conftest import Redness


class Localized(NamedTuple):
    logits: Tensor
    map: Tensor


class RedPlaces(Redness):
    """Redness with a map of where it is."""

    def localize(self, images: Tensor) -> Localized:
        places = F.avg_pool2d(images[:, :1] - images[:, 2:], 4)
        return Localized(self(images), 8 * places)


@pytest.fixture
def red(judge: Detector, detector: FaceDetector) -> Scanner:
    made = Detector(RedPlaces(), judge.card)
    return Scanner(made, face_detector=detector, sample="spread", frames=4, search_every=1)


def test_a_video_gets_pictures_of_each_look_and_an_account(
    red: Scanner, clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    story = explain_file(clip, red, out)
    assert json.loads((out / "explanation.json").read_text()) == story
    assert story["method"] == "map"
    assert (out / story["clip"]).stat().st_size > 1000
    assert "not graded for this detector" in story["trust"]
    (person,) = story["people"]
    assert len(person["looks"]) == 4
    for look in person["looks"]:
        with Image.open(out / look["face"]) as face, Image.open(out / look["picture"]) as frame:
            assert face.size == (128, 64)
            assert frame.size == (320, 300)
            left, right = np.split(np.asarray(face).astype(int), 2, axis=1)
            assert np.abs(left - right).max() > 20
    assert (out / person["average"]).is_file()
    assert sum(share["evidence"] for share in person["regions"].values()) == pytest.approx(
        1, abs=1e-3
    )
    assert person["where"]
    assert 0 < person["highest"] <= 1
    assert person["speaking"]["score"] == pytest.approx(person["score"], abs=1e-6)
    assert {frame["frame"] for frame in person["speaking"]["frames"]} <= {
        look["frame"] for look in person["looks"]
    }


def test_a_second_run_leaves_no_picture_of_the_first(
    red: Scanner, clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    explain_file(clip, red, out, "map")
    (out / "frames" / "frame-999999.png").touch()
    (out / "notes.txt").touch()
    assert "clip" not in explain_file(clip, red, out, "fam")
    assert not (out / "clip.mp4").exists()
    assert not (out / "frames" / "frame-999999.png").exists()
    assert (out / "notes.txt").exists()


def test_a_file_that_would_be_replaced_is_refused(red: Scanner, clip: Path, tmp_path: Path) -> None:
    own = clip.rename(tmp_path / "clip.mp4")
    with pytest.raises(OutputError, match="is in the folder to write to"):
        explain_file(own, red, tmp_path)
    assert own.exists()


def test_the_account_is_there_without_a_clip(
    red: Scanner, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def gone(verdict: object, scanner: object, path: Path) -> bool:
        assert (out / "explanation.json").exists()
        raise MediaError("is gone", path=clip)

    monkeypatch.setattr("telltrace.inference.explaining.write_clip", gone)
    story = explain_file(clip, red, out, "map")
    assert "clip" not in story
    assert "is gone" in story["no_clip"]
    assert json.loads((out / "explanation.json").read_text()) == story


def test_a_frame_that_was_not_asked_for_is_left_out(
    red: Scanner, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict, (detector,) = red.scan(clip), red.detectors
    other = at_positions([face.frame + 1 for face in verdict.faces][:2])
    monkeypatch.setattr("telltrace.inference.explaining.at_positions", lambda indices: other)
    assert [*explained_frames(verdict, detector, "map")] == []


def test_the_page_of_a_scan_says_in_words_which_regions_the_maps_name(
    red: Scanner, clip: Path
) -> None:
    verdict, (detector,) = red.scan(clip), red.detectors
    assert verdict.size is not None
    (track,), shape = verdict.tracks, verdict.size[::-1]
    assert track_in_words(track, detector.crop, shape) in scan_page(verdict, red)
    mouth = np.zeros((16, 16))
    mouth[11:13, 6:10] = 0.9
    faces = tuple(replace(face, map=PlaceMap.of(mouth)) for face in track.faces)
    said = track_in_words(replace(track, faces=faces), detector.crop, shape)
    assert re.match(r"\d+% of the map lies on the mouth", said), said
    blind = tuple(replace(face, map=None) for face in track.faces)
    assert track_in_words(replace(track, faces=blind), detector.crop, shape) == ""


def test_regions_of_a_crop_that_stays_within_the_frame_are_those_of_the_face(
    judge: Detector, detector: FaceDetector, clip: Path
) -> None:
    pixels = judge.card.preprocessing
    card = replace(
        judge.card, preprocessing=replace(pixels, crop=replace(pixels.crop, outside="shift"))
    )
    scanner = Scanner(Detector(RedPlaces(), card), face_detector=detector, sample="spread")
    verdict = scanner.scan(clip)
    (_, (look,)), *_ = explained_frames(verdict, scanner.detectors[0], "map")
    areas = {name: share.area for name, share in look.regions.items()}
    assert areas["eyes"] > 0.01
    assert areas["mouth"] > 0.01


def test_a_dark_map_names_no_region(
    red: Scanner, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telltrace.inference.where.DARK", 1.01)
    (person,) = explain_file(clip, red, tmp_path / "own", "map")["people"]
    assert person["where"].startswith("The detector takes no place for pasted: the highest has")
    (person,) = explain_file(clip, red, tmp_path / "other", "fam")["people"]
    assert person["highest"] == 0  # the gradient of redness is the same everywhere
    assert person["where"] == "The map singles out no part of the face."


def test_the_face_that_is_explained_is_the_face_that_was_scored(red: Scanner, clip: Path) -> None:
    verdict = red.scan(clip)
    (detector,) = red.detectors
    seen = [look for _, looks in explained_frames(verdict, detector, "map") for look in looks]
    assert [look.face.frame for look in seen] == [face.frame for face in verdict.faces]
    scores = detector.score([look.crop for look in seen])
    assert scores.tolist() == pytest.approx([face.score for face in verdict.faces], abs=1e-9)


def test_a_picture_on_its_side_is_explained_upright(
    red: Scanner, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = tmp_path / "turned.png"
    Image.fromarray(np.rot90(astronaut[:300, 100:360]).copy()).save(path)
    verdict = red.scan(path)
    assert verdict.turn
    ((frame, looks),) = explained_frames(verdict, red.detectors[0], "map")
    assert frame.shape == (300, 260, 3)
    score = red.detectors[0].score([looks[0].crop])[0]
    assert score == pytest.approx(verdict.score, abs=1e-9)


def test_nothing_is_drawn_on_faces_without_a_score(
    red: Scanner, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    for name, picture in {"small": astronaut[::8, ::8], "blank": astronaut * 0}.items():
        Image.fromarray(np.ascontiguousarray(picture)).save(tmp_path / f"{name}.png")
        story = explain_file(tmp_path / f"{name}.png", red, tmp_path / name)
        assert story["people"] == []
        assert story["status"] in ("NO_FACE", "FACE_TOO_SMALL")
        assert story["reason"]
        assert story["remedy"]
        assert [file.name for file in (tmp_path / name).iterdir()] == ["explanation.json"]


def test_a_method_that_the_detector_lacks_is_refused_before_anything_is_read(
    red: Scanner, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=r"has no method 'attention'. It has: map, "):
        explain_file(tmp_path / "missing.mp4", red, tmp_path / "out", "attention")
    assert not (tmp_path / "out").exists()


def test_two_detectors_have_no_map_in_common(judge: Detector, detector: FaceDetector) -> None:
    scanner = Scanner([judge, judge], face_detector=detector)
    with pytest.raises(OptionError, match="Maps are of one detector"):
        explain_file("any.png", scanner, Path("out"))


def test_the_command_explains_files(
    tmp_path: Path, astronaut: NDArray[np.uint8], capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "face.png", tmp_path / "out"
    Image.fromarray(astronaut).save(path)
    assert main(["explain", str(path), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "person 1" in said
    story = json.loads((out / "face.png" / "explanation.json").read_text())
    assert story["method"] == "map"
    assert main(["explain", str(path), "--out", str(out), "--method", "residual"]) == 2
    assert "It has: map, gradcam" in capsys.readouterr().err
