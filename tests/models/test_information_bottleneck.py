from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from telltrace.losses import Information
from telltrace.models.information_bottleneck import InformationBottleneckNet, ib
from telltrace.models.registry import DETECTORS
from telltrace.published import export_published, load_published

FILES = {
    "ib_resnet34": "ib_resnet34",
    "ib_mobilenet": "ib_mobilenet",
    "ib_efficientnet_b0": "ib_efficientnet",
}
DEAD = {"ib_resnet34": 0, "ib_mobilenet": 4 * 1025 * 1000, "ib_efficientnet_b0": 4 * 1281 * 1000}
"""Parameters of ImageNet classifiers that the published network carries and never uses."""


def small(n: int = 3, width: int = 6) -> InformationBottleneckNet:
    blocks = [
        nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        for _ in range(n)
    ]
    return InformationBottleneckNet(blocks, width)


@pytest.mark.parametrize("name", FILES)
def test_every_head_equals_the_published_network(golden: Callable[[str], Any], name: str) -> None:
    published = golden(FILES[name])
    numbers = published.numbers
    detector = load_published(name, published.state).eval()
    with torch.inference_mode():
        heads = detector.verdicts(published.images)
        answer = detector(published.images)
    for ours, theirs in (
        (answer, numbers["logits"]),
        (heads.fused, numbers["logits"]),
        (heads.joint, numbers["p_y_given_f_all"]),
        (heads.without, numbers["p_y_given_f1_fn_list"]),
    ):
        expected = torch.tensor(theirs, dtype=torch.float64)
        torch.testing.assert_close(ours, expected, rtol=1e-8, atol=0)
    ours_count = sum(p.numel() for p in detector.parameters())
    assert ours_count == numbers["parameters"] - DEAD[name] - (1000 + 500)


@pytest.mark.parametrize("name", FILES)
def test_export_and_load_are_inverse(name: str) -> None:
    detector = DETECTORS[name](num_blocks=2, num_classes=3)
    state = export_published(detector)
    kept = {f"module.{k}": t for k, t in state.items() if "num_batches_tracked" not in k}
    wrapped = {"epoch": 3, "state_dict": kept}
    twin = load_published(name, wrapped)
    assert all(torch.equal(twin.state_dict()[k], t) for k, t in detector.state_dict().items())


@pytest.mark.parametrize("name", ["ib_mobilenet", "ib_efficientnet_b0"])
def test_export_has_the_published_names_and_shapes(golden: Callable[[str], Any], name: str) -> None:
    expected = {k: t.shape for k, t in golden(FILES[name]).state.items()}
    build = DETECTORS[name]
    assert {k: t.shape for k, t in export_published(build()).items()} == expected


def test_a_foreign_state_dict_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not a published ib_resnet34.*has no linear\.1\.weight"):
        load_published("ib_resnet34", {"weight": torch.zeros(1)})
    state = export_published(DETECTORS["ib_mobilenet"](num_blocks=2))
    del state["baseline_linear.bias"]
    with pytest.raises(ValueError, match=r"1 missing, such as baseline_linear\.bias"):
        load_published("ib_mobilenet", state)
    with pytest.raises(ValueError, match=r"Nothing was published over the backbone resnet10t"):
        export_published(ib(backbone="resnet10t", num_blocks=2))


def test_each_head_sees_what_its_name_says() -> None:
    detector = small().eval()
    image = torch.rand(2, 3, 8, 8)
    before = detector.verdicts(image)
    with torch.no_grad():
        for parameter in detector.blocks[1].parameters():
            parameter.mul_(1.5)
    after = detector.verdicts(image)
    changed = [not torch.equal(a, b) for a, b in zip(before.without, after.without, strict=True)]
    assert changed == [True, False, True]
    assert not torch.equal(before.joint, after.joint)
    assert not torch.equal(before.fused, after.fused)


def test_the_answer_is_the_fused_head() -> None:
    detector = small().eval()
    image = torch.rand(2, 3, 8, 8)
    assert torch.equal(detector(image), detector.verdicts(image).fused)


def test_a_bias_before_a_normalisation_never_learns() -> None:
    """What the published bottleneck has and ours does without."""
    detector = small()
    first = detector.bottleneck[0]
    assert first.bias is None
    first.bias = nn.Parameter(torch.randn(1000))
    loss = detector.double().verdicts(torch.rand(6, 3, 8, 8).double()).fused.square().sum()
    loss.backward()
    assert first.bias.grad.abs().max() < 1e-12 * first.weight.grad.abs().max()


@pytest.mark.parametrize("measure", ["kl", "wasserstein"])
@pytest.mark.parametrize("name", ["ib", *FILES])
def test_every_parameter_learns(name: str, measure: Any) -> None:
    detector: Any = DETECTORS[name](num_blocks=2).train()
    loss = Information(measure=measure)
    images, labels = torch.randn(4, 3, 64, 64), torch.tensor([0, 1, 1, 0])
    loss.total(*detector.verdicts(images), labels).backward()
    named = [*detector.named_parameters(), *loss.named_parameters()]
    assert not [name for name, p in named if p.grad is None or not p.grad.any()]


def test_the_joint_head_learns_without_the_global_loss() -> None:
    """The published one does not."""
    images, labels, detector = torch.rand(4, 3, 8, 8), torch.tensor([0, 1, 1, 0]), small()
    loss = Information(use_global=False)
    loss.total(*detector.verdicts(images), labels).backward()
    assert detector.joint_head.weight.grad is not None


@pytest.mark.parametrize(
    ("backbone", "options"),
    [("resnet10t", {}), ("test_vit", {"img_size": 64}), ("mobilenetv3_small_050", {})],
)
def test_stands_on_any_timm_backbone(backbone: str, options: dict[str, Any]) -> None:
    detector = ib(backbone=backbone, num_blocks=2, num_classes=3, backbone_options=options).eval()
    heads = detector.verdicts(torch.rand(1, 3, 64, 64))
    assert [tuple(h.shape) for h in heads] == [(1, 3), (1, 3), (2, 1, 3)]


def test_blocks_share_no_weights() -> None:
    weights: list[Tensor] = [
        next(block.parameters()) for block in ib(backbone="resnet10t", num_blocks=3).blocks
    ]
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])


def test_one_block_is_no_bottleneck() -> None:
    with pytest.raises(ValueError, match="at least 2 blocks, got 1"):
        small(1)


def test_a_misspelt_backbone_is_answered_with_the_right_one() -> None:
    with pytest.raises(ValueError, match=r"no network 'resnet43'.*resnet34"):
        ib(backbone="resnet43")
