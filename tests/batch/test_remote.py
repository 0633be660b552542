"""A scanner in two parts says what it says in one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut
from torch import nn

from telltrace.batch import worker
from telltrace.checkpoint import BUNDLED, load_detector, save_checkpoint
from telltrace.evaluation.calibration import Calibration
from telltrace.evaluation.combination import Combination
from telltrace.inference import Scanner


@pytest.fixture
def face(tmp_path: Path) -> Path:
    Image.fromarray(astronaut()[:300, 60:400]).save(tmp_path / "face.png")
    return tmp_path / "face.png"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_two_parts_score_as_one(
    precision: str, face: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    settings = {"precision": precision}
    split = worker.split_scanner((BUNDLED, BUNDLED), settings)
    scoring, asked = split.scoring(), []

    def ask(question: tuple[int, np.ndarray]) -> np.ndarray:
        asked.append(question[0])
        return scoring.score(*question)

    monkeypatch.setattr(worker, "ask", ask)
    whole = Scanner((BUNDLED, BUNDLED), device="cpu", **settings)
    one, two = (scanner.scan(face).to_dict() for scanner in (whole, split.scanner()))
    assert one["score"] is not None
    assert asked == [0, 1]
    assert one == two


def test_so_does_an_ensemble(face: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = [load_detector(), load_detector()]
    way = Combination(names=("a", "b"), weights=(0.25, 0.75), picture=1.0)
    cards = {"members": tuple(one.card for one in members), "combination": way}
    plain = Calibration()
    card = replace(members[0].card, detector="ensemble", calibration=plain, **cards)
    path = tmp_path / "ensemble.safetensors"
    save_checkpoint(path, nn.ModuleList([one.network for one in members]), card)
    split = worker.split_scanner((BUNDLED, path), {})
    scoring = split.scoring()
    monkeypatch.setattr(worker, "ask", lambda question: scoring.score(*question))
    whole, alone = (Scanner(paths, device="cpu") for paths in ((BUNDLED, path), (path,)))
    one, two = (scanner.scan(face).to_dict() for scanner in (whole, split.scanner()))
    assert one == two
    # twins whose weights add up to 1 say what one of them says
    assert alone.scan(face).score == pytest.approx(Scanner(device="cpu").scan(face).score, abs=1e-6)
