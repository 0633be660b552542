"""Convolutions that pad, or make their weights, in a way of their own."""

from collections.abc import Callable

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import nn

from telltrace.conversion import convert
from telltrace.conversion.convolutions import derived_weight, padding_of
from telltrace.layers.padding import SamePad2d

Identify = Callable[[nn.Module], nn.Module]


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel_size", [2, 3, 5])
def test_padding_of_tensorflow(stride: int, kernel_size: int, make_identity: Identify) -> None:
    conv = timm.layers.Conv2dSame(4, 6, kernel_size, stride=stride).double()
    assert padding_of(conv) == "same"
    model = nn.Sequential(nn.Conv2d(3, 4, 1), conv, nn.Conv2d(6, 4, 1)).double()
    for side in range(9, 14):
        x = torch.rand(1, 3, side, side + 1, dtype=torch.float64)
        same = SamePad2d(conv.kernel_size, conv.stride, conv.dilation)
        torch.testing.assert_close(F.conv2d(same(x.repeat(1, 2, 1, 1)[:, :4]), conv.weight,
            conv.bias, stride), conv(x.repeat(1, 2, 1, 1)[:, :4]))  # fmt: skip
        network = make_identity(convert(model, downsample="stride"))
        torch.testing.assert_close(network(x), model(x), rtol=1e-12, atol=1e-12)
        assert convert(model, beta=0.5)(x).shape == model(x).shape


@pytest.mark.parametrize("same", [False, True])
def test_standardised_weights(same: bool) -> None:
    kind = timm.layers.ScaledStdConv2dSame if same else timm.layers.ScaledStdConv2d
    conv = kind(4, 6, 3, stride=2, padding="same" if same else 1).double()
    impulse = torch.zeros(1, 4, 9, 9, dtype=torch.float64)
    impulse[0, 2, 4, 4] = 1
    with torch.no_grad():
        answer, weight = conv(impulse), derived_weight(conv)
        answer -= conv(torch.zeros_like(impulse))
    seen = {round(float(v), 12) for v in answer.flatten() if v}
    taps = {round(float(v), 12) for v in weight[:, 2].flatten()}
    assert seen
    assert seen <= taps


def test_standardised_weights_learn_as_before(make_identity: Identify) -> None:
    layers = [timm.layers.ScaledStdConv2d(4, 4, 3, padding=1) for _ in range(3)]
    model = nn.Sequential(nn.Conv2d(3, 4, 3), *layers).double()
    network = make_identity(convert(model, downsample="stride"))
    x = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    for twin in (model, network):
        twin(x).square().sum().backward()
    expected = dict(model.named_parameters())
    for name, parameter in network.named_parameters():
        if not name.endswith("traces.weight"):
            torch.testing.assert_close(parameter.grad, expected[name].grad)
