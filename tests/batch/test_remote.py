"""A scanner in two parts says what it says in one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.data import astronaut

from telltrace.batch import worker
from telltrace.inference import Scanner


@pytest.fixture
def face(tmp_path: Path) -> Path:
    Image.fromarray(astronaut()[:300, 60:400]).save(tmp_path / "face.png")
    return tmp_path / "face.png"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_two_parts_score_as_one(
    precision: str, face: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from telltrace.checkpoint import BUNDLED

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
