import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telltrace.data.manifest import identities
from telltrace.data.protocols import assign_split, check_splits


def media(*people: str, label: int = 1, **columns: object) -> pd.DataFrame:
    paths = [f"{i}_{name}.mp4" for i, name in enumerate(people)]
    return pd.DataFrame({"path": paths, "label": label, "identity": people, **columns})


def test_pairs_of_ffpp() -> None:
    people = ["183+253", "253+183", "469", "585+599", "866+878", "878", "672+720", "000"]
    split = assign_split(media(*people), "ffpp-pairs").split.tolist()
    assert split == ["train", "train", "train", "train", "val", "val", "test", ""]


def test_a_person_outside_the_protocol_takes_the_video_out() -> None:
    assert assign_split(media("183+253", "183+000"), "ffpp-pairs").split.tolist() == ["train", ""]


def test_the_official_split_has_its_published_sizes() -> None:
    people = [f"{i:03d}" for i in range(1000)]
    split = assign_split(media(*people, label=0), "ffpp-official").split
    assert split.value_counts().to_dict() == {"train": 720, "val": 140, "test": 140}
    assert split[[183, 585, 672]].tolist() == ["train", "val", "val"]


def test_a_video_in_two_splits_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"1_183\+672\.mp4.*183 in train and 672 in test"):
        assign_split(media("183+253", "183+672"), "ffpp-pairs")


def test_unknown_protocols_and_manifests_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Unknown protocol 'ffpp'.*ffpp-official, ffpp-pairs"):
        assign_split(media("183"), "ffpp")
    with pytest.raises(ValueError, match="knows none of its identities, such as 'anna'"):
        assign_split(media("anna", "bob"), "ffpp-official")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from("abcdefghijklmnopqrst"), min_size=1, max_size=3, unique=True),
        min_size=3,
        max_size=30,
    ),
    st.randoms(use_true_random=False),
)
def test_by_identity_never_parts_people_who_share_a_medium(groups, random) -> None:
    table = media(*("+".join(g) for g in groups))
    table["label"] = [random.randint(0, 1) for _ in groups]
    split = assign_split(table, "by-identity")
    sides: dict[str, set[str]] = {}
    for identity, side in zip(split.identity, split.split, strict=True):
        for name in identities(identity):
            sides.setdefault(name, set()).add(side)
    assert all(len(found) == 1 for found in sides.values())
    assert set(split.split) <= {"train", "val", "test"}
    turned = assign_split(table.iloc[::-1], "by-identity")
    assert turned.split.sort_index().tolist() == split.split.tolist()


def test_by_identity_shares_out_each_class() -> None:
    people = [f"p{i}" for i in range(200)]
    table = media(*people)
    table["label"] = [int(i >= 100) for i in range(200)]
    counts = assign_split(table, "by-identity").groupby(["label", "split"]).size()
    assert counts.to_dict() == {
        (0, "test"): 15,
        (0, "train"): 70,
        (0, "val"): 15,
        (1, "test"): 15,
        (1, "train"): 70,
        (1, "val"): 15,
    }


def test_by_identity_fills_every_split_of_a_small_set() -> None:
    assert sorted(assign_split(media("a", "b", "c"), "by-identity").split) == [
        "test",
        "train",
        "val",
    ]


def test_by_identity_is_frozen() -> None:
    split = assign_split(media(*"abcdefghij", dataset="d"), "by-identity").split
    assert "".join(name[-1] for name in split) == "ntnnnnlltn"  # traiN, vaL, tesT


def test_planted_leaks_are_named() -> None:
    clean = media("a", "b", split=["train", "test"], video=["1", "2"], dataset="d")
    clean[["method", "compression"]] = "m"
    check_splits(clean)
    with pytest.raises(
        ValueError, match=r"'a' is in train \(0_a.mp4, manifest, row 0\) and in test \(1_b\+a"
    ):
        check_splits(clean.assign(identity=["a", "b+a"], path=["0_a.mp4", "1_b+a.mp4"]))
    with pytest.raises(ValueError, match="Source video '1' is in train"):
        check_splits(clean.assign(video="1"))


def test_a_split_that_stays_empty_is_told(caplog: pytest.LogCaptureFixture) -> None:
    table = pd.DataFrame({"path": ["a.png", "b.png"], "label": [0, 1]})
    assert set(assign_split(table, "by-identity").split) == {"train"}
    assert [text.split(" leaves the split ")[1][:4] for text in caplog.messages] == ["test", "val "]
    assert "'by-identity'" in caplog.text
