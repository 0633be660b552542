import shutil
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from telltrace.data.manifest import (
    COLUMNS,
    ManifestError,
    check_manifest,
    manifest_hash,
    read_manifest,
    write_manifest,
)


def table(**columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"path": ["a/1.mp4", "a/2.mp4"], "label": [0, 1]} | columns)


def test_missing_columns_are_filled() -> None:
    filled = check_manifest(table())
    assert list(filled.columns) == COLUMNS
    assert filled.method.tolist() == ["real", "fake"]
    assert filled.identity.tolist() == filled.video.tolist() == ["1", "2"]
    assert filled.frame.tolist() == [-1, -1]
    assert filled.time.isna().all()


def test_written_and_read_again_it_is_the_same(tmp_path: Path) -> None:
    given = table(
        path=[str(tmp_path / "media" / "ä, b.mp4"), str(tmp_path / "media" / "2.mp4")],
        time=[0.1 + 0.2, 1 / 3],
        confidence=[0.999999, 1.0],
        box=["1.00 2.00 3.00 4.00", ""],
        frame=[7, 8],
    )
    write_manifest(given, tmp_path / "here" / "m.csv")
    back = read_manifest(tmp_path / "here" / "m.csv")
    assert_frame_equal(back, check_manifest(given), check_exact=True)
    before = (tmp_path / "here" / "m.csv").read_bytes()
    assert b"../media/" in before
    write_manifest(back, tmp_path / "here" / "m.csv")
    assert (tmp_path / "here" / "m.csv").read_bytes() == before
    assert [p.name for p in (tmp_path / "here").iterdir()] == ["m.csv"]


def test_a_manifest_moves_with_its_folder(tmp_path: Path) -> None:
    paths = [str(tmp_path / "old" / "media" / name) for name in ("1.mp4", "2.mp4")]
    write_manifest(table(path=paths), tmp_path / "old" / "m.csv")
    hashed = manifest_hash(read_manifest(tmp_path / "old" / "m.csv"))
    shutil.move(tmp_path / "old", tmp_path / "new")
    moved = read_manifest(tmp_path / "new" / "m.csv")
    assert moved.path[0] == str(tmp_path / "new" / "media" / "1.mp4")
    assert manifest_hash(moved) == hashed


@pytest.mark.parametrize("column", ["label", "split", "time", "path", "identity"])
def test_the_hash_sees_every_change(column: str) -> None:
    changed = {"label": 0, "split": "val", "time": 2.5, "path": "a/3.mp4", "identity": "x"}
    other = check_manifest(table(split=["train", "train"]))
    same = manifest_hash(other)
    other.loc[1, column] = changed[column]
    if column == "label":
        other.loc[1, "method"] = "real"
    assert manifest_hash(other) != same


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("path,label\na.mp4,0\nb.mp4,forged\n", ["line 3", "label", "'forged'", "b.mp4"]),
        ("path,label\na.mp4,2\n", ["line 2", "0 (real) or 1 (fake)", "'2'"]),
        ("path,label\na.mp4,\n", ["line 2", "label"]),
        ("path,label\n,1\n", ["line 2", "path is empty"]),
        ("path,label,split\na.mp4,1,dev\n", ["line 2", "split", "'dev'"]),
        ("path,label,method\na.mp4,1,real\n", ["line 2", "contradicts", "a.mp4"]),
        ("path,label,method\na.mp4,0,FaceSwap\n", ["line 2", "contradicts"]),
        ("path,label,frame\na.mp4,0,first\n", ["line 2", "frame", "'first'"]),
        ("path,label,time\na.mp4,0,1:30\n", ["line 2", "time", "'1:30'"]),
        ("path,label\na.mp4,0\na.mp4,0\n", ["line 3", "a.mp4", "earlier row"]),
        ("path,score\na.mp4,0\n", ["lacks the column 'label'", "confidence"]),
        ("path,label,colour\na.mp4,0,red\n", ["'colour'"]),
        ("path,label\n", ["no rows"]),
        ("", ["no readable CSV"]),
        ('path,label\na.mp4,0\n"b,1\n', ["no readable CSV"]),
        ("path,label\na.mp4,0,1,2,3\nb,1,2,3,4,5,6\n", ["no readable CSV"]),
    ],
)
def test_a_wrong_manifest_is_refused_by_file_line_and_remedy(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    file = tmp_path / "wrong.csv"
    file.write_text(text)
    with pytest.raises(ManifestError) as caught:
        read_manifest(file)
    for part in [str(file), *parts, caught.value.remedy]:
        assert part in str(caught.value)


def test_a_missing_or_binary_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"none\.csv: is not a file"):
        read_manifest(tmp_path / "none.csv")
    (tmp_path / "bin.csv").write_bytes(b"\xff\xfe\x00\x81" * 9)
    with pytest.raises(ManifestError, match=r"bin\.csv: is no readable CSV"):
        read_manifest(tmp_path / "bin.csv")


def test_further_wrong_rows_are_counted(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,label\na,7\nb,0\nc,9\nd,x\n")
    with pytest.raises(ManifestError, match=r"line 2: .* \(and 2 more rows\)"):
        read_manifest(tmp_path / "m.csv")


def test_masks_move_with_the_manifest_and_count_in_its_hash(tmp_path: Path) -> None:
    plain = table(path=[str(tmp_path / name) for name in ("1.mp4", "2.mp4")])
    masked = plain.assign(mask=["", str(tmp_path / "m" / "2.png")])
    write_manifest(masked, tmp_path / "m.csv")
    assert (tmp_path / "m.csv").read_text().splitlines()[2].endswith(",m/2.png,")
    back = read_manifest(tmp_path / "m.csv")
    assert back["mask"].tolist() == ["", str(tmp_path / "m" / "2.png")]
    assert manifest_hash(back) != manifest_hash(plain)


def test_a_manifest_of_before_masks_is_read_and_keeps_its_hash(tmp_path: Path) -> None:
    write_manifest(table(path=[str(tmp_path / name) for name in "ab"]), tmp_path / "new.csv")
    lines = (tmp_path / "new.csv").read_text().splitlines()
    assert all(line.rsplit(",", 2)[1:] in (["mask", "square"], ["", ""]) for line in lines)
    (tmp_path / "old.csv").write_text("".join(f"{line.rsplit(',', 2)[0]}\n" for line in lines))
    old, new = read_manifest(tmp_path / "old.csv"), read_manifest(tmp_path / "new.csv")
    assert_frame_equal(old, new)
    # taken before manifests had masks
    known = "b19dba64365fe4d97573252f82d8869e2076b6dc6e2680154bcd2f7dedfa6c9e"
    assert manifest_hash(old) == known


def test_a_real_face_has_no_mask() -> None:
    with pytest.raises(ManifestError, match=r"no forged region, got the mask 'm\.png'"):
        check_manifest(table(mask=["m.png", ""]))


def test_labels_may_be_words() -> None:
    table = pd.DataFrame({"path": ["a", "b", "c", "d"], "label": ["real", "Fake ", "0", 1]})
    checked = check_manifest(table)
    assert checked.label.tolist() == [0, 1, 0, 1]
    assert checked.method.tolist() == ["real", "fake", "real", "fake"]
