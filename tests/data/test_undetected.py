"""What gave no face is in the scores table, with its reason, and so in every coverage."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import telltrace
from telltrace.checkpoint import load_detector
from telltrace.cli import main
from telltrace.data.crops import NAMES, read_undetected
from telltrace.data.manifest import check_manifest, write_manifest
from telltrace.evaluation import evaluate, read_scores


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    """Two videos with a crop each, a damaged one of them, and two that gave none."""
    size = load_detector().card.preprocessing.crop.size
    rng = np.random.default_rng(0)
    rows = []
    for label, video in ((0, "a"), (1, "b")):
        picture = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
        Image.fromarray(picture).save(tmp_path / f"{video}.png")
        rows.append((str(tmp_path / f"{video}.png"), label, video, "test", 0))
    table = pd.DataFrame(rows, columns=["path", "label", "video", "split", "frame"])
    write_manifest(check_manifest(table.assign(dataset="own")), tmp_path / "manifest.csv")
    crop = load_detector().card.preprocessing.crop.to_dict()
    (tmp_path / "prepare.json").write_text(json.dumps({"crop": crop}))
    what = "is damaged,Copy it again,own"
    lines = [
        ",".join(["path", "status", "reason", "remedy", *NAMES]),
        f"../media/b.mp4,PARTIAL,{what},1,fake,,b,b,test",
        f"../media/c.mp4,NO_FACE,{what},1,fake,,c,c,test",
        f"../media/d.mp4,UNREADABLE,{what},0,real,,d,d,train",
    ]
    (tmp_path / "failures.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "manifest.csv"


def test_media_without_crops_are_found(crops: Path) -> None:
    found, silent = read_undetected([crops])
    assert silent == []
    assert found.status.tolist() == ["NO_FACE", "UNREADABLE"]
    assert found.label.tolist() == [1, 0]
    assert found.path[0] == str(crops.parent.parent / "media" / "c.mp4")
    assert read_undetected([crops], split="test")[0].video.tolist() == ["c"]
    assert read_undetected([crops], split="val")[0].empty
    with_folders = read_undetected([crops], protocol="by-identity")[0]
    assert with_folders.status.tolist() == ["NO_FACE", "UNREADABLE"]


def test_manifests_that_do_not_say_what_they_miss_are_named(crops: Path) -> None:
    failures = crops.with_name("failures.csv")
    failures.write_text("path,status,reason,remedy\n../media/c.mp4,NO_FACE,shows none,Look\n")
    assert read_undetected([crops])[1] == [str(crops)]
    failures.unlink()
    found, silent = read_undetected([crops, crops])
    assert (len(found), len(silent)) == (0, 2)


def test_predict_writes_what_could_not_be_judged(
    crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scores.csv"
    assert main(["predict", str(crops), "--out", str(out), "--device", "cpu"]) == 0
    assert "2 more gave no face" in capsys.readouterr().out
    table = read_scores(out)
    assert table.status.tolist() == ["", "", "NO_FACE", "UNREADABLE"]
    assert table.score.isna().tolist() == [False, False, True, True]
    report = evaluate(out, replicates=10)
    assert report.unjudged == {"NO_FACE": 1, "UNREADABLE": 1}
    assert report.overall.videos.coverage == 0.5


def test_predict_writes_parquet_where_the_name_says_so(crops: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.parquet"
    assert main(["predict", str(crops), "--out", str(out), "--device", "cpu"]) == 0
    assert out.read_bytes()[:4] == b"PAR1"
    table = telltrace.predict(crops, device="cpu")
    pd.testing.assert_series_equal(read_scores(out).score, table.score, check_index_type=False)
