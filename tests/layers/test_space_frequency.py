import importlib.util
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from telltrace.layers import SFIConv2d, StreamBatchNorm2d, resample, split_channels
from telltrace.layers.space_frequency import Stage
from telltrace.layers.streams import Streams, shrink

_spec = importlib.util.spec_from_file_location(
    "four_convolutions", Path(__file__).with_name("four_convolutions.py")
)
assert _spec is not None
assert _spec.loader is not None
oracle = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracle)

SHARES = [
    (0.5, 1.0),
    (0.5, 0.5),
    (0.25, 0.25),
    (0.75, 0.75),
    (0.3, 0.4),
    (0, 0.5),
    (1, 0.5),
    (1, 1),
]
CASES = {
    "pointwise": ((7, 9, 1), {}, (12, 12)),
    "pointwise strided": ((8, 6, 1), {"stride": 2}, (13, 10)),
    "3x3": ((6, 9, 3), {"padding": 1, "bias": True}, (12, 16)),
    "3x3 odd sizes": ((7, 5, 3), {"padding": 1}, (11, 7)),
    "3x3 strided": ((6, 8, 3), {"padding": 1, "stride": 2, "bias": True}, (15, 18)),
    "dilated": ((4, 4, 3), {"padding": 2, "dilation": 2}, (9, 12)),
    "without padding": ((4, 6, 3), {}, (12, 12)),
    "oblong": ((4, 6, (1, 7)), {"padding": (0, 3)}, (8, 12)),
    "5x5 far stride": ((4, 4, 5), {"padding": 2, "stride": 3}, (17, 17)),
    "even kernel": ((4, 8, 2), {"stride": 2}, (12, 12)),
    "depthwise": ((8, 8, 3), {"padding": 1, "groups": 8, "bias": True}, (12, 9)),
    "odd depthwise": ((7, 7, 3), {"padding": 1, "groups": 7, "stride": 2}, (12, 12)),
    "depthwise multiplier": ((5, 10, 3), {"padding": 1, "groups": 5}, (8, 8)),
    "three groups": ((12, 9, 3), {"padding": 1, "groups": 3, "bias": True}, (8, 12)),
    "five groups": ((10, 15, 1), {"groups": 5}, (8, 8)),
    "smallest": ((4, 4, 3), {"padding": 1}, (1, 2)),
}


def split(x: Tensor, alpha: float, beta: float) -> Streams:
    """Part (B, C, H, W) into streams, the frequency stream shrunk by beta."""
    if beta == 1:
        return x
    spatial, frequency = x.split(split_channels(x.shape[1], alpha), dim=1)
    return spatial, resample(frequency, shrink(tuple(x.shape[-2:]), beta))


def streams(channels: int, size: tuple[int, int], alpha: float, beta: float) -> Streams:
    return split(torch.randn(2, channels, *size), alpha, beta)


def apart(x: Streams, cut: int) -> tuple[Tensor, Tensor]:
    return (x[:, :cut], x[:, cut:]) if isinstance(x, Tensor) else x


def agree(ours: Tensor, theirs: Tensor, tolerance: float) -> None:
    assert ours.shape == theirs.shape
    if ours.numel():
        scale = max(1.0, theirs.abs().max().item())
        assert (ours - theirs).abs().max().item() <= tolerance * scale


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_equals_the_four_convolutions_of_the_paper(
    stage: Stage, case: str, dtype: torch.dtype
) -> None:
    (c_in, c_out, kernel), options, size = CASES[case]
    tolerance = 1e-6 if dtype == torch.float32 else 1e-12
    for downsample in ("pool", "stride"):
        for alpha, beta in SHARES:
            how = {"bias": False} | options | {"downsample": downsample}
            layer = SFIConv2d(stage, c_in, c_out, kernel, alpha=alpha, beta=beta, **how).to(dtype)
            x = torch.randn(2, c_in, *size, dtype=dtype, requires_grad=True)
            given = x if stage == 1 else split(x, alpha, beta)
            pair = x if stage == 1 else apart(given, layer.in_cut)
            ours, theirs = layer(given), oracle.paper_form(layer, oracle.Kernels.of(layer), pair)
            ours = ours if stage == 3 else apart(ours, layer.out_cut)
            wanted = [x, *(p for p in layer.parameters())]
            grads = []
            for answer in (ours, theirs):
                parts = answer if isinstance(answer, tuple) else (answer,)
                loss = sum(part.square().sum() for part in parts) / 100
                grads.append(torch.autograd.grad(loss, wanted, retain_graph=True))
            for a, b in zip(
                ours if stage < 3 else [ours], theirs if stage < 3 else [theirs], strict=True
            ):
                agree(a, b, tolerance)
            for a, b in zip(*grads, strict=True):
                agree(a, b, tolerance)


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("stage", [2, 3])
def test_equal_streams_meet_in_one_ordinary_convolution(stage: Stage, groups: int) -> None:
    conv = nn.Conv2d(8, 16, 3, stride=2, padding=1, groups=groups)
    layer = SFIConv2d.from_conv(stage, conv, alpha=0.4, downsample="stride")
    x = torch.randn(2, 8, 9, 10)
    assert torch.equal(layer(x), conv(x))
    assert layer.weight is conv.weight
    assert layer.state_dict().keys() == conv.state_dict().keys()


def test_stage_1_keeps_the_convolution_and_adds_one_constrained_kernel() -> None:
    conv = nn.Conv2d(8, 16, 3, padding=1, dtype=torch.float64).eval()
    layer = SFIConv2d.from_conv(1, conv, alpha=0.25, trace_kernel_size=7)
    assert not layer.training
    x = torch.randn(2, 8, 9, 10, dtype=torch.float64)
    torch.testing.assert_close(layer(x)[:, :12], conv(x)[:, :12])
    torch.testing.assert_close(layer(x)[:, 12:], conv(layer.traces(x))[:, 12:])
    assert [n for n, _ in layer.named_parameters()] == ["weight", "bias", "traces.weight"]
    nn.init.zeros_(layer.traces.weight)
    assert not torch.equal(layer(x)[:, 12:], conv(x)[:, 12:])


@pytest.mark.parametrize("kernel", [1, 3])
def test_without_traces_both_streams_see_the_input(kernel: int) -> None:
    conv = nn.Conv2d(8, 16, kernel, padding=kernel // 2)
    x = torch.randn(2, 8, 9, 10)
    layer = SFIConv2d.from_conv(1, conv, alpha=0.25, traces="none")
    torch.testing.assert_close(layer(x), conv(x))
    assert layer.state_dict().keys() == conv.state_dict().keys()
    small = SFIConv2d.from_conv(1, conv, alpha=0.25, beta=0.5, traces="none")
    spatial, frequency = small(x)
    torch.testing.assert_close(spatial, conv(x)[:, :12])
    torch.testing.assert_close(frequency, resample(conv(x)[:, 12:], (4, 5)))


def test_refuses_traces_that_there_are_not() -> None:
    with pytest.raises(ValueError, match="constrained, constant, unconstrained, none, got 'off'"):
        SFIConv2d(1, 4, 8, 3, traces="off")  # type: ignore[arg-type]


def test_a_network_without_a_frequency_stream_is_vanilla() -> None:
    conv, x = nn.Conv2d(8, 16, 3, padding=1), torch.randn(2, 8, 9, 10)
    for stage in (1, 2, 3):
        layer = SFIConv2d.from_conv(stage, conv, alpha=0, beta=1)
        torch.testing.assert_close(layer(x), conv(x))
        assert [n for n, _ in layer.named_parameters()] == ["weight", "bias"]


@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("stride", [2, 3, 4])
@pytest.mark.parametrize("padding", [0, 1, "same"])
def test_pooling_gives_the_shape_that_the_stride_gave(
    kernel: int, stride: int, padding: int | str
) -> None:
    if padding == "same":
        padding = kernel // 2
    if padding > kernel // 2:
        return
    for size in [(7, 8), (9, 16), (12, 13), (15, 31)]:
        conv = nn.Conv2d(2, 4, kernel, stride, padding)
        x = torch.rand(1, 2, *size)
        for stage in (1, 2, 3):
            assert SFIConv2d.from_conv(stage, conv)(x).shape == conv(x).shape


def test_pooling_averages_two_by_two_as_released() -> None:
    layer = SFIConv2d(2, 4, 8, 3, stride=2, padding=1)
    x = torch.rand(1, 4, 12, 8)
    theirs = F.conv2d(F.avg_pool2d(x, 2), layer.weight, layer.bias, padding=1)
    assert torch.equal(layer(x), theirs)
    last = layer.geometry.pool(torch.arange(3.0).view(1, 1, 1, 3).expand(1, 4, 2, 3))
    assert last[0, 0].tolist() == [[0.5, 2.0]]  # the odd column left over is an average of its own


def test_overpadded_strides_cannot_be_pooled() -> None:
    layer = SFIConv2d(2, 4, 4, 1, stride=4, padding=2)
    with pytest.raises(ValueError, match='downsample="stride"'):
        layer(torch.rand(1, 4, 2, 2))


def multiplications(layer: nn.Module, x: Streams) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        layer(x)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize(
    ("kernel", "size", "beta"),
    [
        (1, (16, 16), 0.5),
        (1, (13, 10), 0.9),
        (1, (16, 12), 0.75),
        (3, (16, 16), 0.5),
        (3, (15, 17), 0.5),
        (3, (16, 8), 0.25),
        (3, (13, 17), 0.25),
        (5, (12, 9), 1 / 3),
    ],
)
def test_no_product_is_spent_on_what_resampling_drops(
    kernel: int, size: tuple[int, int], beta: float
) -> None:
    """Five of eight channels in, and six of ten channels out, are spatial."""
    small = [max(1, int(n * beta)) for n in size]
    large, little = size[0] * size[1], small[0] * small[1]
    taps = kernel**2
    given = streams(8, size, 0.4, beta)
    layer = SFIConv2d(2, 8, 10, kernel, padding=kernel // 2, alpha=0.4, beta=beta)
    expected = 5 * 6 * large + 5 * 4 * little + 3 * 10 * little
    assert multiplications(layer, given) == 2 * taps * expected
    last = SFIConv2d(3, 8, 10, kernel, padding=kernel // 2, alpha=0.4, beta=beta)
    assert multiplications(last, given) == 2 * taps * (5 * 10 * large + 3 * 10 * little)
    first = SFIConv2d(1, 8, 10, kernel, padding=kernel // 2, alpha=0.4, beta=beta)
    sparse = kernel == 1 and beta == 0.5  # a 1x1 f needs the traces at even picks only
    traces = 8 * 25 * (little if sparse else large)
    expected = taps * 8 * (6 * large + 4 * little) + traces
    assert multiplications(first, torch.rand(2, 8, *size)) == 2 * expected


def test_a_depthwise_convolution_keeps_the_streams_apart() -> None:
    layer = SFIConv2d(2, 8, 8, 3, padding=1, groups=8, beta=0.5)
    spatial, frequency = streams(8, (8, 8), 0.5, 0.5)
    before = layer((spatial, frequency))
    after = layer((spatial, frequency + 1))
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


def test_gradients_match_finite_differences() -> None:
    layer = SFIConv2d(2, 4, 4, 3, padding=1, alpha=0.5, beta=0.6).double()
    given = [t.double().requires_grad_() for t in streams(4, (5, 5), 0.5, 0.6)]
    assert torch.autograd.gradcheck(lambda s, f: layer((s, f)), given)


@pytest.mark.parametrize("beta", [1.0, 0.75, 0.5])
def test_compiles_and_exports(beta: float) -> None:
    net = nn.Sequential(
        SFIConv2d(1, 4, 8, 3, padding=1, beta=beta),
        StreamBatchNorm2d(8),
        SFIConv2d(2, 8, 8, 3, stride=2, padding=1, beta=beta),
        SFIConv2d(2, 8, 8, 3, padding=1, groups=8, beta=beta),
        SFIConv2d(3, 8, 4, 1, beta=beta),
    ).eval()  # fmt: skip
    x = torch.rand(2, 4, 13, 12)
    program = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.testing.assert_close(program.module()(x[:1]), net(x[:1]))
    compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), net(x))


@pytest.mark.parametrize("alpha", [-0.1, 1.5, float("nan")])
def test_refuses_a_share_out_of_range(alpha: float) -> None:
    with pytest.raises(ValueError, match=f"from 0 to 1; got {alpha}"):
        SFIConv2d(2, 8, 8, 3, alpha=alpha)


@pytest.mark.parametrize("beta", [0, -1, 1.5, float("nan")])
def test_refuses_a_scale_out_of_range(beta: float) -> None:
    with pytest.raises(ValueError, match=f"above 0 and up to 1; got {beta}"):
        SFIConv2d(2, 8, 8, 3, beta=beta)


def test_says_what_could_be_split() -> None:
    with pytest.raises(ValueError, match=r"alpha=0, alpha>=0\.25, or at least 10 channels"):
        SFIConv2d(2, 4, 16, 3, alpha=0.1)


def test_refuses_what_is_no_stage_or_convolution_of_zeros() -> None:
    with pytest.raises(ValueError, match="1, 2 and 3, got 4"):
        SFIConv2d(4, 8, 8, 3)
    with pytest.raises(ValueError, match='"pool" or "stride", got \'blur\''):
        SFIConv2d(2, 8, 8, 3, downsample="blur")
    with pytest.raises(ValueError, match="not symmetric for kernel"):
        SFIConv2d(2, 8, 8, 2, padding="same")
    with pytest.raises(ValueError, match="padded with zeros"):
        SFIConv2d.from_conv(2, nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"))
    with pytest.raises(ValueError, match="padded with zeros"):
        SFIConv2d.from_conv(2, nn.ConvTranspose2d(8, 8, 3))
    same = SFIConv2d.from_conv(2, nn.Conv2d(8, 8, 3, padding="same"))
    assert same(torch.rand(1, 8, 5, 5)).shape == (1, 8, 5, 5)


@pytest.mark.parametrize("alpha", [0, 0.5, 1])
@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_one_channel_can_become_streams_at_every_share(alpha: float, beta: float) -> None:
    grey = torch.rand(2, 1, 16, 16)
    first = SFIConv2d(1, 1, 8, 3, padding=1, alpha=alpha, beta=beta)
    last = SFIConv2d(3, 8, 4, 3, padding=1, alpha=alpha, beta=beta)
    assert last(first(grey)).shape == (2, 4, 16, 16)


def test_a_frequency_stream_without_size_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0 and up to 1; got 0"):
        SFIConv2d(2, 8, 8, 3, beta=0)
