"""A package with one entry of each kind, installed into a folder of its own."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skimage import data

import telltrace
from telltrace import cli
from telltrace.checkpoint import Card, save_checkpoint
from telltrace.data.datasets import LAYOUTS, read_layout
from telltrace.data.transforms import Preprocessing
from telltrace.errors import DependencyError, OutputError
from telltrace.evaluation.metrics import METRICS
from telltrace.exporting import EXPORTERS, export
from telltrace.models.registry import DETECTORS
from telltrace.plugins import Registry
from telltrace.robustness import CORRUPTIONS, corrupt

PACKAGE = '''"""One toy of each kind."""

import numpy as np
import pandas as pd
import torch
from torch import nn

from telltrace.data.manifest import check_manifest
from telltrace.evaluation.metrics import Metric
from telltrace.exporting import Exporter
from telltrace.robustness import Corruption


class Brightness(nn.Module):
    origin = "toys", "Nobody 2026"

    def __init__(self, *, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))

    def forward(self, images):
        bright = self.gain * images.mean((1, 2, 3))
        return torch.stack([-bright, bright], dim=1)


def read_toys(root):
    return check_manifest(pd.DataFrame({"path": [f"{root}/a.png"], "label": [1], "video": ["a"]}))


DARKER = Corruption("share kept", (0.9, 0.7, 0.5, 0.3, 0), lambda x, s, _: (x * s).astype("u1"))
COUNT = Metric(
    name="count", title="items", meaning="how many there are", scale="any",
    compute=lambda ranking: ranking.fake.sum(0) + ranking.real.sum(0),
)


def write(graph, card, path):
    crops = torch.zeros(4, 16, 16, 3, dtype=torch.uint8)
    torch.export.save(torch.export.export(graph, (crops,)), path)


def logits(path, crops):
    return torch.export.load(path).module()(torch.from_numpy(crops))[0].detach().numpy()


PROGRAM = Exporter(".pt2", write, logits)
WRONG = Exporter(".pt2", write, lambda path, crops: -logits(path, crops))
'''
POINTS = """\
[telltrace.detectors]
brightness = telltrace_toys:Brightness
[telltrace.layouts]
toys = telltrace_toys:read_toys
[telltrace.corruptions]
darker = telltrace_toys:DARKER
[telltrace.metrics]
count = telltrace_toys:COUNT
[telltrace.exporters]
program = telltrace_toys:PROGRAM
wrong = telltrace_toys:WRONG
"""


FAULTY = """\
[telltrace.detectors]
broken = telltrace_toys:nothing
[telltrace.corruptions]
no_corruption = telltrace_toys:COUNT
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts the package where Python finds it, with its entry points, for the time of a test."""

    def put(points: str) -> None:
        about = tmp_path / "site" / "telltrace_toys-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: telltrace-toys\nVersion: 1.0")
        (about / "entry_points.txt").write_text(points)
        (about.parent / "telltrace_toys.py").write_text(PACKAGE)
        monkeypatch.syspath_prepend(about.parent)
        monkeypatch.setitem(sys.modules, "telltrace_toys", None)
        del sys.modules["telltrace_toys"]  # and again when the test is over
        for registry in (DETECTORS, LAYOUTS, CORRUPTIONS, METRICS, EXPORTERS):
            monkeypatch.setitem(vars(registry), "_entries", None)
            del vars(registry)["_entries"]  # looked for again now, and as it was afterwards

    return put


def test_entries_of_every_kind_are_used(
    install: Callable[[str], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(POINTS)
    assert telltrace.create_detector("brightness", gain=2.0).gain.item() == 2
    assert cli.main(["detectors", "--family", "toys"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "brightness  toys          Nobody 2026", "            options: gain",
    ]  # fmt: skip
    assert read_layout("toys", "media").path.tolist() == ["media/a.png"]
    picture = np.full((4, 4, 3), 200, np.uint8)
    assert corrupt([picture], ["a"], "darker", 3)[0].max() == 100
    report = telltrace.evaluate(([0, 1, 1], [0.1, 0.8, 0.9]), replicates=20)
    assert report.to_dict()["overall"]["frames"]["metrics"]["count"] == 3


def test_a_format_is_written_only_if_its_scores_are_the_checkpoints(
    install: Callable[[str], None], tmp_path: Path
) -> None:
    install(POINTS)
    card = Card(detector="brightness", preprocessing=Preprocessing(image_size=16))
    checkpoint = tmp_path / "bright.safetensors"
    save_checkpoint(checkpoint, telltrace.create_detector("brightness"), card)
    made = export(checkpoint, tmp_path / "bright.pt2", "program", samples=4)
    assert made.differences["program"] < 1e-6
    assert made.paths == (tmp_path / "bright.pt2",)
    with pytest.raises(OutputError, match=r"in wrong a score of 4 crops differs by"):
        export(checkpoint, tmp_path / "wrong.pt2", "wrong", samples=4)
    assert not (tmp_path / "wrong.pt2").exists()


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (lambda: DETECTORS["broken"], r"'broken' \(telltrace.detectors, package telltrace-toys\)"),
        (lambda: corrupt([data.astronaut()], ["a"], "no_corruption", 1), "is a Metric, no Corr"),
    ],
)
def test_a_faulty_entry_names_its_package(
    use: Callable[[], object], said: str, install: Callable[[str], None]
) -> None:
    install(FAULTY)
    with pytest.raises(DependencyError, match=said) as found:
        use()
    assert "pip uninstall telltrace-toys" in str(found.value)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ("[telltrace.detectors]\nxception = telltrace_toys:Brightness", "taken already"),
        ("[telltrace.metrics]\nother = telltrace_toys:COUNT", "calls itself 'count'"),
    ],
)
def test_names_must_be_free_and_the_entrys_own(
    points: str, said: str, install: Callable[[str], None]
) -> None:
    install(points)
    with pytest.raises(DependencyError, match=said):
        [*DETECTORS.values(), *METRICS.values()]


def test_nothing_is_imported_before_it_is_used(install: Callable[[str], None]) -> None:
    install(POINTS)
    assert "brightness" in DETECTORS
    assert "telltrace_toys" not in sys.modules
    assert [*Registry("detectors", Callable, {})] == ["brightness"]
