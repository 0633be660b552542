from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from telltrace.models import create_detector
from telltrace.models.complexity import complexity
from telltrace.models.f3net import GATE, F3Net, F3NetFAD, MixBlock
from telltrace.models.xception import Xception
from telltrace.published import export_published, load_published


def test_equals_the_published_network(golden: Callable[[str], Any]) -> None:
    published = golden("f3net_fad")
    detector = load_published("f3net_fad", published.state).eval()
    with torch.inference_mode():
        parts = detector.get_submodule("decompose")(published.images)
        logits = detector(published.images)
    expected = published.numbers["fad"]
    assert list(parts.shape) == expected["shape"]
    assert parts.mean().item() == pytest.approx(expected["mean"], rel=1e-8)
    assert parts.std().item() == pytest.approx(expected["std"], rel=1e-8)
    assert parts.flatten()[:8].tolist() == pytest.approx(expected["first"], rel=1e-8)
    reference = torch.tensor(published.numbers["logits"], dtype=torch.float64)
    torch.testing.assert_close(logits, reference, rtol=1e-8, atol=0)
    rows = {row["name"]: row["shape"] for row in published.numbers["state_dict"]}
    exported = export_published(detector)
    assert {name: list(tensor.shape) for name, tensor in exported.items()} == rows


@pytest.fixture(scope="module")
def branch() -> F3NetFAD:
    torch.manual_seed(0)
    return F3NetFAD(image_size=48, num_classes=3, reference_compatible=True)


@pytest.fixture
def published(branch: F3NetFAD) -> dict[str, Tensor]:
    """A published state dict; a dict of its own for each test."""
    return export_published(branch)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("given", [True, False])
def test_constants_are_welcome_and_not_needed(
    given: bool, prefix: str, branch: F3NetFAD, published: dict[str, Tensor]
) -> None:
    for name in [n for n in published if "_DCT" in n or "base" in n or "adjust" in n]:
        if given:
            published[name] = torch.randn(published[name].shape)
        else:
            del published[name]
    twin = load_published("f3net_fad", {prefix + n: t for n, t in published.items()})
    assert twin.state_dict().keys() == branch.state_dict().keys()
    for name, tensor in branch.state_dict().items():
        assert torch.equal(twin.state_dict()[name], tensor), name
    image = torch.rand(2, 3, 48, 48)
    assert torch.equal(twin.eval()(image), branch.eval()(image))


def test_a_constant_of_another_shape_is_refused(published: dict[str, Tensor]) -> None:
    published["FAD_head.filters.2.base"] = torch.zeros(8, 8)
    with pytest.raises(ValueError, match=r"filters\.2\.base is \(8, 8\) instead of \(48, 48\)"):
        load_published("f3net_fad", published)


@pytest.mark.parametrize("damage", ["FAD_head.filters.3.learnable", "backbone.conv4.conv1.weight"])
def test_a_foreign_state_dict_is_refused(damage: str, published: dict[str, Tensor]) -> None:
    del published[damage]
    with pytest.raises(ValueError, match=r"has no FAD_head\.filters\.3|1 missing, such as conv4"):
        load_published("f3net_fad", published)


def test_disjoint_bands_are_not_exported() -> None:
    with pytest.raises(ValueError, match="reference_compatible=True"):
        export_published(F3NetFAD(image_size=48))


def test_the_papers_table_has_the_first_branch_at_299_pixels() -> None:
    """Guo et al., Table V: F3-Net 21.17 M, 8.49 G; Xception 20.81 M, 6.00 G."""
    plain = complexity(create_detector("xception"), 256)
    assert plain.parameters == pytest.approx(20.81e6, rel=1e-3)
    assert plain.paper_macs == pytest.approx(6.00e9, rel=2e-3)
    whole = complexity(create_detector("f3net_fad", image_size=299), 299)
    assert whole.parameters == pytest.approx(21.17e6, rel=1e-3)
    assert whole.paper_macs == pytest.approx(8.49e9, rel=3e-3)
    small = complexity(create_detector("f3net_fad"), 256)
    gains, kernel = 4 * 256**2, 9 * 3 * 3 * 32
    assert small.parameters == plain.parameters + gains + kernel == 21_075_786
    assert small.paper_macs == plain.paper_macs + kernel * 127**2
    transforms = (2 * 3 + 2 * 12) * 256**3  # rows and columns, forth and back
    assert small.executed_macs == plain.executed_macs + kernel * 127**2 + transforms


def test_both_branches_cost_two_xceptions_and_what_mixes_them() -> None:
    plain = complexity(create_detector("xception"), 256).parameters - 2 * 2049
    with torch.device("meta"):
        ours = sum(p.numel() for p in create_detector("f3net").parameters())
    kernels = (9 + 3) * 3 * 3 * 32
    gains = 4 * 256**2 + 6 * 10**2
    mixing = sum(4 * c**2 + 2 * c + 4 * c for c in (728, 1024))
    assert ours == 2 * plain + kernels + gains + mixing + 2 * 4097 == 48_213_050


@pytest.mark.parametrize("size", [48, 256, 299])
def test_the_streams_meet_at_multiples_of_sixteen_and_at_299(size: int) -> None:
    with torch.device("meta"):
        detector = F3Net(image_size=size).eval()
        assert detector(torch.empty(2, 3, size, size)).shape == (2, 2)


@pytest.mark.parametrize(("size", "nearest"), [(32, 48), (249, 256), (297, 304)])
def test_streams_that_would_not_meet_are_refused(size: int, nearest: int) -> None:
    with pytest.raises(ValueError, match=f"{size} pixels; the nearest .* is {nearest}"):
        F3Net(image_size=size)


@pytest.mark.parametrize("name", ["f3net", "f3net_fad"])
def test_an_image_of_another_size_is_refused(name: str) -> None:
    detector = create_detector(name, image_size=64)
    with pytest.raises(ValueError, match=r"\(64, 64\) pixels, got \(48, 48\).*image_size=48"):
        detector(torch.rand(1, 3, 48, 48))


def test_rows_attend_to_rows_of_both_streams() -> None:
    block = MixBlock(3).double().eval()
    first, second = torch.randn(2, 2, 3, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        ours = block(first, second)
        query1, query2 = block.query1(first)[1, 2], block.query2(second)[1, 2]
        key1, key2 = block.key1(first)[1, 2], block.key2(second)[1, 2]
    weight = ((query1 @ key1.T + query2 @ key2.T) / 8**0.5).softmax(1)
    x, y, gain = first[1, 2], second[1, 2], GATE / (1 + 1e-5) ** 0.5  # of a fresh BatchNorm
    torch.testing.assert_close(ours[0][1, 2], x + gain * y * weight)
    torch.testing.assert_close(ours[1][1, 2], y + gain * x * weight)


def test_a_gate_before_a_normalisation_cannot_learn_and_one_behind_it_can() -> None:
    x, target = torch.randn(2, 8, 4, 6, 6, dtype=torch.float64)

    def slope(gate: nn.Parameter, answer: Tensor) -> float:
        (answer - target).square().sum().backward()
        assert gate.grad is not None
        return gate.grad.abs().max().item()

    before = nn.Parameter(torch.tensor(3.0, dtype=torch.float64))
    norm = nn.BatchNorm2d(4, eps=1e-12).double()
    assert slope(before, norm(before * x)) < 1e-9
    assert slope(norm.weight, norm(x)) > 1


def test_both_xceptions_start_from_imagenet(tmp_path: Path) -> None:
    donor = Xception(num_classes=1000)
    torch.save(export_published(donor), tmp_path / "imagenet.pth")
    detector = F3Net(image_size=48, weights=tmp_path / "imagenet.pth")
    kernel = donor.features.stem1[0].weight
    for stream, copies in ((detector.components, 4), (detector.local, 2)):
        ours = stream.state_dict()
        torch.testing.assert_close(
            ours.pop("stem1.0.weight"), kernel.repeat(1, copies, 1, 1) / copies
        )
        for name, tensor in ours.items():
            assert torch.equal(tensor, donor.features.state_dict()[name]), name
