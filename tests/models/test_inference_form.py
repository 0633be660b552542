"""The inference form gives the logits of the network that it was made of."""

import copy

import pytest
import torch
from tests.contract.test_every_detector import SHALLOW, build, images
from torch import Tensor, nn

from telltrace.layers import SFIConv2d, StreamBatchNorm2d
from telltrace.layers.constrained import ConstrainedConv2d
from telltrace.models import create_detector
from telltrace.models.inference_form import inference_form

CONVERTED = {
    "sfi:resnet10t": {},
    "sfi:mobilenetv3_small_050": {"beta": 0.5},
    "sfi:nf_resnet26": {"beta": 0.5, "downsample": "stride"},  # computes its weights
    "sfi:resnet18": {"downsample": "stride"},
    "sfi_resnet26": {"beta": 0.5, "alpha": 0.3},
    "sfi_mobilenet": {"traces": "none"},
}


def lively(network: nn.Module) -> nn.Module:
    """Give every normalisation statistics and parameters that change something."""
    torch.manual_seed(1)
    for part in network.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            for tensor in (part.running_mean, part.bias):
                tensor.data = 0.3 * torch.randn(part.num_features)
            for tensor in (part.running_var, part.weight):
                tensor.data = 0.5 + torch.rand(part.num_features)
    return network.eval()


def norms(network: nn.Module) -> int:
    return sum(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in network.modules())


def error(answer: Tensor, exact: Tensor) -> float:
    return float((answer - exact).abs().max() / exact.abs().max())


@torch.no_grad()
def check(network: nn.Module, faces: Tensor) -> nn.Module:
    """Compare with the network's float64 answer; float32 may round about as the network does."""
    rounding = network(faces)
    exact, form = network.double()(faces.double()), inference_form(network, faces.shape[-1])
    assert error(form(faces.double()), exact) < 1e-10
    assert error(form.float()(faces), exact) < max(1e-5, 10 * error(rounding, exact))
    return form


@SHALLOW
def test_answers_as_the_detector_does(name: str) -> None:
    check(lively(build(name)), images(name, 1))


@pytest.mark.parametrize("name", sorted(CONVERTED))
def test_answers_as_a_converted_network_does(name: str) -> None:
    network = lively(create_detector(name, **CONVERTED[name]))
    assert norms(check(network, torch.rand(2, 3, 64, 64))) == 0


def test_streams_of_one_size_are_ordinary_convolutions() -> None:
    network = lively(create_detector("sfi_resnet26"))
    form = check(network, torch.rand(2, 3, 65, 47))
    assert norms(form) == 0
    assert not any(isinstance(part, SFIConv2d | ConstrainedConv2d) for part in form.modules())


def test_kernels_are_constants_where_streams_differ_in_size() -> None:
    network = lively(create_detector("sfi_mobilenet", beta=0.5))
    form = check(network, torch.rand(2, 3, 64, 64))
    kinds = [part.kind for part in form.modules() if isinstance(part, ConstrainedConv2d)]
    assert kinds == ["unconstrained"]


def test_the_network_can_be_trained_afterwards() -> None:
    with torch.inference_mode():
        network = lively(create_detector("resnet26"))
    before = copy.deepcopy(network.state_dict())
    with torch.inference_mode():
        form = inference_form(network.train())
    assert network.training
    assert not form.training
    assert not any(parameter.requires_grad for parameter in form.parameters())
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())
    network = create_detector("meso4", image_size=32)
    inference_form(network)
    network(torch.rand(2, 3, 32, 32)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


class Twice(nn.Module):
    """Reads its convolution's output before the normalisation, too: nothing may be folded."""

    def __init__(self, hidden: bool) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2)
        self.kept = [self.norm] if hidden else []

    def forward(self, image: Tensor) -> Tensor:
        x = self.conv(image)
        if self.kept:
            return self.kept[0](x).mean((2, 3))
        return (self.norm(x) + x).mean((2, 3))


@pytest.mark.parametrize("hidden", [False, True])
def test_what_is_read_twice_or_not_seen_stays(hidden: bool) -> None:
    form = check(lively(Twice(hidden)), torch.rand(2, 3, 16, 16))
    assert norms(form) == 1


def test_exports_for_any_number_of_faces() -> None:
    first, last = SFIConv2d(1, 3, 8, 3, beta=0.5), SFIConv2d(3, 8, 4, 3, stride=2, beta=0.5)
    layers = [first, StreamBatchNorm2d(8), last, nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    form = check(lively(nn.Sequential(*layers)), torch.rand(2, 3, 32, 32))
    batch = {0: torch.export.Dim("batch", min=1, max=64)}
    program = torch.export.export(form, (torch.rand(2, 3, 32, 32),), dynamic_shapes=(batch,))
    five = torch.rand(5, 3, 32, 32)
    torch.testing.assert_close(program.module()(five), form(five))
