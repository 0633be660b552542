"""Results of other benchmarks: their files as they write them, and hostile ones refused."""

import json
import os
import pickle
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from telltrace.cli import main
from telltrace.errors import ManifestError
from telltrace.evaluation import compare, evaluate, read_scores, write_scores
from telltrace.evaluation.pickles import read_pickle

FF = "./datasets/rgb/FaceForensics++"
PICTURES = [
    *(f"{FF}/original_sequences/youtube/c23/frames/000/{i:03}.png" for i in (0, 9)),
    *(f"{FF}/manipulated_sequences/Deepfakes/c23/frames/000_003/{i:03}.png" for i in (0, 9)),
    *(f"{FF}/manipulated_sequences/FaceSwap/c23/frames/000_003/{i:03}.png" for i in (0, 9)),
]
LABELS, PREDICTED = [0, 0, 1, 1, 1, 1], [0.125, 0.25, 0.75, 1.0, 0.5, 0.25]
NAMED = [
    ["FaceForensics++", "real", "c23", "000", "000", 0, 0, 0.125],
    ["FaceForensics++", "real", "c23", "000", "000", 0, 9, 0.25],
    ["FaceForensics++", "Deepfakes", "c23", "000_003", "000+003", 1, 0, 0.75],
    ["FaceForensics++", "Deepfakes", "c23", "000_003", "000+003", 1, 9, 1.0],
    ["FaceForensics++", "FaceSwap", "c23", "000_003", "000+003", 1, 0, 0.5],
    ["FaceForensics++", "FaceSwap", "c23", "000_003", "000+003", 1, 9, 0.25],
]
ABOUT = ["dataset", "method", "compression", "video", "identity", "label", "frame", "score"]


def metrics() -> dict[str, Any]:
    """What DeepfakeBench's trainer pickles."""
    return {
        "acc": 0.5,
        "auc": np.float64(0.875),
        "pred": np.array(PREDICTED, np.float32),
        "label": np.array(LABELS),
        "video_auc": np.float64(1),
    }


def pickled(path: Path, content: Any, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_deepfakebench_pickles_scores_and_names_the_pictures_beside_them(
    tmp_path: Path, protocol: int
) -> None:
    file = pickled(tmp_path / "metric_dict_best.pickle", metrics(), protocol)
    alone = read_scores(file)
    assert alone[["label", "score", "video"]].to_numpy().tolist() == [
        [label, score, ""] for label, score in zip(LABELS, PREDICTED, strict=True)
    ]
    named = {"image": PICTURES, "label": LABELS}
    pickled(tmp_path / "data_dict_test.pickle", named, protocol)
    assert read_scores(file)[ABOUT].to_numpy().tolist() == NAMED
    found = evaluate(file)
    # the videos' means: real 0.1875, Deepfakes 0.875, FaceSwap 0.375
    assert found.overall.videos.metrics["auc"].value == 1.0
    assert found.overall.frames.metrics["auc"].value == 0.9375  # 0.25 ties with the real's 0.25


def test_names_of_another_run_are_refused(tmp_path: Path) -> None:
    file = pickled(tmp_path / "metric_dict_best.pickle", metrics())
    other = {"image": PICTURES, "label": LABELS[::-1]}
    pickled(tmp_path / "data_dict_test.pickle", other)
    with pytest.raises(ManifestError, match="labels are not those of the results"):
        read_scores(file)


@pytest.mark.parametrize("kind", ["json", "rows", "csv", "sets"])
def test_the_same_as_json_or_csv(tmp_path: Path, kind: str) -> None:
    lists = {"pred": PREDICTED, "label": [0, 0, 1, 4, 1, 1], "image": PICTURES}
    file = tmp_path / f"found.{'csv' if kind == 'csv' else 'json'}"
    if kind == "csv":
        pd.DataFrame(lists).to_csv(file, index=False)
    else:
        rows = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
        forms = {"json": {**lists, "auc": 1.0}, "rows": rows, "sets": {"FaceForensics++": lists}}
        file.write_text(json.dumps(forms[kind]))
    assert read_scores(file)[ABOUT].to_numpy().tolist() == NAMED


def test_other_sets_are_named_as_ours(tmp_path: Path) -> None:
    rgb = "/data/rgb"
    images = [
        f"{rgb}/Celeb-DF-v2/YouTube-real/frames/00170/000.png",
        f"{rgb}/Celeb-DF-v2/Celeb-synthesis/frames/id0_id1_0002/012.png",
        f"{rgb}\\DFDC\\test\\frames\\aalscayrfi\\3.png",
        f"{rgb}/DFDCP/method_A/frames/1224068_A_000/000.png",
        f"{rgb}/UADFV/fake/frames/0003_fake/000.png",
        f"{rgb}/FaceForensics++/manipulated_sequences/DeepFakeDetection/c23/frames/"
        "01_02__walking__YVGY8LOK/000.png",
    ]
    lists = {"pred": [0.5] * 6, "label": [0, 1, 1, 1, 1, 1], "img_names": images}
    file = tmp_path / "found.json"
    file.write_text(json.dumps(lists))
    found = read_scores(file)[["dataset", "method", "video", "identity"]].to_numpy().tolist()
    assert found == [
        ["Celeb-DF-v2", "real", "00170", ""],
        ["Celeb-DF-v2", "Celeb-synthesis", "id0_id1_0002", "id0+id1"],
        ["DFDC", "fake", "aalscayrfi", ""],
        ["DFDC-Preview", "method_A", "1224068_A_000", ""],
        ["UADFV", "FakeApp", "0003_fake", "0003"],
        ["DeepFakeDetection", "DeepFakeDetection", "01_02__walking__YVGY8LOK", "01+02"],
    ]


def workbench(path: Path) -> Path:
    """What deepfake-workbench writes: a row a video, none left out."""
    path.write_text(
        "dataset,key,compression,label,score,status,logit,label_key,method,n_clips,n_frames\n"
        "ffpp,REAL/000,c23,0,0.1875,ok,,,original,4,32\n"
        "ffpp,FS_DF/000_003,c23,1,0.5,ok,,,Deepfakes,4,32\n"
        "ffpp,FS_FS/000_003,c23,1,0.125,ok,,,FaceSwap,4,32\n"
        "ffpp,FR_NT/000_003,raw,1,,missing,,,NeuralTextures,,\n"
    )
    path.with_name(path.stem + ".meta.json").write_text('{"protocol": {"split": "test"}}')
    return path


def test_deepfake_workbench_scores_videos(tmp_path: Path) -> None:
    found = read_scores(workbench(tmp_path / "net.scores.csv"))
    assert found[ABOUT[:5]].to_numpy().tolist() == [
        ["FaceForensics++", "real", "c23", "000", "000"],
        ["FaceForensics++", "Deepfakes", "c23", "000_003", "000+003"],
        ["FaceForensics++", "FaceSwap", "c23", "000_003", "000+003"],
        ["FaceForensics++", "NeuralTextures", "c0", "000_003", "000+003"],
    ]
    assert found["score"].tolist()[:3] == [0.1875, 0.5, 0.125]
    assert (found["status"].tolist(), set(found["split"])) == (["", "", "", "missing"], {"test"})
    assert evaluate(tmp_path / "net.scores.csv").unjudged == {"missing": 1}


def test_published_runs_are_compared_with_ours(tmp_path: Path) -> None:
    """Frames where both have them, and else videos, whatever their paths."""
    theirs = pickled(tmp_path / "metric_dict_best.pickle", metrics())
    pickled(tmp_path / "data_dict_test.pickle", {"image": PICTURES, "label": LABELS})
    table = read_scores(theirs)
    paths = [f"/here/{row}.png" for row in range(6)]
    ours = table.assign(path=paths, score=[0.1, 0.3, 0.2, 0.4, 0.9, 0.9])
    write_scores(ours, tmp_path / "ours.csv")
    found, out = compare(tmp_path / "ours.csv", theirs, replicates=10)
    assert out == 0
    assert {"frames", "videos", "videos, DeLong"} == found.keys()
    found, out = compare(tmp_path / "ours.csv", workbench(tmp_path / "net.scores.csv"))
    assert "frames" not in found
    assert out == 1  # the one that they did not judge


def test_videos_are_paired_by_what_both_tables_say_of_them(tmp_path: Path) -> None:
    rng, videos = np.random.default_rng(0), np.repeat(np.arange(40), 3)
    label = videos % 2
    ours = pd.DataFrame({"label": label, "score": rng.random(120), "video": videos.astype(str)})
    ours = ours.assign(dataset="D", method=np.where(label, "Swap", "real"), frame=range(120))
    theirs = pd.DataFrame({"target": np.arange(40) % 2, "clip": np.arange(40), "p": 0.5})
    theirs = theirs.assign(p=ours.groupby(videos)["score"].mean())
    write_scores(ours, tmp_path / "ours.csv")
    theirs.to_csv(tmp_path / "theirs.csv", index=False)
    columns = {"video": "clip", "score": "p", "label": "target"}
    found, out = compare(
        tmp_path / "theirs.csv", tmp_path / "ours.csv", columns=columns, replicates=10
    )
    area = found["videos"]["auc"]
    assert not isinstance(area, str)
    assert (area.difference, out) == (0.0, 0)
    twice = pd.concat([ours, ours.assign(dataset="E")])
    with pytest.raises(ManifestError, match="Several videos of one table are called 1"):
        compare(tmp_path / "theirs.csv", twice, columns=columns)


def test_the_command_reads_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = pickled(tmp_path / "metric_dict_best.pickle", metrics())
    pickled(tmp_path / "data_dict_test.pickle", {"image": PICTURES, "label": LABELS})
    against = str(workbench(tmp_path / "net.scores.csv"))
    assert main(["evaluate", str(theirs), "--against", against, "--replicates", "10"]) == 0
    said = capsys.readouterr().out
    assert "Deepfakes" in said
    assert "1 videos that only one of the two holds" in said


class Hostile:
    """A pickle of it runs a command when it is read in the usual way."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (os.system, "touch {}"),
        (eval, "open('{}', 'w')"),
        (exec, "open('{}', 'w')"),
        (getattr, "{}"),
        (np.load, "{}"),
        (__import__, "{}"),
    ],
)
def test_a_pickle_that_asks_for_code_is_refused_and_not_run(
    tmp_path: Path, protocol: int, function: Any, arguments: str
) -> None:
    ran = tmp_path / "ran"
    bad = Hostile(function, arguments.format(ran))
    file = pickled(tmp_path / "metric_dict_best.pickle", {**metrics(), "auc": bad}, protocol)
    with pytest.raises(ManifestError, match=r"asks for .*Nothing was run"):
        evaluate(file)
    assert not ran.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"not a pickle",
        b"\x80\x04N",  # no end
        b"\x80\x04cnumpy\ndtype\n(Vobject\ntR.",
        b"cbuiltins\nlist\n(cos\nsystem\ntR.",
        # an array of objects from raw bytes: NumPy's own reader would take them for addresses
        pickle.dumps(metrics()).replace(b"\x8c\x02f4", b"\x8c\x02O8"),
        # a name that is allowed, with an attribute that is not
        b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__init__\x93.",
        # another class's method in place of a stand-in's
        b"\x80\x04cnumpy\nndarray\n(N}V__setstate__\ncbuiltins\neval\nstb.",
        b"\x80\x04ccopyreg\n_reconstructor\n(cnumpy\nndarray\ntR.",
        b"\x80\x04\x82\x01.",  # an extension code
        b"Pid\n.",  # a persistent name
    ],
)
def test_damaged_and_crafted_pickles_are_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "found.pkl"
    file.write_bytes(content)
    with pytest.raises(ManifestError, match="Nothing was run"):
        read_pickle(file)
    # what one file does to the stand-ins does not reach the next
    good = pickled(tmp_path / "good.pkl", metrics())
    assert read_pickle(good)["pred"].tolist() == PREDICTED


def test_plain_containers_are_read_whole(tmp_path: Path) -> None:
    features = defaultdict(list, feat=[np.ones((2, 3), order="F")], name=["a"])
    texts = np.array(["x", "yz"]), np.array(["x", None], object), np.array([True, False])
    held = {"all": OrderedDict(features), "texts": list(texts), "byte": b"\xff", "set": {1, 2}}
    for protocol in range(6):
        found = read_pickle(pickled(tmp_path / "found.p", features, protocol))
        assert found["feat"][0].tolist() == [[1.0] * 3] * 2
    found = read_pickle(pickled(tmp_path / "found.p", {**held, "set": [1, 2]}))
    assert [list(values) for values in found["texts"]] == [["x", "yz"], ["x", None], [True, False]]
    assert (found["byte"], found["all"]["name"]) == (b"\xff", ["a"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1, 2]", "holds a list"),
        ("{", "is no JSON"),
        ('{"pred": [0.5], "label": [1, 0]}', "lists of one length, has pred 1, label 2"),
        ('{"auc": 0.5}', "has none"),
        ('{"pred": [1.5], "label": [1]}', "a probability in"),
        ('{"other": [1.5], "label": [1]}', "no column score"),
    ],
)
def test_other_json_is_refused(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "found.json"
    file.write_text(content)
    with pytest.raises(ManifestError, match=said):
        read_scores(file)


def test_json_takes_names_of_columns_too(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    file.write_text('{"p": [0.25, 0.75], "y": [0, 1], "clip": ["a", "b"]}')
    found = read_scores(file, {"score": "p", "label": "y", "video": "clip"})
    assert found[["label", "score", "video"]].to_numpy().tolist() == [
        [0, 0.25, "a"],
        [1, 0.75, "b"],
    ]
