"""The guide's package with one entry of each kind, installed, and faulty ones as if they were."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from skimage import data

import telltrace
from telltrace.checkpoint import Card, save_checkpoint
from telltrace.data.datasets import LAYOUTS
from telltrace.data.transforms import Preprocessing
from telltrace.errors import DependencyError, OutputError
from telltrace.evaluation.metrics import METRICS
from telltrace.exporting import EXPORTERS, export
from telltrace.models.registry import DETECTORS
from telltrace.plugins import Registry
from telltrace.robustness import CORRUPTIONS, corrupt

GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "plugins.md"
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
USE = """\
import numpy as np
import telltrace
from telltrace import cli
from telltrace.checkpoint import Card, save_checkpoint
from telltrace.data.datasets import read_layout
from telltrace.data.transforms import Preprocessing
from telltrace.exporting import export
from telltrace.robustness import corrupt

assert cli.main(["detectors", "--family", "toys"]) == 0
network = telltrace.create_detector("brightness", gain=2.0)
print(network.gain.item())
print(read_layout("toys", "media").path.tolist())
print(corrupt([np.full((4, 4, 3), 200, np.uint8)], ["a"], "darker", 3)[0].max())
report = telltrace.evaluate(([0, 1, 1], [0.1, 0.8, 0.9]), replicates=20)
print(report.overall.frames.metrics["count"].value)
card = Card(detector="brightness", preprocessing=Preprocessing(image_size=16))
save_checkpoint("bright.safetensors", network, card)
print(export("bright.safetensors", "bright.pt2", "program", samples=4).paths)
"""


BRIGHTNESS = "[telltrace.detectors]\nbrightness = telltrace_toys:Brightness"
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


def test_an_installed_package_adds_an_entry_of_every_kind(tmp_path: Path) -> None:
    if missing := [name for name in ("hatchling", "uv") if find_spec(name) is None]:
        pytest.skip(f"not installed: {missing}")
    source, site = tmp_path / "toys", tmp_path / "site"
    source.mkdir()
    (project,) = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (source / "pyproject.toml").write_text(project)
    (source / "telltrace_toys.py").write_text(PACKAGE)
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-cache"]
    how = ["--no-deps", "--no-build-isolation", "--python", sys.executable, "--target", str(site)]
    subprocess.run([*uv, *how, str(source)], check=True)
    paths = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), *sys.path])}
    call = [sys.executable, "-c", USE]
    done = subprocess.run(call, cwd=tmp_path, env=paths, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "brightness  toys          Nobody 2026", "            options: gain",
        "2.0", "['media/a.png']", "100", "3.0", "(PosixPath('bright.pt2'),)",
    ], done.stderr  # fmt: skip
    assert (tmp_path / "bright.pt2").is_file()


def test_a_format_is_written_only_if_its_scores_are_the_checkpoints(
    install: Callable[[str], None], tmp_path: Path
) -> None:
    install(f"{BRIGHTNESS}\n[telltrace.exporters]\nwrong = telltrace_toys:WRONG")
    card = Card(detector="brightness", preprocessing=Preprocessing(image_size=16))
    checkpoint = tmp_path / "bright.safetensors"
    save_checkpoint(checkpoint, telltrace.create_detector("brightness"), card)
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
    install(BRIGHTNESS)
    assert "brightness" in DETECTORS
    assert "telltrace_toys" not in sys.modules
    assert [*Registry("detectors", Callable, {})] == ["brightness"]
