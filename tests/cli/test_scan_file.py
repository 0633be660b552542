"""One file judged as a user calls it: what is printed and written, and how the command ends."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from telltrace.cli import main
from telltrace.inference.formats import COLUMNS, SCHEMA

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "face.png"
    Image.fromarray(np.asarray(data.astronaut())[:300, 80:380]).save(path)
    return path


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    path = tmp_path / "empty.mp4"
    path.touch()
    return path


def test_one_verdict_is_enough_for_success(photograph: Path, empty: Path, capsys: Captured) -> None:
    assert main(["scan", str(empty), str(photograph)]) == 0
    said = capsys.readouterr().out
    assert "The file is empty (0 bytes)." in said
    assert "Detector blend_lite" in said


def test_the_photograph_of_the_demo_is_called_real(tmp_path: Path, capsys: Captured) -> None:
    Image.fromarray(data.astronaut()).save(tmp_path / "astronaut.png")
    assert main(["scan", str(tmp_path / "astronaut.png"), "--json"]) == 0
    [file] = json.loads(capsys.readouterr().out)["files"]
    assert file["verdict"] == "REAL"


def test_the_terms_of_the_weights_are_said_with_every_scan(
    photograph: Path, capsys: Captured
) -> None:
    main(["scan", str(photograph)])
    assert "Terms of the weights: research only" in capsys.readouterr().out


def test_nothing_judged_is_a_failure(empty: Path, capsys: Captured) -> None:
    assert main(["scan", str(empty)]) == 1
    assert "UNREADABLE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.mp4"], "nowhere.mp4: no such file, folder or list. Check the spelling."),
        (["{face}", "--checkpoint", "{face}"], "not a complete safetensors file"),
        (["{face}", "--frames", "0"], "value must be a positive number"),
        (["{face}", "--time-limit", "-1"], "time_limit must be positive or none"),
        (["{face}", "--report", "a.pdf"], "a.pdf: A report is an HTML page"),
        (["{face}", "--report", "{face}/a.html"], "face.png/a.html: cannot be written"),
    ],
)
def test_a_wrong_call_is_named(
    photograph: Path, empty: Path, capsys: Captured, arguments: list[str], said: str
) -> None:
    filled = [text.format(face=photograph, empty=empty) for text in arguments]
    assert main(["scan", *filled]) == 2
    assert said in capsys.readouterr().err


def test_each_format_says_the_same(photograph: Path, empty: Path, capsys: Captured) -> None:
    said = {}
    for form in (["--json"], ["--format", "jsonl"], ["--format", "csv"]):
        assert main(["scan", str(photograph), str(empty), *form]) == 0
        said[form[-1]] = capsys.readouterr().out
    document = json.loads(said["--json"])
    assert document["schema"] == SCHEMA
    lines = [json.loads(line) for line in said["jsonl"].splitlines()]
    rows = list(csv.DictReader(io.StringIO(said["csv"])))
    assert tuple(rows[0]) == COLUMNS
    for entry, line, row in zip(document["files"], lines, rows, strict=True):
        assert entry["path"] == line["path"] == row["path"]
        assert entry["status"] == line["status"] == row["status"]
        assert entry["score"] == line["score"] == (float(row["score"]) if row["score"] else None)


def test_an_ensemble_of_one_detector_twice_is_that_detector(
    photograph: Path, capsys: Captured
) -> None:
    from telltrace.checkpoint import BUNDLED

    alone, both = (
        (main(["scan", str(photograph), "--json", *more]), json.loads(capsys.readouterr().out))[1]
        for more in ([], ["--checkpoint", str(BUNDLED), str(BUNDLED)])
    )
    assert both["files"][0]["score"] == alone["files"][0]["score"]
    assert [len(x["files"][0]["tracks"][0]["scores"]) for x in (alone, both)] == [1, 2]
    assert len(both["detectors"]) == 2


def test_another_process_writes_the_same_page(photograph: Path, tmp_path: Path) -> None:
    pages = [tmp_path / "here.html", tmp_path / "there.html"]
    calls = [["scan", str(photograph), "--report", str(page)] for page in pages]
    assert main(calls[0]) == 0
    subprocess.run(
        [sys.executable, "-m", "telltrace", *calls[1]],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        check=True,
        capture_output=True,
    )
    assert pages[0].read_bytes() == pages[1].read_bytes()
