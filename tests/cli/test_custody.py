"""`telltrace scan --seal` and `telltrace verify` as a user calls them."""

import json
from pathlib import Path

import pytest
from PIL import Image

from telltrace.cli import main


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    Image.new("RGB", (64, 64), "grey").save(tmp_path / "grey.png")
    return tmp_path / "grey.png"


def test_a_sealed_report_is_verified_and_a_changed_one_refused(
    grey: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, page = tmp_path / "r.json", tmp_path / "r.html"
    assert main(["scan", str(grey), "--seal", str(report), "--report", str(page)]) == 1  # no face
    seal = json.loads(report.read_text())["seal"]
    assert seal in capsys.readouterr().err
    assert seal in page.read_text()
    assert main(["verify", str(report)]) == 0
    assert "Name the file as well" in capsys.readouterr().out
    assert main(["verify", str(report), str(grey)]) == 0
    assert "All is as it was sealed." in capsys.readouterr().out
    more = json.loads(report.read_text()) | {"\x1b[2Kagrees": 1}
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(more))
    assert main(["verify", str(changed)]) == 1
    assert "\x1b" not in capsys.readouterr().out
    report.write_text(report.read_text().replace('"NO_FACE"', '"REAL"'))
    assert main(["verify", str(report), str(grey)]) == 1
    assert "Refused. This differs from what was sealed: report: verdict." in capsys.readouterr().out


def test_a_report_as_pdf_is_the_same_again(grey: Path, tmp_path: Path) -> None:
    pytest.importorskip("reportlab", reason="a PDF takes reportlab")
    for name in ("a.pdf", "b.pdf"):
        assert main(["scan", str(grey), "--report", str(tmp_path / name)]) == 1
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["scan", "a.png", "b.png", "--seal", "r.json"], "--seal is for one file, got 2"),
        (["scan", "a.png", "b.png", "--report", "r.pdf"], "ends in .html or .htm"),
        (["scan", "a.png", "--seal", "r.txt"], "ends in .json"),
        (["scan", "a.png", "--seal", "r.json", "--out", "o"], "--out is not for"),
        (["verify", "a.png"], "is no report of telltrace-seal/1"),
        (["verify", "none.json"], "none.json: No such file"),
        (["verify"], "report is missing"),
        (["verify", "r.json", "a.png", "--trust", "a.png"], "trust must name a PEM file"),
    ],
)
def test_calls_that_cannot_be_are_refused(
    call: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(name)
    assert main(call) == 2
    assert said in capsys.readouterr().err
