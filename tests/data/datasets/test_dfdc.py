import json
from pathlib import Path

import pytest

from telltrace.data.datasets.dfdc import read_dfdc, read_dfdc_preview
from telltrace.data.manifest import ManifestError

PART = {
    "aaa.mp4": {"label": "FAKE", "split": "train", "original": "bbb.mp4"},
    "bbb.mp4": {"label": "REAL", "split": "train"},
    "ccc.mp4": {"label": "FAKE", "split": "train", "original": "zzz.mp4"},
}


@pytest.fixture
def tree(put, tmp_path: Path) -> Path:
    root = tmp_path / "dfdc"
    put(root, *(f"dfdc_train_part_0/{name}" for name in PART), "test/videos/x.mp4", "test/y.mp4")
    (root / "dfdc_train_part_0" / "metadata.json").write_text(json.dumps(PART))
    (root / "test" / "labels.csv").write_text("filename,label\nx.mp4,1\ny.mp4,0\n")
    return root


def test_a_fake_belongs_to_its_original(tree: Path, rows) -> None:
    found = read_dfdc(tree)
    assert rows(found, "label", "method", "video", "identity", "split") == [
        [1, "fake", "aaa", "bbb", "train"],
        [0, "real", "bbb", "bbb", "train"],
        [1, "fake", "ccc", "zzz", "train"],
        [1, "fake", "x", "x", "test"],
        [0, "real", "y", "y", "test"],
    ]


def test_a_listed_video_that_is_gone_stays_listed(tree: Path) -> None:
    (tree / "dfdc_train_part_0" / "bbb.mp4").unlink()
    assert (tree / "dfdc_train_part_0" / "bbb.mp4").as_posix() in set(read_dfdc(tree).path)


def test_wrong_lists_are_refused(tree: Path, put, tmp_path: Path) -> None:
    metadata = tree / "dfdc_train_part_0" / "metadata.json"
    put(tree, "dfdc_train_part_0/new.mp4")
    with pytest.raises(ManifestError, match=r"metadata\.json: knows nothing of new\.mp4 \(1 such"):
        read_dfdc(tree)
    metadata.write_text(json.dumps(PART | {"new.mp4": {"label": "maybe"}}))
    with pytest.raises(ManifestError, match=r"new\.mp4: label must be REAL or FAKE, got 'maybe'"):
        read_dfdc(tree)
    metadata.write_text("{")
    with pytest.raises(ManifestError, match="no readable JSON"):
        read_dfdc(tree)
    metadata.write_text("[]")
    with pytest.raises(ManifestError, match="does not map names"):
        read_dfdc(tree)
    metadata.unlink()
    (tree / "test" / "labels.csv").write_text("name,label\n")
    with pytest.raises(ManifestError, match="lacks the columns filename and label"):
        read_dfdc(tree)
    with pytest.raises(ManifestError, match=r"no metadata\.json and no labels\.csv"):
        read_dfdc(tmp_path / "elsewhere")


def test_the_preview_names_its_people(put, tmp_path: Path, rows) -> None:
    about = {
        "method_A/1/1_A/2_1_A_001.mp4": ("fake", "train", 1, 2),
        "original_videos/1/1_A_001.mp4": ("real", "train", 1, None),
        "original_videos/3/3_A_001.mp4": ("real", "test", "3", None),
    }
    listed = {
        name: {"label": label, "set": part, "target_id": target, "swapped_id": swapped}
        for name, (label, part, target, swapped) in about.items()
    }
    put(tmp_path, *about)
    (tmp_path / "dataset.json").write_text(json.dumps(listed))
    assert rows(read_dfdc_preview(tmp_path), "label", "method", "identity", "split") == [
        [1, "method_A", "1+2", "train"],
        [0, "real", "1", "train"],
        [0, "real", "3", "test"],
    ]
    with pytest.raises(ManifestError, match=r"none of dataset\.json"):
        read_dfdc_preview(tmp_path / "method_A")
