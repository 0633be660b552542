"""Networks that anybody trained: timm's by name, and a user's own by a function."""

import os
import sys
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from telltrace.checkpoint import Card, load_detector, save_checkpoint
from telltrace.cli import main
from telltrace.data.transforms import Preprocessing
from telltrace.errors import CheckpointError
from telltrace.models import create_detector
from telltrace.models.classes import Classes
from telltrace.published import import_weights

OWN = """
from torch import nn

def make():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 1))

def number():
    return 3
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The function of a module that only this test has."""
    (tmp_path / "own_networks.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_networks", raising=False)
    return "external:own_networks:make"


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("classes", ["real,fake", "fake,real", "fake", "real"])
def test_a_network_of_timm_becomes_a_checkpoint(
    suffix: str, classes: Classes, tmp_path: Path
) -> None:
    count = len(classes.split(","))
    network = timm.create_model("resnet10t", num_classes=count).eval()
    state = {f"model.{name}": tensor for name, tensor in network.state_dict().items()}
    source, out = tmp_path / f"trained{suffix}", tmp_path / "out.safetensors"
    if suffix == ".pth":
        torch.save({"state_dict": state, "epoch": 3}, source)
    else:
        save_file(state, source)
    card = import_weights("timm:resnet10t", [source], out, classes=classes, std=(0.5, 0.5, 0.5))
    assert card.detector == "timm:resnet10t"
    assert card.provenance["classes"] == classes
    about = network.pretrained_cfg
    assert card.preprocessing.mean == about["mean"]
    assert card.preprocessing.std == (0.5, 0.5, 0.5)
    assert card.preprocessing.image_size == about["input_size"][-1]
    image = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        ours, theirs = load_detector(out).network(image), network(image)
    fake = {
        "real,fake": theirs.softmax(1)[:, -1],
        "fake,real": theirs.softmax(1)[:, 0],
        "fake": theirs[:, 0].sigmoid(),
        "real": 1 - theirs[:, 0].sigmoid(),
    }
    torch.testing.assert_close(ours.softmax(1)[:, 1], fake[classes])


def test_a_transformer_is_told_its_size(tmp_path: Path) -> None:
    network = timm.create_model("test_vit", num_classes=2, img_size=64).eval()
    torch.save(network.state_dict(), tmp_path / "vit.pth")
    out = tmp_path / "out.safetensors"
    files = [tmp_path / "vit.pth"]
    card = import_weights("timm:test_vit", files, out, classes="real,fake", image_size=64)
    assert card.options == {"image_size": 64}
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(load_detector(out).network(image), network(image))
    with pytest.raises(CheckpointError, match=r"1 of another shape, such as pos_embed"):
        import_weights("timm:test_vit", files, out, classes="real,fake")


def test_what_the_outputs_mean_must_be_said(tmp_path: Path) -> None:
    file, out = tmp_path / "trained.pth", tmp_path / "out.safetensors"
    torch.save(timm.create_model("resnet10t", num_classes=7).state_dict(), file)
    with pytest.raises(ValueError, match=r"Give --classes real,fake or fake,real"):
        import_weights("timm:resnet10t", [file], out)
    with pytest.raises(ValueError, match=r"has 7 output\(s\), and classes 'real,fake' are 2"):
        import_weights("timm:resnet10t", [file], out, classes="real,fake")
    with pytest.raises(ValueError, match=r"classes of xception is known. Leave --classes out"):
        import_weights("xception", [file], out, classes="real,fake")
    torch.save(timm.create_model("resnet10t", num_classes=2).state_dict(), file)
    with pytest.raises(CheckpointError, match=r"timm's resnet14t: .* missing, such as"):
        import_weights("timm:resnet14t", [file], out, classes="real,fake")
    assert not out.exists()


def test_a_network_of_the_users_becomes_a_checkpoint(
    own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network = create_detector(own, classes="real").network
    file, out = tmp_path / "own.pth", tmp_path / "out.safetensors"
    torch.save(network.state_dict(), file)
    command = ["import-weights", own, str(file), str(out), "--classes", "real"]
    command += ["--image-size", "48", "--margin", "1.6", "--mean", "[0.5,0.5,0.5]"]
    assert main(command) == 0
    with pytest.raises(CheckpointError, match=r"not allowed. If you trust it, set TELLTRACE_EXTER"):
        load_detector(out)
    monkeypatch.setenv("TELLTRACE_EXTERNAL", "other:function,own_networks:make")
    detector = load_detector(out)
    pixels = detector.card.preprocessing
    assert (pixels.image_size, pixels.crop.margin, pixels.mean) == (48, 1.6, (0.5, 0.5, 0.5))
    image = torch.rand(2, 3, 48, 48)
    with torch.inference_mode():
        real = network(image)[:, 0].sigmoid()
        torch.testing.assert_close(detector.network(image).softmax(1)[:, 0], real)
    assert f"external:own_networks:make {{'classes': 'real'}} -> {out}" in capsys.readouterr().out


def test_a_strangers_checkpoint_calls_no_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[int] = []
    monkeypatch.setattr(os, "getpid", lambda: called.append(1))
    file = tmp_path / "stranger.safetensors"
    card = Card(detector="external:os:getpid", preprocessing=Preprocessing())
    save_checkpoint(file, torch.nn.Linear(1, 1), card)
    with pytest.raises(
        CheckpointError, match=r"stranger.*function os:getpid, which is not allowed"
    ):
        load_detector(file)
    assert not called


def test_a_size_that_the_network_does_not_read_is_told(own: str, tmp_path: Path) -> None:
    torch.save(create_detector(own, classes="real").network.state_dict(), tmp_path / "own.pth")
    files, out = [tmp_path / "own.pth"], tmp_path / "out.safetensors"
    with pytest.raises(ValueError, match=r"does not read images of 2 pixels .*--image-size"):
        import_weights(own, files, out, classes="real", image_size=2)
    assert not out.exists()


def test_what_no_network_can_be_made_of_is_named(own: str) -> None:
    for name, message in (
        ("external:own_nothing:make", r"no external:own_nothing:make .*PYTHONPATH"),
        ("external:own_networks:none", r"no external:own_networks:none"),
        ("external:own_networks:number", r"returned int, not a torch.nn.Module"),
    ):
        with pytest.raises(ValueError, match=message):
            create_detector(name)
    with pytest.raises(ValueError, match=r"1 output\(s\), and classes 'real,fake' are 2"):
        create_detector(own)(torch.rand(1, 3, 8, 8))
