from pathlib import Path

import pandas as pd
import pytest

from telltrace.data.manifest import read_manifest
from telltrace.reproduction.selection import judged_rows, refuse_leaks, training_rows


def test_rows_for_training_are_of_some_methods_thinned_and_validated(prepared: Path) -> None:
    manifest = read_manifest(prepared / "ffpp-hq" / "manifest.csv")
    rows = training_rows(manifest, ("Deepfakes",), 2)
    assert set(rows.method) == {"real", "Deepfakes"}
    assert set(rows.split) == {"train", "val"}
    assert rows.groupby(["method", "video"]).size().eq(2).all()
    without = training_rows(manifest[manifest.split != "val"])
    assert without.split.value_counts().to_dict() == {"train": 30, "val": 15}
    assert without.groupby("identity").split.nunique().eq(1).all()
    with pytest.raises(ValueError, match="no crop is for training"):
        training_rows(manifest[manifest.split == "test"])


def test_rows_that_are_judged_are_the_test_split_or_all(prepared: Path) -> None:
    manifest = read_manifest(prepared / "ffpp-hq" / "manifest.csv")
    assert set(judged_rows(manifest, (), None).split) == {"test"}
    assert set(judged_rows(manifest, ("Face2Face",), 3).method) == {"real", "Face2Face"}
    assert len(judged_rows(manifest.assign(split=""), (), 1)) == 18


def test_people_who_were_learnt_from_are_not_judged(prepared: Path) -> None:
    manifest = read_manifest(prepared / "ffpp-hq" / "manifest.csv")
    training, test = training_rows(manifest), judged_rows(manifest, (), None)
    refuse_leaks(training, test)
    with pytest.raises(ValueError, match="Identity '0' is in"):
        refuse_leaks(training, test.assign(identity="0"))


def test_a_limit_of_crops_takes_whole_groups_and_always_the_same() -> None:
    names = [f"{group:03}" for group in range(40) for _ in range(5)]
    rows = pd.DataFrame({"identity": names, "split": ["train"] * 150 + ["val"] * 50})
    rows = rows.assign(dataset="d", label=0, method="real", video=names, compression="", frame=0)
    kept = training_rows(rows, crops=52)
    assert kept.groupby("split").identity.nunique().to_dict() == {"train": 10, "val": 1}
    assert set(kept.value_counts("identity")) == {5}
    again = training_rows(rows.sample(frac=1, random_state=0), crops=52)
    assert set(again.identity) == set(kept.identity)


def test_a_set_that_nothing_is_learnt_from_can_be_judged_whole(prepared: Path) -> None:
    rows = read_manifest(prepared / "ffpp-lq/manifest.csv")
    assert set(judged_rows(rows).split) == {"test"}
    assert len(judged_rows(rows, whole=True)) == len(rows)
