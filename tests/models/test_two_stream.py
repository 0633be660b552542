import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from telltrace.losses.margin import am_softmax
from telltrace.models.two_stream import Fusion, TwoStreamXception
from telltrace.models.xception import Xception
from telltrace.published import export_published, load_published
from telltrace.published.two_stream import UNUSED_HEAD

NUMBERS = json.loads(
    (Path(__file__).parents[1] / "golden" / "two_stream_xception.json").read_text()
)
TAPS = {
    "srm_conv0": "residual",
    "srm_conv1": "extract1",
    "srm_conv2": "extract2",
    "srm_sa": "guide",
    "dual_cma0": "cross1",
    "dual_cma1": "cross2",
    "fusion": "fusion",
}


@pytest.fixture(scope="module")
def detector() -> TwoStreamXception:
    torch.manual_seed(0)
    return TwoStreamXception(image_size=32).eval()


def _tap(detector: nn.Module) -> dict[str, tuple[Tensor, ...]]:
    seen: dict[str, tuple[Tensor, ...]] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: object, out: Any) -> None:
            seen.setdefault(name, out if isinstance(out, tuple) else (out,))

        return hook

    for name, part in TAPS.items():
        detector.get_submodule(part).register_forward_hook(note(name))
    return seen


def test_equals_the_released_network(golden: Callable[[str], Any]) -> None:
    released = golden("two_stream_xception")
    numbers = released.numbers
    detector = load_published("two_stream_xception", released.state).eval()
    seen = _tap(detector)
    with torch.inference_mode():
        evidence = detector.evidence(released.images)

    def equal(ours: Any, theirs: Any) -> None:
        assert ours == pytest.approx(theirs, rel=1e-8, abs=1e-15)

    equal(evidence.logits.tolist()[0], numbers["logits"][0])
    equal(evidence.logits.tolist()[1], numbers["logits"][1])
    assert numbers["taps"].keys() == seen.keys()
    for name, taps in numbers["taps"].items():
        for ours, theirs in zip(seen[name], taps, strict=True):
            assert list(ours.shape) == theirs["shape"], name
            equal([ours.mean().item(), ours.std().item()], [theirs["mean"], theirs["std"]])
            equal(ours.flatten()[: len(theirs["first"])].tolist(), theirs["first"])
    for name in ("feature", "attention"):
        ours, theirs = getattr(evidence, name), numbers[name]
        assert list(ours.shape) == theirs["shape"]
        equal(ours.mean().item(), theirs["mean"])
        equal(ours.flatten()[: len(theirs["first"])].tolist(), theirs["first"])
    constants = sum(t.numel() for n, t in export_published(detector).items() if "kernel" in n)
    unused = detector.head.weight.numel() + 2
    ours = sum(p.numel() for p in detector.parameters())
    assert ours == numbers["parameters"] - constants - unused == 53_238_380


@pytest.mark.parametrize("given", [True, False])
def test_loads_what_it_exports_whatever_the_unused_tensors_hold(
    given: bool, released_detector: TwoStreamXception, released: dict[str, Tensor]
) -> None:
    state = released
    for name in [n for n in state if n.startswith(UNUSED_HEAD) or n.endswith("kernel")]:
        state[name] = torch.randn_like(state[name])
        if not given:
            del state[name]
    twin = load_published("two_stream_xception", state)
    assert twin.image_size == 32
    for name, tensor in twin.state_dict().items():
        assert torch.equal(tensor, released_detector.state_dict()[name])


@pytest.fixture(scope="module")
def released_detector() -> TwoStreamXception:
    torch.manual_seed(0)
    return TwoStreamXception(image_size=32, num_classes=3, head="linear", reference_compatible=True)


@pytest.fixture
def released(released_detector: TwoStreamXception) -> dict[str, Tensor]:
    """A released state dict; a dict of its own for each test."""
    return export_published(released_detector)


def test_export_names_what_the_released_network_names(released: dict[str, Tensor]) -> None:
    names = {row["name"] for row in NUMBERS["state_dict"]}
    assert released.keys() == names


def test_what_the_released_code_cannot_compute_is_not_exported(
    detector: TwoStreamXception,
) -> None:
    with pytest.raises(ValueError, match="reference_compatible=True"):
        export_published(detector)


@pytest.mark.parametrize("damage", ["dual_cma0.linear1.weight", "fusion.ca.sharedMLP.0.weight"])
def test_a_foreign_state_dict_is_refused(damage: str, released: dict[str, Tensor]) -> None:
    del released[damage]
    with pytest.raises(ValueError, match=r"has no dual_cma0|1 missing.*sharedMLP\.0"):
        load_published("two_stream_xception", released)


def test_a_kernel_of_another_shape_is_refused(released: dict[str, Tensor]) -> None:
    released["srm_conv1.kernel"] = torch.zeros(96, 1, 3, 3)
    with pytest.raises(ValueError, match=r"srm_conv1\.kernel is \(96, 1, 3, 3\) instead of"):
        load_published("two_stream_xception", released)


def _idle(detector: TwoStreamXception) -> set[str]:
    """Parameters without a gradient, or with one that is nothing but rounding."""
    detector = detector.double().train()
    evidence = detector.evidence(torch.randn(2, 3, 64, 64, dtype=torch.float64))
    (evidence.logits.square().sum() + evidence.cosines.square().sum()).backward()
    norms = {
        name: 0.0 if p.grad is None else p.grad.norm().item()
        for name, p in detector.named_parameters()
    }
    return {name for name, norm in norms.items() if norm <= 1e-12 * max(norms.values())}


@pytest.mark.parametrize("head", ["cosine", "linear"])
def test_every_parameter_learns_from_the_first_step(head: Any) -> None:
    assert not _idle(TwoStreamXception(image_size=64, head=head))


def test_the_released_wiring_leaves_parameters_idle() -> None:
    idle = _idle(TwoStreamXception(image_size=64, reference_compatible=True))
    cross = {
        f"cross{i}.{layer}.{leaf}"
        for i in (1, 2)
        for layer in ("key1", "key2", "shared_key", "places1", "places2", "value1", "value2")
        for leaf in ("weight", "bias")
    }
    cancelled = {"rgb.tail.4.bias", "noise.tail.4.bias"}
    assert idle == cross | cancelled


@pytest.mark.parametrize(("released", "spread"), [(True, (3 * 512) ** -0.5), (False, 512**-0.5)])
def test_the_fusion_is_initialised_unless_released(released: bool, spread: float) -> None:
    weight = Fusion(256, reference_compatible=released).mix[0].weight
    assert weight.std().item() == pytest.approx(spread, rel=0.02)
    bounded = weight.abs().max() <= 512**-0.5  # torch's own initialisation is uniform
    assert bounded == released


def test_the_residual_guides_as_it_is_unless_released() -> None:
    image = torch.rand(1, 3, 32, 32)
    for released in (False, True):
        detector = TwoStreamXception(image_size=32, reference_compatible=released).eval()
        once = detector.residual(image)
        twice = detector.residual(once)
        attention = detector.evidence(image).attention
        torch.testing.assert_close(attention, detector.guide(twice if released else once))
        assert not torch.allclose(detector.guide(once), detector.guide(twice))


@pytest.mark.parametrize("image_size", [16, 48, 80])
def test_any_multiple_of_sixteen_will_do(image_size: int) -> None:
    detector = TwoStreamXception(image_size=image_size).eval()
    images = torch.rand(1, 3, image_size, image_size)
    evidence = detector.evidence(images)
    torch.testing.assert_close(evidence.logits, detector(images))
    side = image_size // 2 - 3
    assert evidence.attention.shape == (1, 1, side, side)
    places = (image_size // 16) ** 2
    shapes = [maps.shape for pair in detector.cross_attention(images) for maps in pair]
    assert shapes == [(1, places, places)] * 4


@pytest.mark.parametrize(("size", "nearest"), [(100, 96), (8, 16), (250, 256)])
def test_other_sizes_are_refused_with_the_nearest(size: int, nearest: int) -> None:
    with pytest.raises(ValueError, match=f"got {size}; the nearest is {nearest}"):
        TwoStreamXception(image_size=size)


def test_an_image_of_another_size_is_refused(detector: TwoStreamXception) -> None:
    with pytest.raises(ValueError, match=r"\(32, 32\) pixels, got \(48, 48\).*image_size=48"):
        detector(torch.rand(1, 3, 48, 48))


def test_an_unknown_head_is_refused() -> None:
    with pytest.raises(ValueError, match="'sphere'"):
        TwoStreamXception(image_size=16, head="sphere")  # type: ignore[arg-type]


def test_logits_are_the_cosines_scaled(detector: TwoStreamXception) -> None:
    evidence = detector.evidence(torch.rand(2, 3, 32, 32))
    torch.testing.assert_close(evidence.logits, 30 * evidence.cosines)


def test_a_margin_loss_trains_it() -> None:
    detector = TwoStreamXception(image_size=32, drop_rate=0.0).train()
    images, labels = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 0, 1])
    optimizer = torch.optim.Adam(detector.parameters(), lr=1e-4)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = am_softmax(detector.evidence(images).cosines, labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_both_streams_start_from_imagenet(tmp_path: Path) -> None:
    donor = Xception(num_classes=1000)
    torch.save(export_published(donor), tmp_path / "imagenet.pth")
    detector = TwoStreamXception(image_size=32, weights=tmp_path / "imagenet.pth")
    for stream in (detector.rgb, detector.noise):
        for name, tensor in donor.features.state_dict().items():
            assert torch.equal(stream.state_dict()[name], tensor)
