from pathlib import Path

import pytest

from telltrace.data.datasets.crop_lists import read_sficonv_lists
from telltrace.data.manifest import ManifestError

NAMES = ["real/c23/071/0004.png", "Deepfakes/c23/071_054/0012.png", "my faces/real/anna_7.png"]


@pytest.fixture
def tree(put, tmp_path: Path) -> Path:
    put(tmp_path, *NAMES)
    (tmp_path / "train.txt").write_text(f"{NAMES[0]} 0\n{NAMES[1]} 1\n\n")
    (tmp_path / "valid.txt").write_text(f"{NAMES[2]} 0\n")
    return tmp_path


def test_a_line_is_a_crop(tree: Path, rows) -> None:
    found = read_sficonv_lists(tree, name="mine")
    columns = ("label", "method", "compression", "video", "split", "frame")
    assert rows(found, *columns) == [
        [0, "real", "c23", "071", "train", 4],
        [1, "Deepfakes", "c23", "071_054", "train", 12],
        [0, "real", "", "anna", "val", 7],
    ]
    assert set(found.dataset) == {"mine"}
    alone = read_sficonv_lists(tree / "train.txt")
    assert set(alone.split) == {""}
    assert set(alone.dataset) == {"train"}
    assert read_sficonv_lists(tree, splits=["val"]).video.tolist() == ["anna"]


def test_lists_written_elsewhere_are_read(tree: Path, tmp_path: Path) -> None:
    (tree / "test.txt").write_text(f"/data/faces/{NAMES[1]} 1\n")
    with pytest.raises(
        ManifestError, match=r"test\.txt: line 1: /data/.* is not there\. .*relocate"
    ):
        read_sficonv_lists(tree, splits=["test"])
    found = read_sficonv_lists(tree, splits=["test"], relocate=("/data/faces", str(tmp_path)))
    assert Path(found.path[0]).is_file()


@pytest.mark.parametrize("line", ["a.png", "a.png 2", "a.png,1", "1"])
def test_a_line_that_is_no_entry_is_an_error(tree: Path, line: str) -> None:
    (tree / "train.txt").write_text(f"\n{line}\n")
    with pytest.raises(ManifestError, match=r"train\.txt: line 2: expected PATH LABEL, got"):
        read_sficonv_lists(tree)


def test_missing_lists_and_doubles_are_named(tree: Path) -> None:
    with pytest.raises(ManifestError, match=r"test\.txt: is not a file"):
        read_sficonv_lists(tree, splits=["test"])
    with pytest.raises(ManifestError, match=r"train\.txt: is not a file"):
        read_sficonv_lists(tree / "real")
    (tree / "test.txt").write_text(f"{NAMES[0]} 0\n")
    with pytest.raises(ManifestError, match="stands in an earlier row"):
        read_sficonv_lists(tree)
