"""Published EfficientNets give their authors' answers, on weights that their names make."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from telltrace.checkpoint import load_detector
from telltrace.cli import main
from telltrace.errors import CheckpointError, OptionError
from telltrace.explanation import inner_maps
from telltrace.faces.align import FaceCrop
from telltrace.models import create_detector
from telltrace.published import LAYOUTS, import_weights, load_published

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = {
    "sbi": "sbi_efficientnet_b4",
    "dfdc_b7": "selimsef_b7",
    "dfb_efficientnetb4": "dfb_efficientnetb4",
    **{f"ispl_efficientnet{kind}": f"ispl_efficientnet{kind}" for kind in
       ("b4", "b4st", "autoattb4", "autoattb4st")},
}  # fmt: skip
STAGES = {"_blocks.9": 2, "_blocks.31": 6, "blocks.2": 2, "blocks.6": 6}
"""Stage of timm's network that ends with what the golden file calls so."""


@pytest.mark.parametrize("name", FILES)
def test_equals_the_published_network(name: str, golden: Callable[[str], Any]) -> None:
    published = golden(FILES[name])
    network = load_published(name, published.state).eval()
    runs = [(published.numbers, published.images)]
    if (size := published.numbers.get("size_256")) is not None:
        noise = np.random.RandomState(size["input"]["seed"]).standard_normal(size["input"]["shape"])
        runs.append((size, torch.as_tensor(noise)))
    if (padded := published.numbers.get("padded_crop")) is not None:
        runs.append((padded, padded_input(padded["input"])))
    for numbers, images in runs:
        logits, stages = answers(network, images)
        one = logits[:, 1:] - logits[:, :1]
        expected = torch.tensor(numbers["logits"], dtype=torch.float64)
        found = logits if expected.shape[1] == 2 else one
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=0)
        for tap, (row,) in numbers["taps"].items():
            ends = [number for end, number in STAGES.items() if tap.endswith(f".{end}")]
            for out in (stages[number] for number in ends):
                assert list(out.shape) == row["shape"]
                assert out.mean().item() == pytest.approx(row["mean"], rel=1e-8)
                assert out.flatten()[:4].tolist() == pytest.approx(row["first"], rel=1e-8)
    if (attention := published.numbers.get("attention")) is not None:
        with torch.inference_mode():
            weights = network.attention_map(published.images)
        assert list(weights.shape) == attention["shape"]
        assert weights.flatten()[:8].tolist() == pytest.approx(attention["first"], rel=1e-8)
        first = np.ravel(attention["values_of_first_image"])
        assert weights[0].flatten().tolist() == pytest.approx(first, abs=1e-11)


def answers(network: nn.Module, images: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Logits, and what each stage gives."""
    stages: list[Tensor] = []
    blocks = getattr(network, "backbone", network).blocks
    hooks = [b.register_forward_hook(lambda m, given, out: stages.append(out)) for b in blocks]
    with torch.inference_mode():
        logits = network(images)
    for hook in hooks:
        hook.remove()
    return logits, stages


def padded_input(expected: dict[str, Any]) -> Tensor:
    """The DFDC winner's input of a crop that is no square, made by the layout's preprocessing."""
    preprocessing = LAYOUTS["dfdc_b7"].preprocessing
    assert preprocessing is not None
    crop = np.random.RandomState(1).randint(0, 256, (380, 300, 3)).astype(np.uint8)
    square = preprocessing.resize(crop)
    single = preprocessing.tensor(square[None])
    assert single.flatten()[:8].tolist() == pytest.approx(expected["first"], rel=1e-6)
    mean, std = (
        torch.tensor(v, dtype=torch.float64) for v in (preprocessing.mean, preprocessing.std)
    )
    double = (torch.as_tensor(square).double() / 255 - mean) / std
    images = double.permute(2, 0, 1)[None].contiguous()
    assert images.mean().item() == pytest.approx(expected["mean"], rel=1e-9)
    return images


def random_state(name: str) -> dict[str, Tensor]:
    """A released state dict in single precision, of random numbers."""
    rows = json.loads((GOLDEN / f"{FILES[name]}.json").read_text())["state_dict"]
    return {
        row["name"]: torch.tensor(0)
        if row["name"].endswith("num_batches_tracked")
        else torch.rand(row["shape"]) * 0.02 + 0.01
        for row in rows
    }


def test_a_file_of_sbi_becomes_a_checkpoint(tmp_path: Path) -> None:
    """Their file holds the optimizer too, and its pixels are not normalised."""
    state, out = random_state("sbi"), tmp_path / "sbi.safetensors"
    torch.save({"model": state, "optimizer": {"step": 3}, "epoch": 9}, tmp_path / "FFraw.tar")
    card = import_weights("sbi", [tmp_path / "FFraw.tar"], out)
    assert (card.detector, card.options) == ("efficientnet_b4_380", {})
    assert "noncommercial" in card.provenance["licence"]
    assert card.provenance["tensors"] == {"read": 706, "unused": 0}
    assert card.provenance["classes"] == "0 real, 1 fake"
    assert card.calibration.frames == "mean"
    assert card.preprocessing.crop == FaceCrop(size=380, alignment="sbi")
    face = np.random.default_rng(0).integers(0, 256, (380, 380, 3), dtype=np.uint8)
    network = load_published("sbi", state).eval()
    with torch.inference_mode():
        logits = network(torch.as_tensor(face).permute(2, 0, 1)[None] / 255)
    expected = logits.softmax(1)[0, 1].item()
    assert load_detector(out).score([face]) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(OptionError, match=r"margin of their own, 1\.25"):
        import_weights("sbi", [tmp_path / "FFraw.tar"], out, margin=1.5)
    with pytest.raises(CheckpointError, match=r"not EfficientNet-B4 as DeepfakeBench .* missing"):
        import_weights("dfb_efficientnetb4", [tmp_path / "FFraw.tar"], out)
    wide = {"_fc.weight": torch.ones(1000, 1792), "_fc.bias": torch.ones(1000)}
    with pytest.raises(CheckpointError, match="of another shape, such as _fc"):  # ImageNet's
        load_published("sbi", state | wide)


def test_the_siamese_file_is_verified_and_its_attention_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "ispl_efficientnetautoattb4st"
    state, out = random_state(name), tmp_path / "ispl.safetensors"
    source = tmp_path / "bestval.pth"
    torch.save({"net": state, "opt": {}, "epoch": 3}, source)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    wrong = source.rename(tmp_path / f"EfficientNetAutoAttB4ST_DFDC_bestval-{'0' * 64}.pth")
    assert main(["import-weights", name, str(wrong), str(out)]) == 2
    assert f"its content has {digest}" in capsys.readouterr().err
    right = wrong.rename(tmp_path / f"EfficientNetAutoAttB4ST_DFDC_bestval-{digest}.pth")
    assert main(["import-weights", name, str(right), str(out)]) == 0
    said = capsys.readouterr().out
    assert "one logit" in said
    assert "GPL-3.0" in said
    detector = load_detector(out)
    assert detector.card.options == {"attention": True}
    faces = list(np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8))
    (weights,) = inner_maps(detector, faces).values()
    assert weights.shape == (2, 28, 28)
    assert (detector.network(torch.rand(2, 3, 224, 224))[:, 0] == 0).all()


def test_the_winners_layout_is_timms() -> None:
    """What its checkpoints hold is a network that timm builds too, and one that was never read."""
    with torch.device("meta"):
        ours = create_detector("timm:tf_efficientnet_b7").state_dict()
    rows = json.loads((GOLDEN / "selimsef_b7.json").read_text())["state_dict"]
    theirs = {row["name"].removeprefix("module.") for row in rows}
    unused = {name for name in theirs if name.startswith(LAYOUTS["dfdc_b7"].ignored)}
    assert {LAYOUTS["dfdc_b7"].rename(name) for name in ours} == theirs - unused
    with pytest.raises(CheckpointError, match=r"of the DFDC winner.*fc\.weight"):
        load_published("dfdc_b7", {"net.weight": torch.ones(1)})
