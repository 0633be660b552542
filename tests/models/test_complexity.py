from dataclasses import asdict

import pytest
import torch
from torch import nn

from telltrace.layers import SFIConv2d
from telltrace.models import create_detector
from telltrace.models.complexity import complexity

ABLATION = {
    (0.25, 0.25): 2.47,
    (0.25, 0.50): 2.60,
    (0.25, 0.75): 2.80,
    (0.25, 1.00): 3.09,
    (0.50, 0.25): 1.86,
    (0.50, 0.50): 2.10,
    (0.50, 0.75): 2.51,
    (0.50, 1.00): 3.09,
    (0.75, 0.25): 1.24,
    (0.75, 0.50): 1.61,
    (0.75, 0.75): 2.23,
    (0.75, 1.00): 3.09,
}
"""Table II: GMac of SFI-ResNet26 by alpha and beta."""
BACKBONES = {
    "mobilenet": (3.21, 0.761, 0.768),
    "resnet26": (13.95, 3.08, 3.09),
    "resnet50": (23.51, 5.38, 5.38),
    "resnet101": (42.51, 10.25, 10.25),
    "vgg13": (9.41, 14.68, 14.66),
    "vgg16": (14.73, 20.12, 20.11),
    "vgg19": (20.04, 25.57, 25.55),
}
"""Table III: millions of parameters, GMac of the vanilla network, GMac at alpha .5 and beta 1."""
VGG13 = {(0.25, 0.75): 13.34, (0.50, 1.00): 14.66, (0.75, 0.75): 10.69}
"""Table V: GMac of SFI-VGG13 by alpha and beta."""

ROWS = [
    *(("sfi_resnet26", key, 13.95, gmac) for key, gmac in ABLATION.items()),
    *(("sfi_vgg13", key, 9.41, gmac) for key, gmac in VGG13.items()),
    *((name, None, millions, vanilla) for name, (millions, vanilla, _) in BACKBONES.items()),
    *((f"sfi_{name}", (0.5, 1.0), millions, sfi) for name, (millions, _, sfi) in BACKBONES.items()),
]


@pytest.mark.parametrize(("name", "form", "millions", "gmac"), ROWS)
def test_every_row_of_the_papers_tables(
    name: str, form: tuple[float, float] | None, millions: float, gmac: float
) -> None:
    options = {} if form is None else {"alpha": form[0], "beta": form[1]}
    with torch.device("meta"):
        cost = complexity(create_detector(name, **options), 256)
    assert cost.parameters == pytest.approx(millions * 1e6, rel=1e-3)
    assert cost.paper_macs == pytest.approx(gmac * 1e9, rel=1e-2)


def test_half_the_channels_at_half_the_size_cost_less_than_the_paper_spends() -> None:
    cost = complexity(create_detector("sfi_resnet26", alpha=0.5, beta=0.5), 256)
    assert cost.executed_macs <= 1.66e9 < 2.09e9 < cost.paper_macs


def test_equal_streams_cost_the_vanilla_network_and_one_constrained_kernel() -> None:
    vanilla = complexity(create_detector("resnet26"), 256)
    ours = complexity(create_detector("sfi_resnet26"), 256)
    assert ours.executed_macs - vanilla.executed_macs == 64 * 25 * 64 * 64
    assert ours.parameters - vanilla.parameters == 64 * 25
    assert ours.peak_activation_bytes == vanilla.peak_activation_bytes


def test_counts_a_small_network_as_by_hand() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, groups=1),  # 4x8x8 values, 27 taps and a bias each
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Upsample(scale_factor=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )
    cost = complexity(net, 8)
    assert cost.parameters == 3 * 4 * 9 + 4 + 8 + 10
    values = 4 * 8 * 8
    assert cost.executed_macs == values * 27 + 4 * 2
    assert cost.paper_macs == values * (28 + 2 + 1 + 1 + 1 + 1) + 2 * 5
    image, features = 3 * 64 * 4, values * 4
    assert cost.peak_activation_bytes == image + 2 * features  # in the norm


def test_an_uneven_image_and_a_single_stage_are_counted() -> None:
    layer = SFIConv2d(1, 3, 8, 3, stride=2, padding=1, alpha=0.25, beta=0.5)
    cost = complexity(layer, (16, 12))
    taps, pooled = 27, 3 * 16 * 12
    assert cost.paper_macs == 8 * 8 * 6 * (taps + 1) + pooled
    traces = 3 * 25 * 8 * 6
    assert cost.executed_macs == taps * (6 * 8 * 6 + 2 * 4 * 3) + traces


def test_leaves_the_model_as_it_was() -> None:
    model = create_detector("sfi_mobilenet").double()
    before = {name: (t.dtype, t.device) for name, t in model.state_dict().items()}
    first, second = complexity(model, 64), complexity(model, 64)
    assert asdict(first) == asdict(second)
    assert model.training
    assert {name: (t.dtype, t.device) for name, t in model.state_dict().items()} == before
    assert not any(module._forward_hooks for module in model.modules())
