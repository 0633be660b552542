"""One file judged as a user calls it: what is printed and written, and how the command ends."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("form", ["text", "csv", "json"])
def test_a_name_that_is_no_text_is_escaped(form: str, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / os.fsdecode(b"b\xff\x1b\n.jpg")).touch()
    assert main(["scan", str(tmp_path), "--format", form]) == 1
    said = capsys.readouterr().out
    assert r"b\udcff" in said
    assert (r"b\udcff\x1b\n.jpg" in said) == (form == "text")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.mp4"], "nowhere.mp4: no such file, folder or list. Check the spelling."),
        (["{face}", "--checkpoint", "{face}"], "not a complete safetensors file"),
        (["{face}", "--frames", "0"], "frames must be a positive number"),
        (["{face}", "--time-limit", "-1"], "time_limit must be positive or none"),
        (["{face}", "--report", "a.txt"], "a.txt: is written in another format"),
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


def test_several_files_get_a_page_each_and_an_index(
    photograph: Path, empty: Path, tmp_path: Path, capsys: Captured
) -> None:
    call = ["scan", str(photograph), str(empty), "--pictures", str(tmp_path / "marked")]
    assert main([*call, "--report", str(tmp_path / "plain.html")]) == 0
    more = ["--out", str(tmp_path / "out"), "--workers", "1", "--device", "cpu"]
    assert main([*call, "--report", str(tmp_path / "batch.html"), *more]) == 0
    for name in ("plain", "batch"):
        index = (tmp_path / f"{name}.html").read_text()
        links = re.findall(r'<a href="([^#"]+)">', index)
        assert links == [f"{name}_pages/0000_face.html", f"{name}_pages/0001_empty.html"]
        pages = [(tmp_path / link).read_text() for link in links]
        assert "Scan of face.png" in pages[0]
        assert "UNREADABLE" in pages[1]
    assert [path.name for path in (tmp_path / "marked").iterdir()] == ["0000_face.png"]


def test_an_interrupted_scan_prints_what_is_ready_and_how_to_go_on(
    photograph: Path, empty: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    from telltrace.inference import Scanner

    whole = Scanner.scan

    def interrupted(self: Scanner, path: Path, **options: Any) -> Any:
        if path == photograph:
            raise KeyboardInterrupt
        return whole(self, path, **options)

    monkeypatch.setattr(Scanner, "scan", interrupted)
    assert main(["scan", str(empty), str(photograph), "--format", "csv"]) == 130
    said = capsys.readouterr()
    assert [row["path"] for row in csv.DictReader(io.StringIO(said.out))] == [str(empty)]
    assert "interrupted, 1 of 2 files are judged" in said.err
    assert "--out FOLDER goes on where it stopped" in said.err


def test_json_and_csv_tell_the_hashes_of_file_and_detector(
    photograph: Path, capsys: Captured
) -> None:
    from telltrace.checkpoint import BUNDLED
    from telltrace.files import file_sha256

    expected = file_sha256(photograph), file_sha256(BUNDLED)
    main(["scan", str(photograph), "--json"])
    document = json.loads(capsys.readouterr().out)
    [file], [detector] = document["files"], document["detectors"]
    assert (file["sha256"], *file["detectors"]) == expected
    assert detector["sha256"] == expected[1]
    assert document["summary"]["ended"].endswith("+00:00")
    main(["scan", str(photograph), "--format", "csv"])
    [row] = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["sha256"], row["detectors"]) == expected
