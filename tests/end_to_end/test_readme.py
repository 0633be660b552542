"""The README's commands, run as they stand there."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from telltrace import cli

README = Path(__file__).parents[2] / "README.md"
QUICK = {
    "telltrace train": "--optim.epochs 1 --data.image_size 32 --data.batch_size 4 --device cpu",
    "telltrace robustness": "--levels 3",
    "telltrace scan media --out": "--workers 1",
}
"""Options that make a command quick; the rest of it stays."""
QUICKER = re.compile(r"\(image_size=128, batch_size=16\), OptimConfig\(epochs=20\)")


def commands(starting_with: str) -> list[str]:
    """The README's command lines that begin so, without their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), flags=re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(starting_with)]


@pytest.fixture
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_clip: Callable[..., Path]) -> Path:
    """media/real and media/fake, twelve small photographs each, and a short interview.mp4."""
    photograph = data.astronaut()
    for kind in ("real", "fake"):
        (tmp_path / "media" / kind).mkdir(parents=True)
        for number in range(12):
            picture = photograph[5 * number : 5 * number + 220, 100 + number : 340 + number]
            if kind == "fake":
                picture = 255 - (255 - picture.astype(np.uint16)) * 9 // 10
            path = tmp_path / "media" / kind / f"person{number}.png"
            Image.fromarray(picture.astype(np.uint8)).save(path)
    frames = [np.ascontiguousarray(photograph[:220, 100 - i : 340 - i]) for i in range(12)]
    write_clip(tmp_path / "interview.mp4", frames)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "media"


def test_every_command_of_the_readme_runs(media: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = commands("telltrace ")
    assert {"scan", "prepare", "train", "evaluate"} <= {line.split()[1] for line in lines}
    for line in lines:
        quick = [more for beginning, more in QUICK.items() if line.startswith(beginning)]
        code = cli.main(shlex.split(" ".join([line, *quick]))[1:])
        shown = capsys.readouterr()
        leaks = line.startswith("telltrace audit")  # all pictures are of one photograph
        assert code == leaks, f"{line}\n{shown.out}\n{shown.err}"
    for written in ("crops/manifest.csv", "runs/first/best.safetensors", "scores.csv", "roc.png"):
        assert Path(written).stat().st_size > 0, written
    assert len(list(Path("marked").glob("*.png"))) == 24
    assert Path("interview.html").read_text().startswith("<!DOCTYPE html>")
    assert Path("verdicts").is_dir()


def test_the_python_examples_run(media: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert all(len(example.splitlines()) <= 10 for example in examples)
    scan, train, convert = examples
    exec(scan, {})
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 24
    assert all(re.search(r" (FAKE|REAL|UNCERTAIN) 0\.\d+", line) for line in shown)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(convert, names)
    assert names["logits"].shape == (1, 2)
    quick, count = QUICKER.subn("(image_size=32, batch_size=4), OptimConfig(epochs=1)", train)
    assert count == 1
    exec(quick, names)
    assert Path("runs/own/best.safetensors").is_file()
    assert 0 <= names["scores"].score.min() <= names["scores"].score.max() <= 1


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_is_told_of(name: str) -> None:
    pages = [README, *sorted((README.parent / "docs").rglob("*.md"))]
    assert any(f"telltrace {name}" in page.read_text() for page in pages)


@pytest.mark.parametrize("line", commands("make "))
def test_make_has_the_targets_that_the_readme_names(line: str) -> None:
    target = line.split()[1]
    assert f"\n{target}: $(STAMP)\n" in (README.parent / "Makefile").read_text()
