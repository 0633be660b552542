import json
from pathlib import Path

import pytest

from telltrace.data.datasets.crop_lists import read_deepfakebench
from telltrace.data.manifest import ManifestError


def video(label: str, *frames: str, **more: list[str]) -> dict[str, object]:
    return {"label": label, "frames": list(frames), **more}


def written(root: Path, tree: object) -> Path:
    file = root / "set.json"
    file.write_text(json.dumps(tree))
    return file


def test_faceforensics_has_a_level_of_compressions(put, tmp_path: Path, rows) -> None:
    real, fake = "youtube/c23/frames/071/012.png", "Deepfakes\\c23\\frames\\071_054\\3.png"
    mask = "Deepfakes/masks/071_054/3.png"
    put(tmp_path, real, fake.replace("\\", "/"), mask, "raw/071/012.png")
    tree = {
        "FF-DF": {
            "FF-real": {
                "train": {
                    "c23": {"071": video("FF-real", real)},
                    "raw": {"071": video("FF-real", "raw/071/012.png")},
                }
            },
            "FF-DF": {"train": {"c23": {"071_054": video("FF-DF", fake, masks=[mask])}}},
        }
    }
    found = read_deepfakebench(written(tmp_path, tree))
    columns = ("dataset", "label", "method", "compression", "identity", "split", "frame")
    assert rows(found, *columns) == [
        ["FaceForensics++", 0, "real", "c23", "071", "train", 12],
        ["FaceForensics++", 0, "real", "c0", "071", "train", 12],
        ["FaceForensics++", 1, "Deepfakes", "c23", "071+054", "train", 3],
    ]
    assert found["mask"].tolist() == ["", "", str(tmp_path / mask)]
    assert len(read_deepfakebench(tmp_path / "set.json", compressions=["c23"])) == 2


@pytest.fixture
def celeb(put, tmp_path: Path) -> Path:
    names = ["Celeb-real/frames/id0_0003/001.png", "Celeb-synthesis/frames/id0_id16_0003/001.png"]
    put(tmp_path, *names)
    real = {"id0_0003": video("CelebDFv2_real", names[0])}
    fake = {"id0_id16_0003": video("CelebDFv2_fake", names[1])}
    labels = {
        "CelebDFv2_real": {"train": real, "val": real, "test": real},
        "CelebDFv2_fake": {"train": {}, "val": fake, "test": fake},
    }
    return written(tmp_path, {"Celeb-DF-v2": labels})


def test_videos_in_several_splits_are_refused_unless_one_is_chosen(celeb: Path, rows) -> None:
    with pytest.raises(ManifestError, match=r"CelebDFv2_real id0_0003 is in train and in val\."):
        read_deepfakebench(celeb)
    found = read_deepfakebench(celeb, splits=["test"])
    assert rows(found, "dataset", "method", "identity", "split") == [
        ["Celeb-DF-v2", "real", "id0", "test"],
        ["Celeb-DF-v2", "Celeb-synthesis", "id0+id16", "test"],
    ]


def test_frames_may_have_moved(celeb: Path) -> None:
    text = celeb.read_text().replace("Celeb-", "/data/Celeb-")
    celeb.write_text(text.replace('"/data/Celeb-DF', '"Celeb-DF'))
    with pytest.raises(ManifestError, match=r"/data/Celeb-real/.*001\.png is not there.*relocate"):
        read_deepfakebench(celeb, splits=["test"])
    moved = ("/data", str(celeb.parent))
    assert len(read_deepfakebench(celeb, splits=["test"], relocate=moved)) == 2


def test_the_validation_of_the_released_dfdc_file_lacks_a_level(put, tmp_path: Path) -> None:
    put(tmp_path, "test/frames/abc/000.png")
    tree = {"DFDC": {"DFDC_Fake": {"val": video("DFDC_Fake", "test/frames/abc/000.png")}}}
    found = read_deepfakebench(written(tmp_path, tree))
    assert found[["dataset", "method", "video"]].to_numpy().tolist() == [["DFDC", "fake", "abc"]]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([], "is not nested as"),
        ({"DFDC": {"DFDC_Fake": {"test": {"a": 3}}}}, "is not nested as"),
        ({"DFDC": {"DFDC_Fake": {"test": {}}}}, "holds no frames"),
        ({"X": {"X_odd": {"test": {"a": video("X_odd", "a/1.png")}}}}, "neither real nor fake"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, tree: object, message: str) -> None:
    with pytest.raises(ManifestError, match=rf"set\.json: .*{message}"):
        read_deepfakebench(written(tmp_path, tree))
