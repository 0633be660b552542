"""Protocols as files: which rows they take, from which manifests, and what they do not take."""

import itertools
from pathlib import Path

import pandas as pd
import pytest

from telltrace.data.protocols import assign_split, protocol_names, read_protocol

METHODS = ("real", "Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
PAIRS = {"train": ("183", "253"), "val": ("866", "878"), "test": ("672", "720")}


def ffpp(*compressions: str) -> pd.DataFrame:
    """A pair for each split, with every method at every compression, the splits filled."""
    rows = []
    for (split, (a, b)), c, m in itertools.product(PAIRS.items(), compressions, METHODS):
        for one, other in ((a, b), (b, a)):
            name = one if m == "real" else f"{one}_{other}"
            rows.append((f"{c}/{m}/{name}.mp4", int(m != "real"), m, c, name, split))
    table = pd.DataFrame(rows, columns=["path", "label", "method", "compression", "video", "split"])
    return table.assign(dataset="FaceForensics++", identity=table.video.str.replace("_", "+"))


def others(dataset: str, count: int = 20) -> pd.DataFrame:
    names = [f"{dataset}{i}" for i in range(count)]
    table = pd.DataFrame({"path": names, "video": names, "identity": names, "dataset": dataset})
    return table.assign(label=[i % 2 for i in range(count)])


def both(*tables: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)


def taken(table: pd.DataFrame, column: str) -> dict[str, set[str]]:
    """Split to what is in it."""
    return {s: set(part[column]) for s, part in table.groupby("split") if s}


@pytest.mark.parametrize("method", METHODS[1:])
def test_one_manipulation_is_left_out_of_training(method: str) -> None:
    table = assign_split(ffpp("c23"), f"leave-out-{method.lower()}")
    rest = set(METHODS) - {method}
    assert taken(table, "method") == {"train": rest, "val": rest, "test": {"real", method}}
    assert taken(table, "video")["test"] == {"672", "720", "672_720", "720_672"}


@pytest.mark.parametrize(
    ("name", "one", "other"), [("hq-to-lq", "c23", "c40"), ("lq-to-hq", "c40", "c23")]
)
def test_across_compressions_the_people_differ_too(name: str, one: str, other: str) -> None:
    table = assign_split(ffpp("c23", "c40"), f"ffpp-{name}")
    assert taken(table, "compression") == {"train": {one}, "val": {one}, "test": {other}}
    assert (table.split == "").sum() == 30
    with pytest.raises(ValueError, match=rf"finds no row for \w+ \(there is compression: {one}\)"):
        assign_split(ffpp(one), f"ffpp-{name}")


def test_across_data_sets_all_of_the_other_is_the_test() -> None:
    table = assign_split(both(ffpp("c23"), others("DFDC")), "ffpp-to-dfdc")
    assert taken(table, "dataset") == {
        "train": {"FaceForensics++"},
        "val": {"FaceForensics++"},
        "test": {"DFDC"},
    }
    assert (table.split[table.dataset == "DFDC"] == "test").all()
    dfdc = others("DFDC").assign(split=["train"] * 15 + ["test"] * 5)
    back = assign_split(both(ffpp("c23"), dfdc), "dfdc-to-ffpp")
    assert taken(back, "dataset") == {"train": {"DFDC"}, "test": {"FaceForensics++"}}
    assert len(back[back.split == "train"]) == 15
    celeb = assign_split(both(ffpp("c23"), others("Celeb-DF-v2")), "ffpp-to-celebdf")
    assert taken(celeb, "dataset")["test"] == {"Celeb-DF-v2"}


def test_training_on_all_takes_each_set_by_its_own_rule() -> None:
    official = both(ffpp("c23").assign(split=""), others("DFDC"), others("mine"))
    table = assign_split(official, "train-on-all")
    ours = table[table.dataset == "FaceForensics++"]
    assert ours.split.tolist() == assign_split(ours, "ffpp-official").split.tolist()
    rest = table[table.dataset != "FaceForensics++"]
    assert rest.split.tolist() == assign_split(rest, "by-identity").split.tolist()
    assert taken(table, "dataset")["val"] == {"FaceForensics++", "DFDC", "mine"}


def test_own_splits_must_be_there() -> None:
    with pytest.raises(ValueError, match=r"has no splits of its own .* Prepare it with --protocol"):
        assign_split(ffpp("c23").assign(split=""), "leave-out-faceswap")
    assert assign_split(ffpp("c23"), "own").split.tolist() == ffpp("c23").split.tolist()


def test_every_protocol_says_what_it_is_about() -> None:
    assert {"ffpp-pairs", "ffpp-official", "by-identity", "intra-dataset"} <= set(protocol_names())
    for name in protocol_names():
        assert read_protocol(name).about.endswith(".")


def test_a_protocol_of_ones_own_chooses_rows(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "manifests: [c23/manifest.csv]\n"  # a note of earlier versions
        "people: {'*': ffpp-pairs}\n"
        "train: {only: {compression: c23}, without: {method: [FaceSwap, Deepfakes]}}\n"
        "val: {only: {compression: none of them}}\n"
    )
    with pytest.raises(ValueError, match="finds no row for val"):
        assign_split(ffpp("c23", "c40"), file)
    file.write_text(file.read_text().replace("none of them", "c40"))
    table = assign_split(ffpp("c23", "c40"), file)
    assert taken(table, "compression") == {"train": {"c23"}, "val": {"c40"}, "test": {"c23", "c40"}}
    assert taken(table, "method")["train"] == {"real", "Face2Face", "NeuralTextures"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "got list"),
        ("tests: {}", r"got \['tests'\]"),
        ("test: {only: {methods: x}}", "test names 'methods'"),
        ("test: {method: x}", "test names 'method'; expected only or without"),
        ("test: [", "no readable YAML"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(ValueError, match=rf"p\.yaml: .*{message}"):
        assign_split(ffpp("c23"), tmp_path / "p.yaml")
    with pytest.raises(ValueError, match=r"q\.yaml: is not a file"):
        assign_split(ffpp("c23"), tmp_path / "q.yaml")
