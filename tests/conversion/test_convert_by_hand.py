"""The converter on networks made by hand, where the right answer is known."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.conversion import convert
from telltrace.conversion.pairs import Join, Split
from telltrace.layers import SFIConv2d

SIDE = 64
Identify = Callable[[nn.Module], nn.Module]


def stages(model: nn.Module) -> dict[str, int]:
    return {name: part.stage for name, part in model.named_modules() if isinstance(part, SFIConv2d)}


class Shuffled(nn.Module):
    """Chunks, grouped and depthwise convolutions, concatenation, a shuffle, a gate, a plain sum."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, stride=2, padding=1)
        self.one = nn.Conv2d(12, 24, 3, padding=1)
        self.norm = nn.BatchNorm2d(24)
        self.depthwise = nn.Conv2d(12, 12, 5, padding=2, groups=12)
        self.grouped = nn.Conv2d(36, 24, 3, stride=2, padding=1, groups=3)
        self.after = nn.BatchNorm2d(36)
        self.attention = nn.Conv2d(24, 1, 1)
        self.last = nn.Conv2d(24, 16, 1)
        self.head = nn.Linear(16, 5)

    def forward(self, image: Tensor, scale: float = 1.0) -> Tensor:
        x = self.stem(image).relu_()
        y = self.norm(self.one(x))
        a, b = y.chunk(2, dim=1)
        y = torch.cat([self.depthwise(b), a * scale, F.dropout(x, 0.5, self.training)], 1)
        n, c, h, w = y.shape
        y = self.after(y).view(n, 3, c // 3, h, w).transpose(1, 2).reshape(n, c, h, w)
        y = F.max_pool2d(self.grouped(y), 3, 2, 1)
        y.mul_(1.5)
        z = y
        z += 0.1
        F.leaky_relu(y, 0.2, inplace=True)
        y = y * torch.sigmoid(self.attention(y)) + y[:, torch.arange(24).flip(0)]
        return self.head(self.last(y).mean((2, 3)))


class TestPlacement:
    def test_residual_network(self) -> None:
        placed = stages(convert(timm.create_model("resnet18"), image_size=SIDE))
        assert [name for name, stage in placed.items() if stage == 1] == ["layer1.0.conv1"]
        assert [name for name, stage in placed.items() if stage == 3] == ["layer4.1.conv2"]
        assert len(placed) == 19

    def test_parallel_ends_and_gates(self) -> None:
        class Branches(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.stem, self.gate = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 1)
                self.left, self.right = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 1)
                self.ends = nn.ModuleList(nn.Conv2d(8, 4, 1) for _ in range(2))

            def forward(self, x: Tensor) -> Tensor:
                x = self.stem(x)
                x = self.left(x) + self.right(x)
                x = x * self.gate(x.mean((2, 3), keepdim=True)).sigmoid()
                return torch.cat([end(x) for end in self.ends], 1)

        placed = stages(convert(Branches()))
        assert placed == {"left": 1, "right": 1, "ends.0": 3, "ends.1": 3}

    def test_an_attention_map_of_one_channel_is_left_alone(self) -> None:
        placed = stages(convert(Shuffled()))
        assert placed == {"one": 1, "depthwise": 2, "grouped": 2, "last": 3}


class TestHandMade:
    @pytest.mark.usefixtures("equal_sizes")
    @pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0])
    @pytest.mark.parametrize("downsample", ["pool", "stride"])
    def test_channels_are_followed_everywhere(self, alpha: float, downsample: str) -> None:
        model, x = Shuffled().double(), torch.rand(2, 3, 29, 31, dtype=torch.float64)
        joined = convert(model, alpha, downsample=downsample)
        apart = convert(model, alpha, 0.5, downsample=downsample)
        apart.load_state_dict(joined.state_dict())
        torch.testing.assert_close(apart.eval()(x), joined.eval()(x), rtol=1e-10, atol=1e-12)

    def test_no_frequencies_is_the_vanilla_network(self) -> None:
        model, x = Shuffled().double().eval(), torch.rand(2, 3, 29, 31, dtype=torch.float64)
        for beta in (1.0, 0.5):
            network = convert(model, 0.0, beta, downsample="stride")
            torch.testing.assert_close(network(x), model(x), rtol=1e-12, atol=1e-12)

    def test_pooling_replaces_strides(self) -> None:
        model, x = Shuffled().eval(), torch.rand(2, 3, 32, 32)
        pooled, strided = convert(model, 0.0), convert(model, 0.0, downsample="stride")
        assert not torch.allclose(pooled(x), strided(x), rtol=1e-3)

    def test_dropout_wakes_up_in_training(self) -> None:
        network, x = convert(Shuffled()), torch.rand(4, 3, 32, 32)
        assert not torch.equal(network.train()(x), network.train()(x))
        assert torch.equal(network.eval()(x), network.eval()(x))

    def test_the_model_given_is_left_untouched(self) -> None:
        model = Shuffled()
        before, names = copy.deepcopy(model.state_dict()), [n for n, _ in model.named_modules()]
        with torch.inference_mode():
            network = convert(model, beta=0.5)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.zero_()
        network(torch.rand(2, 3, 32, 32)).sum().backward()
        assert [n for n, _ in model.named_modules()] == names
        assert all(torch.equal(model.state_dict()[key], before[key]) for key in before)
        assert network.training
        assert not convert(model.eval()).training

    def test_vanilla_weights_load(self) -> None:
        model, other = Shuffled(), Shuffled()
        network = convert(model, beta=0.5)
        missing, unexpected = network.load_state_dict(other.state_dict(), strict=False)
        assert (missing, unexpected) == (["one.traces.weight"], [])

    def test_a_frequency_stream_smaller_than_a_kernel(self) -> None:
        wide = nn.Conv2d(8, 8, 7)
        model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), wide, nn.Conv2d(8, 8, 1))
        network = convert(model, beta=0.5, image_size=13)
        assert network(torch.rand(1, 3, 13, 13)).shape == (1, 8, 3, 3)

    def test_a_shared_convolution_stays_shared(self) -> None:
        class Shared(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.stem, self.conv = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, padding=1)

            def forward(self, x: Tensor) -> Tensor:
                return self.conv(self.conv(self.conv(self.stem(x))).relu()).mean((2, 3))

        network = convert(Shared(), beta=0.5)
        assert sorted(stages(network).values()) == [1, 2, 3]
        assert len(list(network.parameters())) == 5
        assert network(torch.rand(1, 3, 20, 20)).shape == (1, 8)

    def test_writing_into_a_part_lasts(self, make_identity: Identify) -> None:
        model, x = network_of(Assigns()), torch.rand(1, 3, 16, 16)
        network = make_identity(convert(model))
        torch.testing.assert_close(network(x), model(x))

    @pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
    def test_other_paddings(self, mode: str, make_identity: Identify) -> None:
        middle = nn.Conv2d(4, 4, 5, stride=2, padding=2, padding_mode=mode)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), middle, nn.Conv2d(4, 4, 3)).double()
        x = torch.rand(1, 3, 21, 20, dtype=torch.float64)
        network = make_identity(convert(model, downsample="stride"))
        torch.testing.assert_close(network(x), model(x), rtol=1e-12, atol=1e-12)
        assert convert(model)(x).shape == convert(model, beta=0.5)(x).shape == model(x).shape


class TestDeployment:
    @pytest.mark.parametrize("beta", [1.0, 0.5])
    @pytest.mark.parametrize("name", ["", "resnet10t"])
    def test_exports_for_any_number_of_images(self, name: str, beta: float) -> None:
        model = timm.create_model(name).eval() if name else Shuffled().eval()
        network = convert(model, beta=beta, image_size=SIDE)
        batch = {0: torch.export.Dim("batch", min=1, max=64)}
        program = torch.export.export(
            network, (torch.rand(2, 3, SIDE, SIDE),), dynamic_shapes=(batch,)
        )
        five = torch.rand(5, 3, SIDE, SIDE)
        torch.testing.assert_close(program.module()(five), network(five), rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("beta", [1.0, 0.5])
    def test_compiles(self, beta: float) -> None:
        network = convert(Shuffled().eval(), beta=beta, image_size=SIDE)
        x = torch.rand(2, 3, SIDE, SIDE)
        compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
        torch.testing.assert_close(compiled(x), network(x), rtol=1e-4, atol=1e-5)
        torch.compiler.reset()

    def test_copies_and_saves(self, tmp_path: Path) -> None:
        network = convert(Shuffled().eval(), beta=0.5)
        torch.save(network.state_dict(), tmp_path / "weights.pt")
        twin = convert(Shuffled().eval(), beta=0.5)
        twin.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
        x = torch.rand(1, 3, 32, 32)
        assert torch.equal(twin(x), network(x))
        assert torch.equal(copy.deepcopy(network)(x), network(x))


def test_join_undoes_split_in_any_order() -> None:
    x = torch.rand(2, 7, 5, 5)
    for bits in range(1, 2**7 - 1):
        mask = tuple(bool(bits >> i & 1) for i in range(7))
        spatial, frequency = Split(mask, 1.0)(x)
        assert spatial.shape[1] == mask.count(False)
        assert torch.equal(Join(mask)(spatial, frequency), x)


class Erratic(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("this branch")


class Assigns(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        y[:, :2] = 0
        return y


class Doubled(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:
        return 2 * super().forward(input)


def network_of(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), *layers, nn.Conv2d(8, 8, 3))


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), {}, "Sequential has no 2-D convolution"),
        (nn.Sequential(nn.Conv2d(3, 8, 16, 16), nn.Flatten()), {}, "one must follow it"),
        (network_of(), {"alpha": 1.2}, "alpha is the share"),
        (network_of(), {"beta": 0.0}, "above 0 and up to 1"),
        (network_of(), {"downsample": "max"}, '"pool" or "stride"'),
        (network_of(), {"kernel_size": 4}, "odd and at least 3"),
        (network_of(), {"alpha": 0.1}, "use a larger alpha"),
        (network_of(Erratic()), {}, r"1 \(Erratic\) cannot be traced .*this branch"),
        (network_of(Doubled(8, 8, 1)), {}, "1 cannot become an SFIConv: Doubled is neither"),
        (
            network_of(nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 8, 1))),
            {},
            "1 cannot become an SFIConv: .*remove_parametrizations",
        ),
        (network_of(Assigns()), {"beta": 0.5}, "setitem writes into a part of a tensor .*beta=1"),
        (network_of().to("meta"), {}, "weights without values"),
    ],
)
def test_what_cannot_be_converted_is_named(
    model: nn.Module, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        convert(model, **options)
