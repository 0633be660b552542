import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from skimage.data import astronaut

from telltrace.cli import main
from telltrace.data import Prepared
from telltrace.data.cropping import crop_media
from telltrace.data.crops import check_cut, prepared_crop
from telltrace.data.datasets.folder import read_folder
from telltrace.data.extraction import medium_folder
from telltrace.data.manifest import ManifestError, read_manifest
from telltrace.faces.align import FaceCrop
from telltrace.faces.detect import create_face_detector
from telltrace.faces.media import Sampling
from telltrace.faces.reader import open_media

RECIPES = Path(__file__).parents[2] / "recipes" / "data"
CROP, SAMPLING = FaceCrop(64), Sampling("spread", 4)


def run(media: Path | pd.DataFrame, out: Path, **options: object) -> Prepared:
    listed = read_folder(media) if isinstance(media, Path) else media
    return crop_media(listed, out, CROP, SAMPLING, **({"workers": 0} | options))


def written(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in ("manifest.csv", "failures.csv")}


@pytest.fixture(scope="session")
def prepared(media_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Prepared]:
    out = tmp_path_factory.mktemp("prepared")
    return out, run(media_folder, out)


def test_every_medium_is_accounted_for(prepared: tuple[Path, Prepared]) -> None:
    out, done = prepared
    assert (done.media, done.failures, done.partial, done.reused) == (11, 2, 0, 0)
    assert (done.frames_read, done.frames_with_face) == (9 * 4 - 3 + 4, 9 * 4 - 3)
    assert len(done.manifest) == 33
    failures = pd.read_csv(out / "failures.csv")
    assert [Path(p).name for p in failures.path] == ["broken.mp4", "scenery.mp4"]
    assert failures.status[1] == "NO_FACE"
    assert failures.reason[1] == "shows no face in 4 frames"
    assert not failures[["path", "status", "reason", "remedy"]].isna().any(axis=None)
    assert failures[["method", "label", "video"]].isna().sum().sum() == 0
    about = json.loads((out / "prepare.json").read_text())
    assert (about["failures"], about["frames_read"], about["crop"]["size"]) == (2, 37, 64)
    assert prepared_crop(out / "manifest.csv") == CROP
    assert not (out / ".unfinished").exists()
    assert "33 crops; a face in 33 of 37 frames (89.19%)" in str(done)


def test_crops_are_the_pixels_that_the_detector_and_the_cut_give(
    prepared: tuple[Path, Prepared], media_folder: Path
) -> None:
    table = read_manifest(prepared[0] / "manifest.csv")
    pd.testing.assert_frame_equal(table, prepared[1].manifest)
    rows = table[(table.video == "f2") & (table.label == 1)]
    frames = list(open_media(media_folder / "fake" / "f2.mp4", SAMPLING))
    found = create_face_detector().detect([frame.image for frame in frames])
    assert rows.frame.tolist() == [frame.index for frame in frames]
    assert rows.time.tolist() == pytest.approx([frame.time for frame in frames], abs=1e-6)
    for row, frame, faces in zip(rows.itertuples(), frames, found, strict=True):
        assert np.array_equal(np.asarray(Image.open(row.path)), CROP.cut(frame.image, faces[0]))
        assert np.allclose(np.array(row.box.split(), float), faces[0].box, atol=0.006)
        landmarks = np.array(row.landmarks.split(), float).reshape(5, 2)
        assert np.allclose(landmarks, faces[0].landmarks, atol=0.006)


def test_the_face_is_followed_as_it_moves(prepared: tuple[Path, Prepared]) -> None:
    table = prepared[1].manifest
    lefts = [float(box.split()[0]) for box in table.box[table.video == "r0"]]
    assert np.all(np.diff(lefts) < -1)  # the window moves right, the face in it left


def test_workers_do_not_change_a_byte(
    prepared: tuple[Path, Prepared], media_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "aside" / "out"  # another depth changes relative paths of the failures only
    done = run(media_folder, out, workers=2)
    assert (out / "manifest.csv").read_bytes() == (prepared[0] / "manifest.csv").read_bytes()
    assert (out / "prepare.json").read_bytes() == (prepared[0] / "prepare.json").read_bytes()
    for one, other in zip(done.manifest.path, prepared[1].manifest.path, strict=True):
        assert Path(one).read_bytes() == Path(other).read_bytes()


def test_a_second_run_does_nothing_and_says_so(
    prepared: tuple[Path, Prepared], media_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(prepared[0], out)
    crops = {p: p.stat().st_mtime_ns for p in out.rglob("*.png")}
    again = run(media_folder, out)
    assert again.reused == 10  # all but broken.mp4, which is tried again
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*.png")} == crops
    pd.testing.assert_frame_equal(
        again.manifest.drop(columns="path"), prepared[1].manifest.drop(columns="path")
    )


def test_crops_of_other_settings_are_not_replaced(
    prepared: tuple[Path, Prepared], media_folder, tmp_path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(prepared[0], out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    one = read_folder(media_folder).query("video == 'r1'")
    with pytest.raises(ValueError, match=r"out: holds crops of other settings \(crop .*'size': 40"):
        crop_media(one, out, FaceCrop(40), SAMPLING, workers=0)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_labels_and_splits_may_change_without_new_crops(
    prepared: tuple[Path, Prepared], media_folder, tmp_path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(prepared[0], out)
    one = read_folder(media_folder).query("video == 'r1'").assign(split="val")
    done = run(one, out)
    assert done.reused == 1
    assert set(done.manifest.split) == {"val"}


def test_a_deleted_crop_is_made_again(prepared: tuple[Path, Prepared], media_folder, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(prepared[0], out)
    lost = next(out.rglob("r2/*.png"))
    content = lost.read_bytes()
    lost.unlink()
    one = read_folder(media_folder).query("video in ('r1', 'r2')")
    assert run(one, out).reused == 1
    assert lost.read_bytes() == content


def test_pictures_of_hff_are_resized_and_no_face_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("telltrace.data.extract._detector", None)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 300, 280, 3), np.uint8)
    for folder, picture in zip(("test/CelebA", "test/PGGAN"), pixels, strict=True):
        (tmp_path / "HFF" / folder).mkdir(parents=True)
        Image.fromarray(picture).save(tmp_path / "HFF" / folder / "1.png")
    config, out = str(RECIPES / "hff.yaml"), tmp_path / "out"
    call = ["prepare", "--config", config, str(tmp_path / "HFF"), "--out", str(out)]
    assert main([*call, "--workers", "0"]) == 0
    assert "2 crops; 2 whole pictures, in which no face was looked for" in capsys.readouterr().out
    table = read_manifest(out / "manifest.csv")
    assert (
        table[["split", "frame", "box", "landmarks", "square"]].values.tolist()
        == [["test", 0, "", "", ""]] * 2
    )
    assert table.confidence.isna().all()
    for path, picture in zip(table.path, pixels, strict=True):
        shown = cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA)
        assert np.array_equal(np.asarray(Image.open(path)), shown)
    about = json.loads((out / "prepare.json").read_text())
    assert (about["face_detector"], about["frames_with_face"]) == (None, 0)
    whole = FaceCrop(alignment="whole")
    assert prepared_crop(out / "manifest.csv") == whole
    with pytest.raises(ManifestError, match="the detector wants"):
        check_cut(whole, FaceCrop())
    again = main([*call, "--workers", "0"])
    assert (again, "(2 from an earlier run" in capsys.readouterr().out) == (0, True)


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_says_how_faces_are_cut(recipe: Path) -> None:
    settings = yaml.safe_load(recipe.read_text())
    assert "margin" in settings or settings["alignment"] == "whole"


def test_everybody_in_the_picture(tmp_path: Path) -> None:
    photograph = astronaut()[0:208, 100:340]
    pair = np.concatenate([photograph, photograph[:, ::-1]], axis=1)
    (tmp_path / "real").mkdir()
    Image.fromarray(pair).save(tmp_path / "real" / "pair.png")
    both = run(tmp_path, tmp_path / "all", faces="all").manifest
    one = run(tmp_path, tmp_path / "one").manifest
    assert [Path(p).name for p in both.path] == ["000000_0.png", "000000_1.png"]
    assert [Path(p).name for p in one.path] == ["000000.png"]
    assert one.box[0] == both.box[0] != both.box[1]


def test_a_damaged_clip_gives_what_can_be_read(tmp_path: Path, clip) -> None:
    whole = clip(tmp_path / "whole.avi", frames=30).read_bytes()
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "cut.avi").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    done = run(tmp_path, out)
    assert (done.failures, done.partial) == (0, 1)
    assert 0 < len(done.manifest) <= 4
    assert pd.read_csv(out / "failures.csv").status.tolist() == ["PARTIAL"]


def test_without_one_face_there_is_no_manifest(tmp_path: Path, clip) -> None:
    clip(tmp_path / "real" / "scenery.mp4", face=False)
    listed = read_folder(tmp_path)
    missing = listed.assign(path=str(tmp_path / "gone.mp4"), video="gone")
    both = pd.concat([missing, listed], ignore_index=True)
    with pytest.raises(ValueError, match=r"not one of 2 media gave a face.*gone\.mp4"):
        run(both, tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.csv").exists()
    assert len(pd.read_csv(tmp_path / "out" / "failures.csv")) == 2


def test_duplicates_and_crops_are_refused(tmp_path: Path) -> None:
    twice = pd.DataFrame({"path": ["a/1.mp4", "b/1.mp4"], "label": 0, "dataset": "d"})
    with pytest.raises(ManifestError, match=r"d/real//1 is listed twice.*b/1\.mp4"):
        run(twice, tmp_path)
    crop = pd.DataFrame({"path": ["a.png"], "label": 0, "frame": 3})
    with pytest.raises(ManifestError, match=r"a\.png is a face crop already"):
        run(crop, tmp_path)


def test_folders_of_media_never_meet() -> None:
    names = ["a/b", "a_b", "a", "..", "", "_", "A b+c", "ä", "a" * 300, "a" * 301, ".a"]
    folders = [medium_folder("d", "m", "c", name) for name in names]
    assert len(set(folders)) == len(names)
    assert all(len(folder.parts) == 5 and len(folder.name) < 120 for folder in folders)
    assert not any(part in {".", ".."} for folder in folders for part in folder.parts)


def test_progress_is_told(
    tmp_path: Path, clip, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip(tmp_path / "real" / "a.mp4")
    monkeypatch.setattr("telltrace.jobs.progress.LINE_EVERY", 0.0)
    with caplog.at_level("INFO", "telltrace"):
        run(tmp_path, tmp_path / "out")
    assert caplog.messages[0].startswith("Preparing: 1 of 1 media")


def test_crops_of_unknown_origin_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"prepare\.json: is missing"):
        prepared_crop(tmp_path / "manifest.csv")
