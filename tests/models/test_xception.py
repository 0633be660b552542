from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch
from torch import Tensor, nn

from telltrace.models.xception import Xception, XceptionFeatures, load_imagenet
from telltrace.published import export_published, load_published


@pytest.fixture(scope="module")
def reference() -> nn.Module:
    """timm's own Xception with random weights: another implementation of the same network."""
    torch.manual_seed(1)
    return timm.create_model("legacy_xception", pretrained=False).eval()


def test_equals_the_published_network(golden: Callable[[str], Any]) -> None:
    published = golden("xception")
    detector = load_published("xception", published.state).eval()
    with torch.inference_mode():
        logits = detector(published.images)
    expected = torch.tensor(published.numbers["logits"], dtype=torch.float64)
    torch.testing.assert_close(logits, expected, rtol=1e-8, atol=0)
    dead = sum(t.numel() for n, t in published.state.items() if n.startswith("adjust_channel"))
    dead -= 2 * 512 + 1  # running statistics and a counter are no parameters
    ours = sum(p.numel() for p in detector.parameters())
    assert ours == published.numbers["parameters"] - dead == 20_811_050


def test_stages_give_timms_features(reference: nn.Module, tmp_path: Path) -> None:
    wrapped = {f"module.{name}": tensor for name, tensor in reference.state_dict().items()}
    torch.save(wrapped, tmp_path / "xception.pth")
    features = XceptionFeatures().eval()
    load_imagenet(features, tmp_path / "xception.pth")
    image = torch.randn(2, 3, 80, 80)
    with torch.inference_mode():
        ours, theirs = features(image).relu(), reference.forward_features(image).relu()
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * theirs.std().item())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_imagenet_weights_come_from_a_file(
    tmp_path: Path, reference: nn.Module, suffix: str
) -> None:
    path = tmp_path / f"xception{suffix}"
    state = dict(reference.state_dict())
    if suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:  # as the oldest files have it: matrices for pointwise kernels, no counters
        state = {n: t for n, t in state.items() if "num_batches" not in n}
        torch.save({n: t[:, :, 0, 0] if "pointwise" in n else t for n, t in state.items()}, path)
    detector = Xception(weights=path)
    assert torch.equal(detector.features.stem1[0].weight, reference.conv1.weight)
    ours = detector.features.middle_second[0].body[1].pointwise.weight
    assert torch.equal(ours, reference.block8.rep[1].pointwise.weight)


def test_imagenet_weights_come_from_timm_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, reference: nn.Module
) -> None:
    asked: list[tuple[str, bool]] = []

    def create_model(name: str, *, pretrained: bool) -> nn.Module:
        asked.append((name, pretrained))
        return reference

    monkeypatch.setattr(timm, "create_model", create_model)
    Xception()
    assert asked == []
    detector = Xception(weights="timm")
    assert asked == [("legacy_xception", True)]
    assert torch.equal(detector.features.tail[3].pointwise.weight, reference.conv4.pointwise.weight)


def test_copies_of_a_picture_give_the_pictures_own_response(
    tmp_path: Path, reference: nn.Module
) -> None:
    torch.save(reference.state_dict(), tmp_path / "xception.pth")
    one, four = XceptionFeatures().eval(), XceptionFeatures(in_channels=12).eval()
    load_imagenet(one, tmp_path / "xception.pth")
    load_imagenet(four, tmp_path / "xception.pth")
    image = torch.randn(1, 3, 16, 16)
    torch.testing.assert_close(four.stem1(image.repeat(1, 4, 1, 1)), one.stem1(image))


def test_a_missing_file_is_answered_with_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"none\.pth: There is no such weights file.*weights=\"timm\""
    ):
        Xception(weights=tmp_path / "none.pth")


def test_a_foreign_state_dict_is_refused_with_its_differences() -> None:
    state = export_published(Xception())
    state["conv3.pointwise.weight"] = torch.zeros(3, 3, 1, 1)
    state["stranger.weight"] = state.pop("bn4.bias")
    with pytest.raises(ValueError, match=r"1 missing, such as bn4\.bias; 1 left over.*stranger"):
        load_published("xception", state)
    with pytest.raises(ValueError, match=r"not Xception .* has no conv1\.weight but weight"):
        load_published("xception", {"weight": torch.zeros(1)})


@pytest.mark.parametrize("num_classes", [2, 3])
def test_export_and_load_are_inverse(num_classes: int) -> None:
    detector = Xception(num_classes=num_classes)
    twin = load_published("xception", export_published(detector))
    for name, tensor in detector.state_dict().items():
        assert torch.equal(twin.state_dict()[name], tensor)


def _multiplications(network: nn.Module, image: Tensor) -> int:
    """Multiply-accumulates of every convolution and linear layer in one forward pass."""
    total = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        total += output.numel() * layer.weight[0].numel()

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    with torch.inference_mode():
        network(image)
    return total


def test_costs_what_the_literature_says() -> None:
    detector = Xception().eval()
    parameters = sum(p.numel() for p in detector.parameters())
    assert parameters == pytest.approx(20.81e6, rel=0.001)
    assert _multiplications(detector, torch.zeros(1, 3, 256, 256)) == pytest.approx(
        6.00e9, rel=0.02
    )


def test_every_parameter_learns() -> None:
    detector = Xception().train()
    detector(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert not [n for n, p in detector.named_parameters() if p.grad is None or not p.grad.any()]
