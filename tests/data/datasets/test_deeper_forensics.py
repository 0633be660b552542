from pathlib import Path

import pytest

from telltrace.data.datasets.video_sets import read_deeper_forensics
from telltrace.data.manifest import ManifestError


@pytest.fixture
def tree(put, tmp_path: Path) -> Path:
    root = tmp_path / "deeper"
    put(root, "manipulated_videos/end_to_end/000_M101.mp4", "target_videos/000.mp4")
    put(root, "manipulated_videos/end_to_end_level_1/000_M101.mp4", "target_videos/999.mp4")
    put(root, "source_videos/M101/light_up/M101_light_up_happy_camera_up.mp4")
    put(root, "lists/splits/train.txt", "manipulated_videos/end_to_end/001_W002.mp4")
    (root / "lists" / "splits" / "train.txt").write_text("000_M101.mp4\n")
    (root / "lists" / "splits" / "test.txt").write_text("001_W002.mp4\n")
    return root


def test_reals_are_the_targets_and_not_the_actors(tree: Path, rows) -> None:
    found = read_deeper_forensics(tree)
    assert rows(found, "label", "method", "video", "identity", "split") == [
        [0, "real", "000", "000", "train"],
        [1, "end_to_end", "000_M101", "000+M101", "train"],
        [1, "end_to_end", "001_W002", "001+W002", "test"],
        [1, "end_to_end_level_1", "000_M101", "000+M101", "train"],
    ]


def test_variants_can_be_chosen(tree: Path, tmp_path: Path) -> None:
    found = read_deeper_forensics(tree, methods=["end_to_end"])
    assert found.video.tolist() == ["000", "000_M101", "001_W002"]
    with pytest.raises(ManifestError, match="Choose methods out of end_to_end, end_to_end_l"):
        read_deeper_forensics(tree, methods=["end-to-end"])
    with pytest.raises(ManifestError, match="none of manipulated_videos"):
        read_deeper_forensics(tmp_path)


def test_a_target_in_two_splits_is_refused(tree: Path) -> None:
    (tree / "lists" / "splits" / "val.txt").write_text("000_W002.mp4\n")
    with pytest.raises(ManifestError, match=r"target 000 is in train and, as 000_W002, in val"):
        read_deeper_forensics(tree)
