from pathlib import Path

import pandas as pd
import pytest

from telltrace.data.datasets.crop_lists import read_ba_lists
from telltrace.data.manifest import ManifestError, read_manifest, write_manifest

REAL = "original_sequences/youtube/c23/071.mp4"
FAKE = "manipulated_sequences/Face2Face/c23/071_054.mp4"


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """Two videos in train, the lists written on a machine that had them in /data."""
    for folder, names in {REAL: ("2", "10", "1"), FAKE: ("0007", "0003")}.items():
        (tmp_path / "faces" / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / "faces" / folder / f"{name}.png").touch()
        (tmp_path / "faces" / folder / "notes.txt").touch()
    out = tmp_path / "FF++"
    out.mkdir()
    (out / "train_real.txt").write_text(f"0,/data/{REAL},3\n")
    (out / "train_fake.txt").write_text(f"1,/data/{FAKE} , 2\n\n")
    for split in ("val", "test"):
        for kind in ("real", "fake"):
            (out / f"{split}_{kind}.txt").write_text("")
    return out


def moved(lists: Path) -> tuple[str, str]:
    return "/data", str(lists.parent / "faces")


def test_a_line_becomes_the_crops_of_its_folder(lists: Path) -> None:
    table = read_ba_lists(lists, relocate=moved(lists))
    assert table.label.tolist() == [0, 0, 0, 1, 1]
    assert table.frame.tolist() == [1, 2, 10, 3, 7]
    assert table.method.tolist() == ["real"] * 3 + ["Face2Face"] * 2
    assert set(table.compression) == {"c23"}
    assert set(table.split) == {"train"}
    assert set(table.dataset) == {"FF++"}
    assert table.video.unique().tolist() == ["071", "071_054"]
    assert table.identity.unique().tolist() == ["071", "071+054"]
    assert all(Path(path).is_file() for path in table.path)


def test_the_manifest_survives_a_round_trip(lists: Path, tmp_path: Path) -> None:
    table = read_ba_lists(lists, relocate=moved(lists))
    write_manifest(table, tmp_path / "manifest.csv")
    again = read_manifest(tmp_path / "manifest.csv")
    pd.testing.assert_frame_equal(again, table)


def test_a_split_can_be_left_out(lists: Path) -> None:
    (lists / "val_real.txt").unlink()
    with pytest.raises(ManifestError, match=r"val_real\.txt: is not a file\. .*leave its split"):
        read_ba_lists(lists, relocate=moved(lists))
    assert len(read_ba_lists(lists, splits=("train", "test"), relocate=moved(lists))) == 5


def test_a_folder_that_is_not_here_is_an_error_that_names_the_line(lists: Path) -> None:
    with pytest.raises(ManifestError, match=r"train_real\.txt: line 1: .*071\.mp4 holds 0 PNG"):
        read_ba_lists(lists)


def test_a_folder_that_lost_a_crop_is_noticed(lists: Path) -> None:
    (lists.parent / "faces" / FAKE / "0003.png").unlink()
    with pytest.raises(ManifestError, match=r"holds 1 PNG crops and not the 2 listed"):
        read_ba_lists(lists, relocate=moved(lists))


@pytest.mark.parametrize("line", ["1,/data/a.mp4,3", "0,/data/a.mp4", "real,/data/a.mp4,3"])
def test_a_line_that_is_no_entry_is_an_error(lists: Path, line: str) -> None:
    (lists / "train_real.txt").write_text(f"\n{line}\n")
    with pytest.raises(ManifestError, match=r"line 2: expected 0,folder,frames, got"):
        read_ba_lists(lists, relocate=moved(lists))


def test_a_video_in_two_splits_is_an_error(lists: Path) -> None:
    (lists / "test_real.txt").write_text((lists / "train_real.txt").read_text())
    with pytest.raises(ManifestError, match="stands in an earlier row"):
        read_ba_lists(lists, relocate=moved(lists))
