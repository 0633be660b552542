"""The converter on timm's architectures: against them, and its two forms against each other."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn

from telltrace.conversion import convert
from telltrace.layers import SFIConv2d

LIST = Path(__file__).parents[1] / "golden" / "convert_architectures.txt"
LINES = [line.split() for line in LIST.read_text().splitlines() if not line.startswith("#")]
QUICK = [line[1] for line in LINES if line[-1] == "*"]
SIDE = 64
Identify = Callable[[nn.Module], nn.Module]


def timm_network(name: str) -> nn.Module:
    """An untrained network whose every branch shows in the logits, in double precision."""
    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False, num_classes=2)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.numel() <= max(parameter.shape, default=1) or not parameter.any():
                parameter.uniform_(0.5, 1.5)
        for key, buffer in model.named_buffers():
            if key.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
    return model.double().eval()


def learning(model: nn.Module, images: Tensor) -> dict[str, bool]:
    """For every parameter, whether one step in training mode moves it."""
    model = copy.deepcopy(model).train()
    model(images).square().sum().backward()
    return {n: p.grad is not None and bool(p.grad.any()) for n, p in model.named_parameters()}


@pytest.fixture(scope="module", params=QUICK)
def vanilla(request: pytest.FixtureRequest) -> nn.Module:
    return timm_network(request.param)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(2, 3, SIDE, SIDE, dtype=torch.float64)


def test_the_list_is_wide_enough() -> None:
    assert len({line[1] for line in LINES}) == len(LINES) >= 60
    assert len({line[0] for line in LINES}) >= 25
    assert 8 <= len(QUICK) <= 14


class TestEveryArchitecture:
    def test_without_constraint_it_is_the_vanilla_network(
        self, vanilla: nn.Module, images: Tensor, make_identity: Identify
    ) -> None:
        expected = vanilla(images)
        network = convert(vanilla, downsample="stride", image_size=SIDE)
        scale = expected.abs().max()
        assert (network(images) - expected).abs().max() > 1e-6 * scale
        assert (make_identity(network)(images) - expected).abs().max() <= 1e-12 * scale

    @pytest.mark.usefixtures("equal_sizes")
    def test_streams_apart_compute_what_one_tensor_does(
        self, vanilla: nn.Module, images: Tensor
    ) -> None:
        joined = convert(vanilla, 0.3, image_size=SIDE)
        apart = convert(vanilla, 0.3, 0.5, image_size=SIDE)
        apart.load_state_dict(joined.state_dict())
        for mode in (False, True):
            torch.manual_seed(1)
            expected = joined.train(mode)(images)
            torch.manual_seed(1)
            found = apart.train(mode)(images)
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
        found, expected = dict(apart.named_buffers()), dict(joined.named_buffers())
        for name in vanilla.state_dict().keys() & expected.keys():
            torch.testing.assert_close(found[name], expected[name], rtol=1e-9, atol=1e-12)

    def test_every_weight_learns_with_streams_apart(
        self, vanilla: nn.Module, images: Tensor
    ) -> None:
        network = convert(vanilla, beta=0.5, image_size=SIDE)
        before, after = learning(vanilla, images), learning(network, images)
        own = after.keys() - before.keys()
        assert own
        assert all(name.endswith("traces.weight") for name in own)
        idle = {name for name, moves in after.items() if not moves}
        assert idle <= {name for name, moves in before.items() if not moves}

    def test_odd_sizes_keep_their_shape(self, vanilla: nn.Module) -> None:
        """The map before the head, whose size pooling and striding must agree on."""
        side = 96 if "DLA" in type(vanilla).__name__ else 75  # DLA wants multiples of 32
        shapes = []
        converted = [convert(vanilla, beta=beta, image_size=SIDE) for beta in (1.0, 0.5)]
        for network in (vanilla, *converted):
            seen: list[torch.Size] = []
            conv = [m for m in network.modules() if isinstance(m, nn.Conv2d | SFIConv2d)][-1]
            handle = conv.register_forward_hook(lambda _m, _x, y, seen=seen: seen.append(y.shape))
            network(torch.rand(1, 3, side, side, dtype=torch.float64))
            handle.remove()
            shapes.append(seen)
        assert shapes[0] == shapes[1] == shapes[2]
