"""The scripts and notebooks of examples/, run as they stand on media that the test makes."""

import json
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from PIL import Image
from skimage import data

EXAMPLES = Path(__file__).parents[2] / "examples"
Captured = pytest.CaptureFixture[str]


def run(name: str, *arguments: object) -> None:
    """Run a script as the shell would."""
    before = sys.argv
    sys.argv = [name, *map(str, arguments)]
    try:
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    finally:
        sys.argv = before


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "photograph.png"
    Image.fromarray(data.astronaut()[:300, 60:380]).save(path)
    return path


@pytest.fixture
def interview(tmp_path: Path, write_clip: Callable[..., Path]) -> Path:
    frames = [np.ascontiguousarray(data.astronaut()[:220, 100 - i : 340 - i]) for i in range(12)]
    return write_clip(tmp_path / "interview.mp4", frames)


def test_scripts_are_short_and_notebooks_carry_no_output() -> None:
    for script in EXAMPLES.glob("*.py"):
        assert len(script.read_text().splitlines()) <= 40, script
    for notebook in EXAMPLES.glob("*.ipynb"):
        cells = json.loads(notebook.read_text())["cells"]
        assert all(not cell.get("outputs") for cell in cells), notebook


def test_scan_files(photograph: Path, interview: Path, tmp_path: Path, capsys: Captured) -> None:
    run("scan_files.py", photograph, interview, tmp_path / "gone.png")
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{photograph}: ")
    assert "%" in first
    assert "UNREADABLE" in last


def test_train_detector(tmp_path: Path, capsys: Captured) -> None:
    for kind in ("real", "fake"):
        (tmp_path / "media" / kind).mkdir(parents=True)
        for number in range(10):
            picture = data.astronaut()[5 * number : 5 * number + 220, 100 + number : 340 + number]
            Image.fromarray(picture // (1 + (kind == "fake"))).save(
                tmp_path / "media" / kind / f"person{number}.png"
            )
    run("train_detector.py", tmp_path / "media", tmp_path / "out", 32, 1)
    said = capsys.readouterr().out
    assert re.search(r"(1\d|20) faces of (1\d|20) media", said)
    assert "AUC" in said
    assert (tmp_path / "out" / "run" / "best.safetensors").is_file()


def test_convert_backbone(capsys: Captured) -> None:
    run("convert_backbone.py")
    vanilla, form, *steps, command = capsys.readouterr().out.splitlines()
    assert float(form.split()[-2]) < float(vanilla.split()[-2])
    assert float(steps[-1].split()[-1]) < float(steps[0].split()[-1])
    assert "sfi:mobilenetv3_small_050" in command


def test_own_detector(
    photograph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("TELLTRACE_EXTERNAL", "")
    run("own_detector.py", photograph, tmp_path / "own.safetensors")
    first, again = capsys.readouterr().out.splitlines()
    assert first == again
    assert "score 0." in first


def test_compare_detectors(tmp_path: Path, capsys: Captured) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"label": [0, 1] * 20, "video": [f"v{i}" for i in range(40)]})
    for name, skill in (("a", 0.1), ("b", 0.6)):
        scores = 0.2 * rng.random(40) + skill * table.label
        table.assign(score=scores).to_csv(tmp_path / f"{name}.csv", index=False)
    run("compare_detectors.py", tmp_path / "a.csv", tmp_path / "b.csv")
    said = capsys.readouterr().out
    assert "b.csv" in said
    assert "0 items that only one" in said


@pytest.mark.parametrize("name", [path.name for path in sorted(EXAMPLES.glob("*.ipynb"))])
def test_notebooks(
    name: str, photograph: Path, interview: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plt.switch_backend("Agg")
    names: dict[str, object] = {}
    for cell in json.loads((EXAMPLES / name).read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), name, "exec"), names)
    plt.close("all")
    assert names["verdict"].score if "verdict" in names else names["difference"].difference < 0  # type: ignore[attr-defined]
