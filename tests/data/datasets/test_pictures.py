from pathlib import Path

import pytest

from telltrace.data.datasets.face_sets import read_hff
from telltrace.data.datasets.video_sets import UADFV
from telltrace.errors import ManifestError


def test_the_kinds_of_hff_are_known_in_any_spelling(put, tmp_path: Path, rows) -> None:
    put(tmp_path, "train/CelebA-HQ/1.png", "train/PG_GAN/1.png", "Test/real/youtube-frames/1.jpg")
    put(tmp_path, "test/fake/Star-GAN/1.png", "Test/readme.txt")
    found = read_hff(tmp_path)
    assert sorted(rows(found, "method", "label", "identity", "split")) == [
        ["PGGAN", 1, "train/PG_GAN/1", "train"],
        ["StarGAN", 1, "test/fake/Star-GAN/1", "test"],
        ["real", 0, "Test/real/youtube-frames/1", "test"],
        ["real", 0, "train/CelebA-HQ/1", "train"],
    ]


def test_a_picture_of_no_kind_is_refused(put, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="holds no media of HFF"):
        read_hff(tmp_path)
    put(tmp_path, "train/BigGAN/1.png")
    with pytest.raises(ManifestError, match=r"1\.png: lies in no folder named after one of"):
        read_hff(tmp_path)


def test_a_fake_of_uadfv_shows_the_person_of_its_real(put, tmp_path: Path, rows) -> None:
    put(tmp_path, "real/0003.mp4", "fake/0003_fake.mp4", "real/frames/0003/000.png")
    assert rows(UADFV(tmp_path), "label", "method", "video", "identity") == [
        [0, "real", "0003", "0003"],
        [1, "FakeApp", "0003_fake", "0003"],
    ]
    with pytest.raises(ManifestError, match="none of real, fake"):
        UADFV(tmp_path / "real")
