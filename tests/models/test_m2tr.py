from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from telltrace.models import create_detector
from telltrace.models.m2tr import (
    M2TR,
    CrossModalityFusion,
    FrequencyFilter,
    MultiScaleAttention,
)
from telltrace.models.xception import Xception
from telltrace.published import export_published, load_published
from telltrace.published.m2tr import UNUSED_HEAD


def test_equals_the_released_network(golden: Callable[[str], Any]) -> None:
    released = golden("m2tr")
    detector = load_published("m2tr", released.state).eval()
    # A last bit of the image moves these logits by 1e-9: attention of random weights is steep.
    # The plain kernel rounds as the released code does.
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH):
        scores = detector(released.images).sigmoid()  # the released head does so in evaluation
    expected = torch.tensor(released.numbers["logits"], dtype=torch.float64)
    torch.testing.assert_close(scores, expected, rtol=1e-8, atol=0)
    rows = {row["name"]: row["shape"] for row in released.numbers["state_dict"]}
    exported = export_published(detector)
    assert {name: list(tensor.shape) for name, tensor in exported.items()} == rows
    biases = 9 * 32  # six before a normalisation, two of keys, the fusion's value
    whole_patch = 8 * (32 + 1) + 8 * 32  # queries and keys of a patch that is the map
    unused = 2 * 1793 + 4 * (biases + whole_patch)
    ours = sum(p.numel() for p in detector.parameters())
    assert ours == released.numbers["parameters"] - unused == 18_604_714


@pytest.fixture(scope="module")
def detector() -> M2TR:
    torch.manual_seed(0)
    detector = M2TR(image_size=32, num_classes=3, depth=2)
    for module in detector.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
    return detector.eval()


@pytest.fixture
def released(detector: M2TR) -> dict[str, Tensor]:
    """A released state dict; a dict of its own for each test."""
    return export_published(detector)


def test_export_and_load_are_inverse(detector: M2TR, released: dict[str, Tensor]) -> None:
    twin = load_published("m2tr", {f"module.{name}": t for name, t in released.items()})
    assert (twin.image_size, len(twin.layers)) == (32, 2)
    for name, tensor in detector.state_dict().items():
        assert torch.equal(twin.state_dict()[name], tensor), name


def test_what_cannot_change_an_answer_is_not_asked(
    detector: M2TR, released: dict[str, Tensor]
) -> None:
    for name in [n for n in released if n.startswith(UNUSED_HEAD) or "key_embedding.bias" in n]:
        released[name] = torch.randn(released[name].shape)
    for layer in (0, 1):
        released[f"layers.{layer}.2.conv2.bias"] = torch.randn(32)
        released[f"layers.{layer}.0.t.attention.query_embedding.weight"][:8] = 7.0
    image = torch.rand(1, 3, 32, 32)
    twin = load_published("m2tr", released).eval()
    assert torch.equal(twin(image), detector(image))


@pytest.mark.parametrize(
    "damage", ["layers.0.1.filter.complex_weight", "layers.1.2.conv1.weight", "model._bn1.bias"]
)
def test_a_foreign_state_dict_is_refused(damage: str, released: dict[str, Tensor]) -> None:
    del released[damage]
    with pytest.raises(ValueError, match=r"has no layers\.0\.1\.filter|1 missing, such as "):
        load_published("m2tr", released)


def test_another_backbone_is_not_exported() -> None:
    with pytest.raises(ValueError, match="efficientnet_b4"):
        export_published(M2TR(image_size=64, backbone="xception", depth=1))


def test_patches_of_each_size_attend_to_their_like() -> None:
    layer = MultiScaleAttention(8, 8).double()
    layer.mix = nn.Identity()
    image = torch.randn(1, 8, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        ours = layer(image)
        query, key, value = (f(image)[0] for f in (layer.query, layer.key, layer.value))
    torch.testing.assert_close(ours[0, :2], value[:2])
    for scale, side in enumerate((4, 2, 1), start=1):
        own = slice(2 * scale, 2 * scale + 2)
        asked = slice(2 * scale - 2, 2 * scale)
        corners = [(i, j) for i in range(0, 8, side) for j in range(0, 8, side)]

        def patch(x: Tensor, at: tuple[int, int], side: int = side) -> Tensor:
            return x[:, at[0] : at[0] + side, at[1] : at[1] + side]

        for at in corners[:3]:
            products = torch.stack(
                [(patch(query[asked], at) * patch(key[asked], to)).sum() for to in corners]
            )
            shares = (products / (2 * side**2) ** 0.5).softmax(0)
            by_hand = sum(
                share * patch(value[own], to) for share, to in zip(shares, corners, strict=True)
            )
            torch.testing.assert_close(patch(ours[0, own], at), by_hand)


def test_places_attend_to_places_of_the_other_map() -> None:
    layer = CrossModalityFusion(4).double()
    layer.mix = nn.Identity()
    image, filtered = torch.randn(2, 1, 4, 3, 3, dtype=torch.float64)
    with torch.no_grad():
        ours = layer(image, filtered)[0].flatten(1)
        query, key, value = (
            f(x)[0].flatten(1)
            for f, x in ((layer.query, image), (layer.key, filtered), (layer.value, filtered))
        )
    torch.testing.assert_close(ours, value @ (query.T @ key / 2).softmax(1).T)


def test_the_filter_multiplies_the_spectrum() -> None:
    layer = FrequencyFilter(2, 6).double()
    image = torch.randn(3, 2, 6, 6, dtype=torch.float64)
    with torch.no_grad():
        ours = layer(image).numpy()
        gains = torch.view_as_complex(layer.weight).numpy()
        single = layer.float()(image.float())
        half = layer.half()(image.half())
    theirs = np.fft.irfft2(np.fft.rfft2(image.numpy()) * gains, s=(6, 6))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)
    rounded = np.abs(single.numpy() - theirs).max()  # the released code's, whatever comes in
    assert 1e-12 < rounded < 1e-6
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), single, rtol=1e-2, atol=1e-3)


def test_biases_that_we_do_without_could_not_learn() -> None:
    layer = CrossModalityFusion(4).double()
    key = nn.Parameter(torch.randn(4, 1, 1, dtype=torch.float64))
    value = nn.Parameter(torch.randn(4, 1, 1, dtype=torch.float64))
    image, filtered = torch.randn(2, 5, 4, 3, 3, dtype=torch.float64)
    layer.key.register_forward_hook(lambda module, given, answer: answer + key)
    layer.value.register_forward_hook(lambda module, given, answer: answer + value)
    layer(image, filtered).square().sum().backward()
    learns = [p.grad.abs().max().item() for p in layer.parameters()]
    assert min(learns) > 1e-6
    assert key.grad.abs().max() < 1e-12
    assert value.grad.abs().max() < 1e-12


def test_stands_on_xception_too() -> None:
    detector = M2TR(image_size=64, backbone="xception", depth=1, drop_rate=0.0).train()
    images, labels = torch.randn(4, 3, 64, 64), torch.tensor([0, 1, 0, 1])
    optimizer = torch.optim.Adam(detector.parameters(), lr=1e-4)
    before = [p.detach().clone() for p in detector.parameters()]
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(detector(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
    same = [
        name
        for (name, p), was in zip(detector.named_parameters(), before, strict=True)
        if torch.equal(p, was)
    ]
    assert not same
    assert detector.eval()(images).shape == (4, 2)


def test_xception_starts_from_imagenet(tmp_path: Path) -> None:
    donor = Xception(num_classes=1000)
    torch.save(export_published(donor), tmp_path / "imagenet.pth")
    with torch.no_grad():
        detector = M2TR(
            image_size=64, backbone="xception", depth=0, weights=tmp_path / "imagenet.pth"
        ).eval()
        image = torch.rand(1, 3, 64, 64)
        ours = detector.features(detector.texture(image))
        torch.testing.assert_close(ours, donor.eval().features(image).relu())


def test_efficientnet_starts_from_a_file(tmp_path: Path) -> None:
    donor = timm.create_model("tf_efficientnet_b4").eval()
    torch.save(donor.state_dict(), tmp_path / "imagenet.pth")
    with torch.no_grad():
        detector = M2TR(image_size=32, depth=0, weights=tmp_path / "imagenet.pth").eval()
        image = torch.rand(1, 3, 32, 32)
        ours = detector.features(detector.texture(image))
        torch.testing.assert_close(ours, donor.forward_features(image))


@pytest.mark.parametrize(
    ("backbone", "size", "message"),
    [
        (
            "efficientnet_b4",
            300,
            "multiple of 32, got 300; the nearest is 288",
        ),
        ("xception", 32, "multiple of 64, got 32; the nearest is 64"),
        ("resnet", 64, "one of efficientnet_b4, xception, got 'resnet'"),
    ],
)
def test_an_impossible_option_says_what_would_work(backbone: Any, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        M2TR(image_size=size, backbone=backbone)


def test_an_image_of_another_size_is_refused(detector: M2TR) -> None:
    with pytest.raises(ValueError, match=r"\(32, 32\) pixels, got \(64, 64\).*image_size=64"):
        detector(torch.rand(1, 3, 64, 64))


def test_is_larger_than_the_paper_could_tell() -> None:
    """Guo et al., Table V has Xception's own cost as a lower bound: > 20.81 M parameters."""
    with torch.device("meta"):
        whole = create_detector("m2tr", backbone="xception")
    assert sum(p.numel() for p in whole.parameters()) == 35_440_682
