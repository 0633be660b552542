from pathlib import Path

import pytest

from telltrace.data.datasets.folder import read_folder
from telltrace.errors import ManifestError


def test_folders_name_the_class_and_the_person(put, tmp_path: Path) -> None:
    put(tmp_path / "mine", "real/b.png", "real/anna/1.mp4", "fake/anna/1.mp4", "fake/x/y/2.jpg")
    found = read_folder(tmp_path / "mine")
    assert found[["label", "method", "video", "identity"]].to_numpy().tolist() == [
        [0, "real", "anna/1", "anna"],
        [0, "real", "b", "real/b"],
        [1, "fake", "anna/1", "anna"],
        [1, "fake", "x/y/2", "x/y"],
    ]
    assert set(found.dataset) == {"mine"}


def test_files_of_one_stem_stay_two_videos(put, tmp_path: Path) -> None:
    found = read_folder(put(tmp_path, "real/a.png", "real/a.mp4"))
    assert found.video.tolist() == ["a.mp4", "a.png"]
    assert found.identity.tolist() == ["a", "a"]


def test_only_files_that_cannot_be_media_are_passed_over(put, tmp_path: Path) -> None:
    put(tmp_path, "real/a", "real/b.HEIC", "real/.hidden.png", "real/.git/c.png")
    found = read_folder(put(tmp_path, "real/labels.CSV", "real/Thumbs.db"))
    assert [Path(p).name for p in found.path] == ["a", "b.HEIC"]


def test_a_folder_of_one_class(put, tmp_path: Path) -> None:
    put(tmp_path, "1.jpg", "2.jpg")
    found = read_folder(tmp_path, name="celeba", label="real")
    assert (found.label == 0).all()
    assert set(found.dataset) == {"celeba"}


def test_a_folder_without_media_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="is not a folder"):
        read_folder(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(ManifestError, match="is a file"):
        read_folder(tmp_path / "file")
    with pytest.raises(ManifestError, match=r"neither real/ nor fake/.*label=\"real\""):
        read_folder(tmp_path)
    (tmp_path / "real").mkdir()
    with pytest.raises(ManifestError, match=r"holds no media in real/\. Put pictures or videos"):
        read_folder(tmp_path)
