"""Masks: made here, white where a moving square was forged, and cut like the face they lie on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from skimage.data import astronaut

from telltrace.data import Prepared
from telltrace.data.cropping import crop_media
from telltrace.data.extract import CutFace, cut_masks
from telltrace.data.manifest import read_manifest
from telltrace.faces.align import FaceCrop
from telltrace.faces.detect import Face
from telltrace.faces.media import MediaError, Sampling
from telltrace.faces.reader import open_media

SAMPLING = Sampling("spread", 3)


def mask_pictures(frames: int, height: int = 208, width: int = 240) -> list[np.ndarray]:
    """A white square that moves right by 8 pixels a frame, over black."""
    pictures = [np.zeros((height, width, 3), np.uint8) for _ in range(frames)]
    for number, picture in enumerate(pictures):
        picture[60:120, 60 + 8 * number : 120 + 8 * number] = 255
    return pictures


@pytest.fixture
def media(clip, write_clip, tmp_path: Path) -> pd.DataFrame:
    """A real clip and a fake one, of which the mask is known."""
    paths = [str(clip(tmp_path / f"{name}.mp4")) for name in ("real", "fake")]
    mask = write_clip(tmp_path / "mask.mp4", mask_pictures(6))
    return pd.DataFrame(
        {"path": paths, "label": [0, 1], "dataset": "d", "mask": ["", str(mask)]},
    )


def run(media: pd.DataFrame, out: Path, **options: object) -> Prepared:
    crop = options.pop("crop", FaceCrop(64))
    return crop_media(media, out, crop, SAMPLING, workers=0, **options)


@pytest.mark.parametrize("alignment", ["box", "similarity"])
def test_a_mask_is_cut_like_its_face(media, tmp_path: Path, alignment: str) -> None:
    crop = FaceCrop(96, alignment=alignment)
    run(media, tmp_path / "out", crop=crop)
    table = read_manifest(tmp_path / "out" / "manifest.csv")
    assert (table["mask"] != "").tolist() == [False] * 3 + [True] * 3
    truth = mask_pictures(6)
    for row in table[table.label == 1].itertuples():
        left, top, right, bottom = map(float, row.box.split())
        landmarks = np.array(row.landmarks.split(), np.float32).reshape(5, 2)
        expected = crop.cut(truth[row.frame], Face((left, top, right, bottom), landmarks, 1.0))
        with Image.open(row.mask) as picture:
            assert (picture.mode, picture.format) == ("L", "PNG")
            mask = np.asarray(picture)
        assert mask.shape == (96, 96)
        assert 0.05 < (mask > 127).mean() < 0.95
        assert ((mask > 127) != (expected[..., 0] > 127)).mean() < 0.01  # compression's edge


def test_the_mask_is_lossless_and_the_frame_is_the_same(media, tmp_path: Path) -> None:
    done = run(media, tmp_path / "out").manifest
    masks = list(open_media(media["mask"][1], SAMPLING))
    faces = done[done.label == 1]
    for row, frame in zip(faces.itertuples(), masks, strict=True):
        left, top, right, bottom = map(float, row.box.split())
        face = Face((left, top, right, bottom), np.zeros((5, 2), np.float32), 1.0)
        expected = FaceCrop(64).cut(frame.image, face)[..., 0]
        assert np.array_equal(np.asarray(Image.open(row.mask)), expected)


def test_a_mask_that_appears_or_changes_is_cut_anew(media, tmp_path: Path) -> None:
    out = tmp_path / "out"
    without = run(media.assign(mask=""), out).manifest
    assert (without["mask"] == "").all()
    assert run(media, out).reused == 1
    assert run(media, out).reused == 2
    lost = next(out.rglob("*.mask.png"))
    content = lost.read_bytes()
    lost.unlink()
    assert run(media, out).reused == 1
    assert lost.read_bytes() == content
    Path(media["mask"][1]).touch()
    assert run(media, out).reused == 1
    assert run(media.assign(mask=""), out).reused == 1
    assert not list(out.rglob("*.mask.png"))


def test_a_short_mask_is_told(media, write_clip, tmp_path: Path) -> None:
    write_clip(tmp_path / "mask.mp4", mask_pictures(2))
    done = run(media, tmp_path / "out")
    assert (done.partial, len(done.manifest)) == (1, 6)
    assert (done.manifest["mask"] != "").sum() == 1
    failure = pd.read_csv(tmp_path / "out" / "failures.csv").iloc[0]
    assert failure.status == "PARTIAL"
    assert "mask.mp4 has no frame for 2 of 3 crops" in failure.reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [("shape", "is 240x100 pixels where its medium is 240x208"), ("gone", "does not exist")],
)
def test_a_mask_of_no_use_is_told(media, write_clip, tmp_path: Path, content, reason) -> None:
    (tmp_path / "mask.mp4").unlink()
    if content == "shape":
        write_clip(tmp_path / "mask.mp4", mask_pictures(6, height=100))
    done = run(media, tmp_path / "out")
    assert (done.manifest["mask"] == "").all()
    failure = pd.read_csv(tmp_path / "out" / "failures.csv").iloc[0]
    assert reason in failure.reason
    assert "(3 of 3 crops are without)" in failure.reason


def test_a_picture_has_a_picture_as_its_mask(tmp_path: Path) -> None:
    for name, picture in (("a", astronaut()), ("mask", np.full((256, 256), 200, np.uint8))):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")  # the mask is half as large
    paths = {"path": [str(tmp_path / "a.png")], "mask": [str(tmp_path / "mask.png")]}
    done = run(pd.DataFrame(paths | {"label": [1]}), tmp_path / "out", faces="all")
    assert len(done.manifest) == 1
    assert set(np.asarray(Image.open(done.manifest["mask"][0])).ravel().tolist()) == {200}


def test_nothing_is_decoded_beyond_the_last_crop(monkeypatch) -> None:
    class Endless:
        def __iter__(self):
            for index, picture in enumerate(mask_pictures(3)):
                assert index < 2
                yield type("Frame", (), {"image": picture, "index": index})

    monkeypatch.setattr("telltrace.data.extract.open_media", lambda *_: Endless())
    face = Face((50.0, 50.0, 130.0, 130.0), np.zeros((5, 2), np.float32), 1.0)
    found = dict(cut_masks("m", [CutFace(1, face, (208, 240))] * 2, FaceCrop(32)))
    assert sorted(found) == [0, 1]
    with pytest.raises(MediaError, match="240x208 pixels where its medium is 100x100"):
        list(cut_masks("m", [CutFace(1, face, (100, 100))], FaceCrop(32)))
