import inspect
import json
import subprocess
import sys
from importlib import import_module

import pytest
import torch

from telltrace import cli
from telltrace.models import DETECTORS, create_detector, list_detectors
from telltrace.models.registry import PREFIXES, Builder, _builder, default_options, options_for_size


def test_a_misspelt_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(ValueError, match=r"'sfi_resnet2'\. Did you mean .*sfi_resnet26"):
        create_detector("sfi_resnet2")


def test_an_unknown_option_is_answered_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no option 'gamma'\. It has: alpha, beta, kernel_size"):
        create_detector("sfi_vgg13", gamma=1)


def test_an_impossible_option_says_what_would_work() -> None:
    with pytest.raises(ValueError, match="from 0 to 1; got 2"):
        create_detector("sfi_mobilenet", alpha=2)
    with pytest.raises(ValueError, match="above 0 and up to 1; got 0"):
        create_detector("sfi_resnet26", beta=0)
    with pytest.raises(ValueError, match="odd and at least 3, got 4"):
        create_detector("sfi_resnet26", kernel_size=4)
    with pytest.raises(ValueError, match=r"cannot be split at alpha=0\.001"):
        create_detector("sfi_resnet26", alpha=0.001)


def test_every_detector_is_listed_once() -> None:
    rows = list_detectors()
    assert [row.name for row in rows] == sorted(DETECTORS)
    assert all(row.name.startswith(row.family) for row in rows)


@pytest.mark.parametrize(
    "name", sorted({*DETECTORS, "timm:resnet10t", "sfi:resnet10t", "ln_tuned:x"})
)
def test_options_are_read_from_the_text_as_python_reads_them(name: str) -> None:
    builder = _builder(name)
    assert isinstance(builder, Builder)
    function = getattr(import_module(f"telltrace.models.{builder.file}"), builder.name)
    parameters = [*inspect.signature(function).parameters.values()][len(builder.given) :]
    wanted = {p.name: p.default for p in parameters if p.name not in builder.fixed}
    assert builder.options == wanted | dict(builder.defaults)


def test_detectors_are_listed_without_torch() -> None:
    code = "import sys, telltrace.cli as c; c.main(['detectors']); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_detectors_prints_the_options_of_every_detector_and_prefix(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cli.main(["detectors"])
    text = capsys.readouterr().out
    cli.main(["detectors", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == [*sorted(DETECTORS), *(f"{x}NAME" for x in PREFIXES)]
    for row in rows:
        assert f"{row['name']} " in text
        assert list(row["options"]) == list(default_options(row["name"]))
        assert f"options: {', '.join(row['options'])}\n" in text
    assert "alpha" in next(row for row in rows if row["name"] == "sfi:NAME")["options"]


def test_lists_one_family() -> None:
    rows = list_detectors("sfi")
    assert {row.name for row in rows} == {name for name in DETECTORS if name.startswith("sfi_")}
    assert {row.paper for row in rows} == {"Guo et al., IEEE TIFS 2024"}
    with pytest.raises(ValueError, match=r"family 'sif'; there are .*sfi"):
        list_detectors("sif")


def test_classes_are_an_option_of_every_detector() -> None:
    image = torch.rand(1, 3, 64, 64)
    for name in ("sfi_mobilenet", "mobilenet", "vgg13", "sfi_vgg13", "resnet26", "sfi_resnet26"):
        assert create_detector(name, num_classes=5).eval()(image).shape == (1, 5)


def test_a_network_of_fixed_size_is_told_the_size() -> None:
    assert options_for_size("meso4", {"drop_rate": 0.1}, 64) == {"image_size": 64, "drop_rate": 0.1}
    assert options_for_size("meso4", {"image_size": 96}, 64) == {"image_size": 96}
    for name in ("meso4", "xception", "timm:resnet10t"):
        assert options_for_size(name, {}, 256) == {}


def test_options_of_version_0_1_are_read_by_their_old_names() -> None:
    assert create_detector("f3net_fad", image_size=48, released=True).reference_compatible


def test_a_detector_without_family_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "toy", torch.nn.Identity)
    assert ("toy", "toy", "") in list_detectors()
