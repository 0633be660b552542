"""Planted leaks are found every time, and clean splits never refused."""

import random
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from telltrace.data.manifest import check_manifest
from telltrace.data.protocols import assign_split
from telltrace.data.split_checks import SplitError, check_near_duplicates, check_splits

SIDES = ("train", "val", "test")


def clean(seed: int) -> pd.DataFrame:
    """A random set in the naming of FaceForensics++ in which nothing is on two sides."""
    chance, rows = random.Random(seed), []
    for pair in range(chance.randint(6, 20)):
        a, b, split = f"{2 * pair:03d}", f"{2 * pair + 1:03d}", chance.choice(SIDES)
        for c in chance.sample(["c0", "c23", "c40"], chance.randint(1, 3)):
            for m, name in (("real", a), ("FaceSwap", f"{a}_{b}"), ("Deepfakes", f"{b}_{a}")):
                rows.append((f"{m}/{c}/{name}.mp4", int(m != "real"), m, c, name, split))
    table = pd.DataFrame(rows, columns=["path", "label", "method", "compression", "video", "split"])
    return check_manifest(
        table.assign(dataset="FaceForensics++", identity=table.video.str.replace("_", "+"))
    )


def side_besides(table: pd.DataFrame, row: int, chance: random.Random) -> str:
    return chance.choice([side for side in SIDES if side != table.split[row]])


@pytest.mark.parametrize("seed", range(50))
def test_no_leak_is_missed_and_none_invented(seed: int) -> None:
    chance, table = random.Random(seed), clean(seed)
    check_splits(table)
    row = chance.randrange(len(table))
    people = table.copy()  # somebody of this row appears on another side, under another name
    stranger = people.iloc[[row]].assign(
        path="new.mp4", video="x", dataset="FaceForensics++", split=side_besides(table, row, chance)
    )
    people = pd.concat([people, stranger], ignore_index=True)
    with pytest.raises(SplitError, match=r"^Identity '\d+' is in .*new\.mp4.*; 1 rows clash so\."):
        check_splits(people)
    copy = stranger.assign(video=table.video[row], identity="nobody", compression="c99")
    source = pd.concat([table, copy], ignore_index=True)
    with pytest.raises(SplitError, match=r"^Source video '\d+' is in .*new\.mp4"):
        check_splits(source)


def test_actors_are_known_under_another_data_sets_name() -> None:
    """FaceForensics++ is trained with the actors' originals that DeepFakeDetection is made from."""
    rows = [
        ("a.png", 0, "DeepFakeDetection", "01__walking", "01", "train"),
        ("b.png", 1, "dfd", "fake/03_01__walking__AB12CD34", "fake/03_01", "test"),
    ]
    table = pd.DataFrame(rows, columns=["path", "label", "dataset", "video", "identity", "split"])
    with pytest.raises(SplitError, match=r"^Source video '01' is in train .*a\.png.*b\.png"):
        check_splits(check_manifest(table))
    apart = table.assign(video=["01__walking", "fake/03_02__walking__AB12CD34"])
    check_splits(check_manifest(apart))


def test_rows_without_a_split_clash_with_nobody() -> None:
    table = clean(0)
    table.loc[table.split != "train", "split"] = ""
    check_splits(table)


def test_videos_without_a_naming_rule_are_their_own_source() -> None:
    table = pd.DataFrame({"path": ["a", "b"], "label": 1, "video": "v", "identity": ["x", "y"]})
    table = check_manifest(table.assign(dataset="mine", split=["train", "test"]))
    with pytest.raises(SplitError, match=r"Source video 'v' is in train \(a.*test \(b"):
        check_splits(table)
    check_splits(table.assign(method=["m", "n"]))  # of one name in two folders


def pictures(folder: Path, count: int = 24) -> pd.DataFrame:
    """Smooth pictures, each of a video of its own, on three sides."""
    rng = np.random.default_rng(1)
    for i in range(count):
        coarse = rng.integers(0, 256, (10, 10, 3), dtype=np.uint8)
        smooth = cv2.resize(coarse, (96, 96), interpolation=cv2.INTER_CUBIC)
        Image.fromarray(smooth).save(folder / f"{i}.png")
    paths = [str(folder / f"{i}.png") for i in range(count)]
    splits = [SIDES[i % 3] for i in range(count)]
    table = pd.DataFrame({"path": paths, "label": 0, "split": splits, "frame": 0})
    return check_manifest(table.assign(dataset="mine"))


@pytest.mark.parametrize("change", ["jpeg", "smaller", "brighter"])
def test_a_picture_seen_twice_is_named(tmp_path: Path, change: str) -> None:
    table = pictures(tmp_path)
    check_near_duplicates(table)
    image = Image.open(table.path[5])
    if change == "smaller":
        image = image.resize((60, 60))
    if change == "brighter":
        image = image.point([min(255, 1.1 * v + 8) for v in range(256)] * 3)
    copy = tmp_path / "copy.jpg"
    image.save(copy, quality=70)
    same = table.iloc[[5]].assign(path=str(copy), video="copy", identity="copy")
    check_near_duplicates(pd.concat([table, same], ignore_index=True))  # on one side
    leak = pd.concat([table, same.assign(split="train")], ignore_index=True)
    with pytest.raises(SplitError, match=r"^1 pairs .*5\.png.*copy\.jpg.* bits apart\. Delete"):
        check_near_duplicates(leak)
    check_near_duplicates(leak.assign(frame=-1))  # whole media are not looked into


def test_a_protocol_refuses_near_duplicates(tmp_path: Path) -> None:
    table = pictures(tmp_path).assign(split="")
    split = assign_split(table, "intra-dataset")
    assert set(split.split) == set(SIDES)
    one, other = (split.index[split.split == side][0] for side in ("train", "test"))
    Image.open(table.path[one]).save(table.path[other])
    with pytest.raises(SplitError, match="1 pairs of pictures look the same on two sides"):
        assign_split(table, "intra-dataset")
    assert set(assign_split(table, "by-identity").split) == set(SIDES)  # compares no pictures


def test_equal_pictures_by_the_thousand_are_one_pair(tmp_path: Path) -> None:
    flat = tmp_path / "flat.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(flat)
    table = pictures(tmp_path, 2)
    many = pd.DataFrame({"path": [str(flat)] * 3000, "split": ["train", "test"] * 1500})
    with pytest.raises(SplitError, match="1 pairs"):
        check_near_duplicates(many.assign(frame=0, dataset="mine", label=0))
    table.loc[0, "path"] = str(tmp_path / "gone.png")
    with pytest.raises(ValueError, match=r"gone\.png: cannot be read"):
        check_near_duplicates(table)
