"""Every planted leak is found, over 50 random plants of each kind, and nothing else is claimed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from telltrace.auditing.leaks import Example, Leak, find_leaks
from telltrace.auditing.media import Medium, look_at_files, read_rows
from telltrace.data.manifest import read_manifest, write_manifest

from .conftest import draw_picture, write_set

Plant = Callable[[pd.DataFrame, Path, np.random.Generator], set[str]]
PLANTS = range(50)


@pytest.fixture(scope="module")
def seen(clean_set: Path) -> dict[str, Medium]:
    return look_at_files(read_manifest(clean_set).path.tolist())


def two_rows(table: pd.DataFrame, rng: np.random.Generator) -> tuple[int, int]:
    """A row of one split and a row of another."""
    one = int(rng.integers(len(table)))
    others = np.flatnonzero(table.split != table.split[one])
    return one, int(rng.choice(others))


def add(table: pd.DataFrame, path: Path, like: int, name: str, **changes: str) -> None:
    """A new row of a stranger at this path, otherwise as the row ``like``."""
    changed = {"path": str(path), "video": name, "identity": name} | changes
    table.loc[len(table)] = list((table.loc[like].to_dict() | changed).values())


def plant_identity(table: pd.DataFrame, folder: Path, rng: np.random.Generator) -> set[str]:
    one, other = two_rows(table, rng)
    table.loc[one, "video"] = "fresh"
    table.loc[one, "identity"] = rng.choice(["stranger+{}", "{}+stranger", "{}"]).format(
        table.identity[other]
    )
    return {"identity"}


def plant_video(table: pd.DataFrame, folder: Path, rng: np.random.Generator) -> set[str]:
    one, other = two_rows(table, rng)
    table.loc[one, ["video", "compression"]] = [table.video[other], "c40"]
    table.loc[one, "identity"] = "stranger"
    return {"video"}


def plant_path(table: pd.DataFrame, folder: Path, rng: np.random.Generator) -> set[str]:
    one, other = two_rows(table, rng)
    link = folder / "link.png"
    link.symlink_to(table.path[other])
    add(table, link, one, "stranger")
    return {"path"}


def plant_file(table: pd.DataFrame, folder: Path, rng: np.random.Generator) -> set[str]:
    one, other = two_rows(table, rng)
    add(table, Path(shutil.copy(table.path[other], folder / "copy.bin")), one, "stranger")
    return {"file"}


def plant_pixels(table: pd.DataFrame, folder: Path, rng: np.random.Generator) -> set[str]:
    one, other = two_rows(table, rng)
    copy = folder / f"copy.{rng.choice(['png', 'bmp', 'webp'])}"
    Image.open(table.path[other]).save(copy, compress_level=1, lossless=True)
    add(table, copy, one, "stranger")
    return {"pixels"}


def plant_near(table: pd.DataFrame, folder: Path, rng: np.random.Generator) -> set[str]:
    one, other = two_rows(table, rng)
    add(table, recompressed(table.path[other], folder / "copy.jpg", rng), one, "stranger")
    return {"near"}


def recompressed(path: str, copy: Path, rng: np.random.Generator) -> Path:
    """As large as 0.8 to 2 times, lighter or darker, and JPEG."""
    picture = np.asarray(Image.open(path), np.float32) * rng.uniform(0.85, 1.1)
    scale = rng.uniform(0.8, 2)
    changed = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    changed = np.clip(changed, 0, 255).astype(np.uint8)
    Image.fromarray(changed).save(copy, quality=int(rng.integers(60, 96)))
    return copy


def plant_equal(table: pd.DataFrame, folder: Path, rng: np.random.Generator) -> set[str]:
    """Validation is the test set under other names."""
    table.loc[table.split == "val", "split"] = "train"
    copy_test_to(table, folder, "val", rng)
    return {"equal"}


def plant_contained(table: pd.DataFrame, folder: Path, rng: np.random.Generator) -> set[str]:
    """Training contains the test set, and more."""
    copy_test_to(table, folder, "train", rng)
    return {"contained"}


def copy_test_to(table: pd.DataFrame, folder: Path, side: str, rng: np.random.Generator) -> None:
    names = bool(rng.integers(2))
    for row in table.index[table.split == "test"]:
        path = Path(shutil.copy(table.path[row], folder / f"{row}.png"))
        known = table.loc[row, ["video", "identity"]].to_dict() if names else {}
        add(table, path, row, f"s{row}", split=side, **known)


def leaks_of(table: pd.DataFrame, seen: dict[str, Medium]) -> list[Leak]:
    """Of rows as `read_rows` gives them; writing and reading the file would take twice as long."""
    rows = table.assign(manifest="planted.csv", side=table.split)
    fresh = [path for path in rows.path if path not in seen]
    return find_leaks(rows, seen | look_at_files(fresh))


@pytest.mark.parametrize(
    "plant",
    [
        plant_identity, plant_video, plant_path, plant_file, plant_pixels, plant_near,
        plant_equal, plant_contained,
    ],
)  # fmt: skip
def test_planted_leaks_are_found_every_time(
    plant: Plant, clean_set: Path, seen: dict[str, Medium], tmp_path: Path
) -> None:
    clean = read_manifest(clean_set)
    for number in PLANTS:
        folder = tmp_path / str(number)
        folder.mkdir()
        table, rng = clean.copy(), np.random.default_rng((7, number))
        expected = plant(table, folder, rng)
        found = {leak.kind for leak in leaks_of(table, seen)}
        by_the_way = {"file", "video", "identity"} if plant in WHOLESALE else set()
        assert expected <= found <= expected | by_the_way, number


WHOLESALE = (plant_equal, plant_contained)


def test_no_leak_is_claimed_in_50_clean_sets(tmp_path: Path) -> None:
    for number in PLANTS:
        manifest = write_set(tmp_path / str(number), np.random.default_rng((9, number)), people=10)
        rows = read_rows([manifest])
        assert find_leaks(rows, look_at_files(rows.path.tolist())) == [], number


def test_a_leak_says_what_where_and_how_much(clean_set: Path, tmp_path: Path) -> None:
    table = read_manifest(clean_set)
    test = table.index[table.split == "test"][0]
    train = table.index[table.split == "train"][0]
    copy = shutil.copy(table.path[train], tmp_path / "copy.png")
    add(table, Path(copy), test, "stranger")
    (leak,) = leaks_of(table, {})
    assert (leak.kind, leak.first, leak.second, leak.found) == ("file", "train", "test", 1)
    assert leak.total == (table.split == "test").sum()
    assert leak.examples[0] == Example("", table.path[train], str(tmp_path / "copy.png"))


def test_manifests_without_splits_are_sides(clean_set: Path, tmp_path: Path) -> None:
    table = read_manifest(clean_set)
    table["split"] = ""
    write_manifest(table[:30], tmp_path / "learn.csv")
    write_manifest(table[27:], tmp_path / "judge.csv")
    files = [tmp_path / "learn.csv", tmp_path / "judge.csv"]
    rows = read_rows(files)
    found = {leak.kind: leak for leak in find_leaks(rows, {})}
    assert found["path"].found == 3
    assert found["identity"].examples[0].what == "toy p9"
    assert (found["path"].first, found["path"].second) == ("judge.csv", "learn.csv")
    assert find_leaks(read_rows(files, "splits"), {}) == []


def test_splits_of_several_manifests_are_one_side_each(clean_set: Path, tmp_path: Path) -> None:
    """The same people at two compressions, split alike: that is how it should be."""
    table = read_manifest(clean_set)
    rng = np.random.default_rng(1)
    for row, path in enumerate(table.path):
        table.loc[row, "path"] = str(recompressed(path, tmp_path / f"{row}.jpg", rng))
    table["compression"] = "c40"
    write_manifest(table, tmp_path / "c40.csv")
    rows = read_rows([clean_set, tmp_path / "c40.csv"])
    media = look_at_files(rows.path.tolist())
    assert find_leaks(rows, media) == []
    whole = {leak.kind for leak in find_leaks(rows.assign(side=rows.manifest), media)}
    assert {"equal", "near", "identity", "video"} == whole


def test_equal_names_of_unnamed_sets_are_strangers(tmp_path: Path) -> None:
    """Two folders of files 0001 and 0002 do not show the same people."""
    files = []
    rng = np.random.default_rng(2)
    for side in ("one", "two"):
        (tmp_path / side).mkdir()
        for name in ("0001", "0002"):
            Image.fromarray(draw_picture(rng)).save(tmp_path / side / f"{name}.png")
        text = "path,label\n0001.png,0\n0002.png,1\n"
        (tmp_path / side / "manifest.csv").write_text(text)
        files.append(tmp_path / side / "manifest.csv")
    rows = read_rows(files)
    assert rows.side.unique().tolist() == ["one/manifest.csv", "two/manifest.csv"]
    assert find_leaks(rows, look_at_files(rows.path.tolist())) == []


def test_blank_pictures_are_not_copies_of_one_another(clean_set: Path, tmp_path: Path) -> None:
    table = read_manifest(clean_set)
    for row, grey in ((0, 0), (9, 1), (12, 1)):
        Image.new("RGB", (40 + row, 40), (grey,) * 3).save(tmp_path / f"{row}.png")
        table.loc[row, "path"] = str(tmp_path / f"{row}.png")
    assert table.split[[0, 9, 12]].tolist() == ["train", "val", "test"]
    assert leaks_of(table, {}) == []


def test_rows_without_a_split_are_on_no_side(clean_set: Path, tmp_path: Path) -> None:
    table = read_manifest(clean_set)
    one, other = 0, int(table.index[table.split == "test"][0])
    table.loc[one, ["identity", "split"]] = [table.identity[other], ""]
    assert leaks_of(table, {}) == []


def test_copied_videos_are_found(
    write_clip: Callable[..., Path], clean_set: Path, tmp_path: Path
) -> None:
    """Another codec in another container, frame by frame the same."""
    table, rng = read_manifest(clean_set), np.random.default_rng(3)
    pictures = [draw_picture(rng, (48, 64)) for _ in range(5)]
    row = int(table.index[table.split == "test"][0])
    add(table, write_clip(tmp_path / "a.mp4", pictures, codec="mpeg4"), 0, "s0")
    add(table, write_clip(tmp_path / "b.mkv", pictures), row, "s1")
    assert [leak.kind for leak in leaks_of(table, {})] == ["near"]
