import hashlib
from pathlib import Path

import pandas as pd
import pytest

from telltrace.data import prepare
from telltrace.data.cropping import is_crops
from telltrace.data.datasets import read_layout
from telltrace.data.datasets.face_sets import split_by_hash, utkface_group
from telltrace.errors import ManifestError, OutputError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def names_with_digit(digit: str, count: int) -> list[str]:
    """Names of videos whose hash begins with a digit."""
    every = (f"video{number}" for number in range(10_000))
    found = (n for n in every if hashlib.sha256(f"{n}.mp4".encode()).hexdigest()[0] == digit)
    return [next(found) for _ in range(count)]


@pytest.mark.parametrize("large", [True, False])
def test_dfdc_faces_are_split_by_the_real_they_came_from(tmp_path: Path, large: bool) -> None:
    groups = {digit: names_with_digit(digit, 1)[0] for digit in "01f7"}
    real = [(g, "REAL", "") for g in groups.values()]
    fake = [(f"{g}fake{i}", "FAKE", f"{g}.mp4") for g in groups.values() for i in range(3)]
    lines = [(f"{v}.mp4", 200, 200, label, o or "nan") for v, label, o in real + fake]
    if large:
        columns = ["videoname", "original_width", "original_height", "label", "original"]
        pd.DataFrame(lines, columns=columns).to_csv(tmp_path / "metadata.csv", index=False)
        touch(tmp_path / "faces_224", *(f"{v}.jpg" for v, *_ in real + fake))
    else:
        rows = [
            (f"{label.lower()}/{v}.jpg", v, int(label == "FAKE"), o.removesuffix(".mp4") or v)
            for v, label, o in real + fake
        ]
        table = pd.DataFrame(rows, columns=["path", "video", "label", "original"])
        table.to_csv(tmp_path / "faces.csv", index=False)
        touch(tmp_path, *table.path)
    found = read_layout("dfdc-faces", tmp_path)
    assert is_crops(found)
    assert len(found) == 12  # the group with the digit f is left out
    assert set(found.identity) == set(groups.values()) - {groups["f"]}
    splits = dict(zip(found.identity, found.split, strict=True))
    assert splits == {groups["0"]: "test", groups["1"]: "val", groups["7"]: "train"}
    assert (found.groupby("identity").split.nunique() == 1).all()
    out, options = tmp_path / "out", {"layout": "dfdc-faces", "size": 224}
    prepare(tmp_path, out=out, **options)
    written = {file: file.read_bytes() for file in out.iterdir()}
    with pytest.raises(OutputError, match=r"other settings \(crop .*'margin': 1.3.*now .* 2"):
        prepare(tmp_path, out=out, margin=2, **options)
    assert {file: file.read_bytes() for file in out.iterdir()} == written
    prepare(tmp_path, out=out, **options)
    few = read_layout("dfdc-faces", tmp_path, fakes=1)
    assert few.label.tolist().count(1) == 3
    assert few.equals(read_layout("dfdc-faces", tmp_path, fakes=1))


def test_lfw_keeps_the_photographs_of_a_person_together(tmp_path: Path) -> None:
    touch(tmp_path, *(f"P{n}/P{n}_{i:04d}.jpg" for n in range(60) for i in (1, 2)))
    found = read_layout("lfw", tmp_path)
    assert set(found.label) == {0}
    assert found.identity.nunique() == 60
    assert (found.groupby("identity").split.nunique() == 1).all()
    assert set(found.split) == {"train", "val", "test"}


def test_utkface_names_tell_age_sex_and_group(tmp_path: Path) -> None:
    touch(tmp_path, "7_1_3_20170109150557335.jpg.chip.jpg", "notes_1.jpg")
    found = read_layout("utkface", tmp_path)
    assert found.video.tolist() == ["7_1_3_20170109150557335"]
    assert utkface_group(found.video[0]) == (7, "female", "indian")
    assert utkface_group("holiday.jpg") is None


@pytest.mark.parametrize(
    ("layout", "fake", "method"), [("splices", "fake", "splice"), ("generated", "ai", "stylegan")]
)
def test_two_folders_are_two_classes_and_equal_names_are_not_one_person(
    tmp_path: Path, layout: str, fake: str, method: str
) -> None:
    touch(tmp_path, *(f"{folder}/{n}.jpg" for folder in ("real", fake) for n in range(80)))
    found = read_layout(layout, tmp_path)
    assert found.method.value_counts().to_dict() == {"real": 80, method: 80}
    assert found.identity.nunique() == 160
    assert set(found.split) == {"train", "val", "test"}


def test_clips_of_one_person_stay_together(tmp_path: Path) -> None:
    one = [f"styletalk_obama_clip{n}.mp4" for n in range(3)]
    two = ["styletalk_furious_talk1_clip1.mp4", "styletalk_furious_talk2_clip5.mp4"]
    touch(tmp_path, *one, *two, "grid_bbaf2n.mpg", "celebvtext_ab-c_7_0.mp4")
    found = read_layout("real-clips", tmp_path)
    people = found.groupby("identity").video.nunique().to_dict()
    assert people == {
        "styletalk_obama": 3,
        "styletalk_furious": 2,
        "grid_bbaf2n": 1,
        "celebvtext_ab-c": 1,
    }
    assert (found.groupby("identity").split.nunique() == 1).all()


def test_shares_of_a_split_are_what_was_asked() -> None:
    splits = pd.Series([split_by_hash(str(n), 0.2, 0.3) for n in range(4000)])
    shares = splits.value_counts(normalize=True)
    assert shares["test"] == pytest.approx(0.2, abs=0.03)
    assert shares["val"] == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("layout", ["dfdc-faces", "splices", "generated", "real-clips", "utkface"])
def test_an_empty_folder_is_an_error_that_names_it(tmp_path: Path, layout: str) -> None:
    with pytest.raises(ManifestError, match=tmp_path.name):
        read_layout(layout, tmp_path)
