"""A toy detector, layout, metric and corruption, added by the steps in CONTRIBUTING.md.

A registry's new line is an item that is put into it for the time of a test.
"""

import ast
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from skimage import data

import telltrace
from telltrace.checkpoint import Card, save_checkpoint
from telltrace.data.datasets import LAYOUTS
from telltrace.data.manifest import check_manifest
from telltrace.data.transforms import Preprocessing
from telltrace.evaluation import METRICS, render
from telltrace.evaluation.metrics import Metric
from telltrace.evaluation.ranking import Ranking
from telltrace.models import registry
from telltrace.models.registry import DETECTORS, Builder
from telltrace.robustness import CORRUPTIONS, Corruption, measure_robustness
from telltrace.training import ObjectiveConfig
from telltrace.training.initialize import create_objective

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()


DETECTOR = '''"""Calls bright faces fake."""

import torch
from torch import nn

FAMILY, PAPER = "toys", "Nobody 2026"


class Shift(nn.Module):
    """A loss of its own: the fakes must be brighter."""

    name = "shift"

    def forward(self, network, images, labels, masks=None):
        return {"loss": -(network(images)[:, 1] * (2 * labels - 1)).mean()}


class Toy(nn.Module):
    objectives = (Shift,)

    def __init__(self, *, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))

    def forward(self, images):
        bright = self.gain * images.mean((1, 2, 3))
        return torch.stack([-bright, bright], dim=1)
'''


def read_toy(root: str | Path) -> pd.DataFrame:
    """Pictures of which the first letter says the class: ``r-*.png`` and ``f-*.png``."""
    files = sorted(Path(root).glob("[rf]-*.png"))
    labels = [int(file.name.startswith("f")) for file in files]
    paths, names = [str(file) for file in files], [file.stem for file in files]
    return check_manifest(pd.DataFrame({"path": paths, "label": labels, "video": names}))


@pytest.fixture
def crops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Faces that were cut out of the media of the toy layout."""
    monkeypatch.setitem(LAYOUTS, "toy", read_toy)
    (tmp_path / "media").mkdir()
    for index, name in enumerate(("r-a", "r-b", "f-a", "f-b")):
        picture = np.asarray(data.astronaut())[10 * index : 10 * index + 260, 90:350]
        Image.fromarray(picture).save(tmp_path / "media" / f"{name}.png")
    found = telltrace.prepare(
        tmp_path / "media", out=tmp_path / "crops", layout="toy", size=64, workers=0
    )
    assert found.manifest.label.tolist() == [1, 1, 0, 0]
    return tmp_path / "crops" / "manifest.csv"


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint of the toy detector, whose file is put into the room for the time of a test."""
    file, parsed = ModuleType("telltrace.models.toy"), registry._parsed
    exec(DETECTOR, vars(file))
    monkeypatch.setitem(sys.modules, file.__name__, file)
    monkeypatch.setattr(
        registry, "_parsed", lambda name: ast.parse(DETECTOR) if name == "toy" else parsed(name)
    )
    monkeypatch.setitem(DETECTORS, "toy", Builder("toy.Toy"))
    card = Card(detector="toy", options={"gain": 2.0}, preprocessing=Preprocessing(image_size=32))
    path = tmp_path / "toy.safetensors"
    save_checkpoint(path, telltrace.create_detector("toy", gain=2.0), card)
    return path


def test_a_detector_is_listed_loaded_and_asked(checkpoint: Path) -> None:
    (row,) = telltrace.list_detectors("toys")
    assert (row, row.options) == (("toy", "toys", "Nobody 2026"), {"gain": 1.0})
    with pytest.raises(ValueError, match=r"toy has no option 'depth'\. It has: gain"):
        telltrace.create_detector("toy", depth=3)
    detector = telltrace.load_detector(checkpoint)
    dark, bright = detector.score(
        np.stack([np.zeros((9, 9, 3)), np.full((9, 9, 3), 255)]).astype("u1")
    )
    assert dark < 0.5 < bright
    objective = create_objective(detector.network, ObjectiveConfig())
    images = torch.stack([torch.zeros(3, 8, 8), torch.ones(3, 8, 8)])
    found = objective(detector.network, images, torch.tensor([0, 1]))
    assert found["loss"].item() == pytest.approx(-1.0)  # half of the gain of 2


def test_a_layout_is_prepared_and_its_crops_are_scored(crops: Path, checkpoint: Path) -> None:
    table = telltrace.predict(crops, detector=checkpoint, device="cpu")
    assert table.video.tolist() == ["f-a", "f-b", "r-a", "r-b"]
    assert table.score.between(0, 1).all()


def test_a_metric_is_in_the_report_and_its_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    def gap(ranking: Ranking) -> Any:
        mean = [np.einsum("t...,t->...", n, ranking.scores) for n in (ranking.fake, ranking.real)]
        return mean[0] / ranking.fake.sum(0) - mean[1] / ranking.real.sum(0)

    meaning = "mean score of the fakes less that of the reals"
    toy = Metric(name="gap", title="gap", meaning=meaning, compute=gap, scale="any", heading="gap")
    monkeypatch.setitem(METRICS, "gap", toy)
    report = telltrace.evaluate(([0, 0, 1, 1], [0.1, 0.5, 0.4, 0.8]), replicates=50)
    assert report.to_dict()["overall"]["frames"]["metrics"]["gap"] == pytest.approx(0.3)
    assert "gap" in render(report)


def test_a_corruption_is_measured_beside_the_others(
    crops: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = Corruption(
        "share of light kept",
        (0.9, 0.7, 0.5, 0.3, 0),
        lambda image, share, _: (image * share).astype("u1"),
    )
    monkeypatch.setitem(CORRUPTIONS, "dark", toy)
    detector = telltrace.load_detector(checkpoint)
    measure_robustness(
        detector, crops, tmp_path / "out", corruptions=["dark", "blur"], levels=[1, 5]
    )
    scores = {
        level: pd.read_csv(tmp_path / "out" / "scores" / f"{level}.csv").score.mean()
        for level in ("clean", "dark-1", "dark-5", "blur-1")
    }
    assert scores["dark-5"] < scores["dark-1"] < scores["clean"]


def test_every_room_and_file_that_the_guide_names_is_there() -> None:
    package = ROOT / "src" / "telltrace"
    named = set(re.findall(r"`((?:src|tests|docs)/[\w/.]+)`", GUIDE))
    assert len(named) >= 8
    assert [path for path in named if not (ROOT / path).exists()] == []
    rooms = {f"{x.name}/" if x.is_dir() else x.name for x in package.iterdir() if x.name[0] != "_"}
    missing = {room for room in rooms - {"py.typed"} if f"`{room}`" not in GUIDE}
    assert missing == set()


def test_the_walks_name_files_and_what_does_the_work_in_them() -> None:
    walks = GUIDE.partition("**How to find your way.**")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w/]+\.py)`\s+\(`(\w+)`\)", walks)
    assert len(named) > 60
    for file, name in named:
        text = (ROOT / "src" / "telltrace" / file).read_text()
        assert re.search(rf"^(class |def )?{name}\b", text, re.MULTILINE), f"{file} has no {name}"
    counted = [walk for walk in walks.split("\n\n") if " passes " in walk]
    for walk in counted:
        (said,) = re.findall(r"passes (\d+)", walk)
        assert len(set(re.findall(r"`([\w/]+\.py)`", walk))) == int(said), walk[:20]
    assert len(counted) == 3
