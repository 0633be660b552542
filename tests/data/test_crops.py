from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from telltrace.cli import main
from telltrace.data.crops import Faces, check_cut, crop_face, prepared_crop, read_crops
from telltrace.data.manifest import check_manifest, write_manifest
from telltrace.errors import ManifestError
from telltrace.faces.align import FaceCrop
from telltrace.faces.detect import Face
from telltrace.files.pictures import read_crop


@pytest.fixture
def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((400, 300), Image.Resampling.BICUBIC))


def prepared(picture: np.ndarray, face: Face, crop: FaceCrop, folder: Path) -> pd.DataFrame:
    """A row as `prepare` writes it."""
    path = folder / "crop.png"
    Image.fromarray(crop.cut(picture, face)).save(path)
    row = {
        "path": str(path),
        "box": " ".join(f"{v:.2f}" for v in face.box),
        "landmarks": " ".join(f"{v:.2f}" for v in face.landmarks.ravel()),
        "square": " ".join(map(str, crop.square(face, picture.shape[:2]))),
    }
    return pd.DataFrame([row])


@pytest.mark.parametrize("left", [150.0, 2.0, 330.0])
def test_a_wide_crop_cut_again_is_the_crop_that_a_scan_cuts(
    picture: np.ndarray, left: float, tmp_path: Path
) -> None:
    face = Face((left, 90.0, left + 64, 160.0), np.full((5, 2), left + 30, np.float32), 1.0)
    wide, wanted = FaceCrop(size=112, margin=1.6), FaceCrop(size=64, margin=1.2)
    faces = Faces(prepared(picture, face, wide, tmp_path), [wide])
    again, scanned = faces.cut(0, wanted), wanted.cut(picture, face)
    inner = np.abs(again.astype(float) - scanned)
    assert again.shape == (64, 64, 3)
    assert inner.mean() < 6  # twice resampled, of a picture that spans the whole range


def test_the_same_cut_gives_the_same_bytes(picture: np.ndarray, tmp_path: Path) -> None:
    face = Face((100.0, 90.0, 160.0, 160.0), np.full((5, 2), 120, np.float32), 1.0)
    crop = FaceCrop(size=64)
    faces = Faces(prepared(picture, face, crop, tmp_path), [crop])
    np.testing.assert_array_equal(faces.cut(0, replace(crop)), crop.cut(picture, face))


def test_a_crop_that_is_too_tight_is_shown_whole(picture: np.ndarray, tmp_path: Path) -> None:
    face = Face((100.0, 90.0, 160.0, 160.0), np.full((5, 2), 120, np.float32), 1.0)
    tight = FaceCrop(size=64, margin=1.0)
    faces = Faces(prepared(picture, face, tight, tmp_path), [tight])
    np.testing.assert_array_equal(faces.cut(0, FaceCrop(size=64, margin=1.5)), faces.image(0))


def test_where_the_face_is_in_its_crop(picture: np.ndarray, tmp_path: Path) -> None:
    face = Face((0.0, 90.0, 60.0, 150.0), np.full((5, 2), 30, np.float32), 1.0)
    crop = FaceCrop(size=96, margin=1.6)  # reaches beyond the left edge, so it is shifted
    table = prepared(picture, face, crop, tmp_path)
    placed = crop_face(table.to_dict("records")[0], crop)
    assert placed.box == pytest.approx((0, 18, 60, 78))
    assert placed.landmarks[0].tolist() == pytest.approx([30, -42])


def test_crops_of_other_alignments_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    check_cut(FaceCrop(margin=2.0), FaceCrop())
    assert not caplog.messages
    check_cut(FaceCrop(), FaceCrop(margin=2.0))
    assert caplog.messages == [
        "the crops have margin 1.3, the detector learnt from 2: it sees faces too near"
    ]
    with pytest.raises(ValueError, match="the detector wants"):
        check_cut(FaceCrop(alignment="similarity"), FaceCrop())
    with pytest.raises(ValueError, match="the detector wants"):
        check_cut(FaceCrop(margin=2.0), FaceCrop(size=224, alignment="ispl"))


def test_a_crop_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"no picture")
    for name, reason in (("no.png", "is no readable picture"), ("gone.png", "cannot be read")):
        with pytest.raises(ValueError, match=f"{name}: {reason}"):
            read_crop(str(tmp_path / name))


@pytest.mark.parametrize("command", ["train --manifest", "predict", "robustness default"])
def test_a_missing_prepare_json_is_named_with_what_to_do(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"path": [str(tmp_path / "a.png")], "label": 0, "video": "a", "frame": 0}
    write_manifest(check_manifest(pd.DataFrame(row)), tmp_path / "m.csv")
    assert main([*command.split(), f"{tmp_path / 'm.csv'}", "--out", f"{tmp_path / 'x.csv'}"]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path / 'prepare.json'}: is missing" in said
    (tmp_path / "prepare.json").write_text("{")
    with pytest.raises(ManifestError, match=r"prepare\.json: does not say how crops were cut"):
        prepared_crop(tmp_path / "manifest.csv")
    assert "`telltrace pack --size --margin --alignment` and use the pack" in said


def test_crops_without_prepare_json_are_read_where_their_cut_is_given(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "own.csv").write_text("path,label\na.png,real\n")
    with pytest.raises(ManifestError, match=r"prepare\.json: is missing.*--margin"):
        read_crops([tmp_path / "own.csv"])
    call = ["pack", str(tmp_path / "own.csv"), str(tmp_path / "own.pack")]
    assert main([*call, "--size", "40", "--margin", "1.5"]) == 0
    table, crop = read_crops([tmp_path / "own.pack"])
    assert (crop, table.label.tolist()) == (FaceCrop(40, 1.5), [0])
