"""DeepfakeBench's detectors and ISPL's Xception give the numbers of the published code."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from telltrace.checkpoint import load_detector
from telltrace.errors import CheckpointError
from telltrace.models import create_detector
from telltrace.models.spsl import phase_picture
from telltrace.published import LAYOUTS, Layout, import_weights, load_published

FLOW = {"block3": "entry", "block12": "exit", "bn4": "tail"}
TAPS = {
    "dfb_recce": {
        "model.encoder.block4": "features.middle_first.0",
        "model.decoder2": "decoder1",
        "model.decoder4": "decoder2",
        "model.decoder6": "decoder3",
        "model.reasoning": "reasoning",
        "model.attention": "attention",
    },
    "dfb_spsl": {
        "backbone.conv1": "features.stem1.0",
        "backbone.block12": "features.exit",
        "backbone.bn4": "features.tail",
    },
    "dfb_srm": {
        "srm_conv0": "residual",
        "srm_conv1": "extract1",
        "srm_conv2": "extract2",
        "srm_sa": "guide",
        "srm_sa_post": "guided",
        "dual_cma0": "cross1",
        "dual_cma1": "cross2",
        "fusion": "fusion",
    },
    "dfb_ucf": {
        "encoder_f.bn4": "features.tail",
        "encoder_f.adjust_channel": "narrow",
        "block_sha": "common",
        "head_sha": "head",
    },
    "dfb_xception": {f"backbone.{theirs}": f"features.{ours}" for theirs, ours in FLOW.items()},
    "ispl_xception": {f"xception.{theirs}": f"features.{ours}" for theirs, ours in FLOW.items()},
}
"""Parts of ours by the published names of what they compute."""


@dataclass
class Run:
    """What a published layout's network computes, and the numbers that it should."""

    published: Any
    network: nn.Module
    logits: Tensor
    seen: dict[str, Tensor]


@pytest.fixture(scope="module", params=TAPS)
def run(request: pytest.FixtureRequest, golden: Callable[[str], Any]) -> Run:
    published = golden(request.param)
    network = load_published(request.param, published.state).eval()
    seen: dict[str, Tensor] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: object, out: Any) -> None:
            seen.setdefault(name, out[0] if isinstance(out, tuple) else out)

        return hook

    for theirs, ours in TAPS[request.param].items():
        network.get_submodule(ours).register_forward_hook(note(theirs))
    with torch.inference_mode():
        return Run(published, network, network(published.images), seen)


def close(ours: Tensor, theirs: dict[str, Any]) -> None:
    assert list(ours.shape) == theirs["shape"]
    found = [ours.mean().item(), ours.std().item()]
    assert found == pytest.approx([theirs["mean"], theirs["std"]], rel=1e-8)
    first = theirs["first"]
    assert ours.flatten()[: len(first)].tolist() == pytest.approx(first, rel=1e-8, abs=1e-15)


def test_equals_the_published_network(run: Run) -> None:
    expected = torch.tensor(run.published.numbers["logits"], dtype=torch.float64)
    if expected.shape[1] == 1:
        expected = torch.cat([torch.zeros_like(expected), expected], 1)
    torch.testing.assert_close(run.logits, expected, rtol=1e-8, atol=0)
    for name, ours in run.seen.items():
        close(ours, run.published.numbers["taps"][name][0])
    if "phase_channel" in run.published.numbers:
        phase = phase_picture(run.published.images)
        theirs = run.published.numbers["phase_channel"]
        close(phase, theirs)


def test_core_is_xception_when_it_is_used() -> None:
    core, xception = LAYOUTS["dfb_core"], LAYOUTS["dfb_xception"]
    assert core != xception
    assert replace(core, source=xception.source, files=xception.files) == xception


FILES: dict[str, tuple[str, dict[str, Any], str, dict[str, tuple[int, ...]]]] = {
    "dfb_core": ("xception", {}, "backbone.", {"adjust_channel.0.weight": (512, 2048, 1, 1)}),
    "dfb_recce": ("recce", {}, "", {"backbone.conv1.weight": (32, 3, 3, 3)}),
    "dfb_spsl": ("spsl", {}, "backbone.", {"adjust_channel.0.bias": (512,)}),
    "dfb_srm": (
        "two_stream_xception",
        {
            "image_size": 64,
            "head": "linear",
            "reference_compatible": True,
            "residual_fusion": False,
        },
        "",
        {"backbone_srm.last_linear.bias": (2,)},
    ),
    "dfb_ucf": ("ucf", {}, "", {"head_spe.mlp.2.weight": (3, 512), "con_gan.conv.bias": (3,)}),
    "ispl_xception": ("xception", {}, "xception.", {}),
}
"""Of each released file: the detector and its options, a prefix, and tensors that nothing reads."""


@pytest.mark.parametrize("name", FILES)
def test_a_released_file_becomes_a_checkpoint(name: str, tmp_path: Path) -> None:
    detector, options, prefix, unused = FILES[name]
    network = create_detector(detector, **options).eval()
    state = LAYOUTS[name].export(network)
    state |= {key: torch.zeros(shape) for key, shape in unused.items()}
    if name == "ispl_xception":
        state |= {key: state[key][1:] - state[key][:1] for key in state if "last_linear" in key}
    state = {f"module.{prefix}{key}": tensor for key, tensor in state.items()}
    torch.save({"net": state, "epoch": 3} if name == "ispl_xception" else state, tmp_path / "a.pth")
    card = import_weights(name, [tmp_path / "a.pth"], tmp_path / "a.safetensors", image_size=64)
    assert (card.detector, card.options) == (detector, options)
    assert card.provenance["licence"] == LAYOUTS[name].licence != Layout.licence
    judge = load_detector(tmp_path / "a.safetensors")
    image = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        ours, theirs = judge.network(image), network(image)
    torch.testing.assert_close(ours.diff(), theirs.diff(), rtol=1e-3, atol=1e-4)


def test_files_of_other_detectors_are_refused_by_name() -> None:
    """Both are Xceptions, and only their first kernel tells them apart."""
    state = LAYOUTS["dfb_spsl"].export(create_detector("spsl"))
    with pytest.raises(ValueError, match=r"not Xception .*: 1 of another shape, such as conv1\.w"):
        load_published("dfb_xception", state)
    for name, message in (
        ("dfb_recce", r"missing, such as model\.encoder\.conv1\.weight; \d+ left over"),
        ("dfb_srm", r"it has no dual_cma0\.linear1\.weight but adjust"),
        ("dfb_ucf", r"missing, such as encoder_f\.conv1\.weight"),
        ("ispl_xception", r"last_linear\.weight is of 2 outputs, where these weights have one"),
    ):
        with pytest.raises(CheckpointError, match=message):
            load_published(name, state | {"adjust_channel.0.bias": torch.zeros(512)})
        with pytest.raises(CheckpointError, match="This state dict is not"):
            load_published(name, {})
