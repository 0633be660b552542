import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.layers import StreamBatchNorm2d, Streams, each, resample, split_channels
from telltrace.layers.streams import shrink


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_resampling_picks_what_interpolate_picks(
    dtype: torch.dtype, layout: torch.memory_format
) -> None:
    for length in (1, 2, 7, 12, 26, 39, 60, 62):
        x = torch.arange(float(length)).view(1, 1, -1, 1).repeat(1, 2, 1, 3)
        for target in range(1, 2 * length + 1):
            ours = resample(x.to(dtype).to(memory_format=layout), (target, 3))
            theirs = F.interpolate(x, size=(target, 3), mode="nearest")
            assert torch.equal(ours.float(), theirs)


def split(x: Tensor, alpha: float, beta: float) -> Streams:
    """Part (B, C, H, W) into streams, the frequency stream shrunk by beta."""
    if beta == 1:
        return x
    spatial, frequency = x.split(split_channels(x.shape[1], alpha), dim=1)
    return spatial, resample(frequency, shrink(tuple(x.shape[-2:]), beta))


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_each_stream_is_acted_on_by_itself(alpha: float) -> None:
    x = split(torch.randn(2, 6, 9, 9), alpha, 0.5)
    pooled = each(nn.MaxPool2d(3, 2, 1), x)
    assert [tuple(part.shape[-2:]) for part in pooled] == [(5, 5), (2, 2)]
    assert sum(part.shape[1] for part in pooled) == 6
    total = each(torch.add, x, x)
    assert all(torch.equal(a, 2 * b) for a, b in zip(total, x, strict=True))


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("alpha", [0, 0.25, 0.5, 1])
def test_one_norm_of_two_streams_is_two_norms(alpha: float, momentum: float | None) -> None:
    norm = StreamBatchNorm2d(8, momentum=momentum)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    cut = 8 - int(alpha * 8)
    sizes = (cut, 8 - cut)
    parts = [nn.BatchNorm2d(n, momentum=momentum) for n in sizes]
    for part, weight, bias in zip(
        parts, norm.weight.split(sizes), norm.bias.split(sizes), strict=True
    ):
        part.load_state_dict(part.state_dict() | {"weight": weight, "bias": bias})
    for step in range(3):
        if step == 2:
            norm.eval()
        given = split(torch.randn(2, 8, 6, 6), alpha, 0.5)
        for part, x, y in zip(parts, given, norm(given), strict=True):
            if x.shape[1]:
                torch.testing.assert_close(y, part.train(norm.training)(x))
    stats = torch.cat([part.running_var for part in parts])
    torch.testing.assert_close(norm.running_var, stats)
    assert norm.num_batches_tracked == 2


def test_one_norm_of_one_tensor_is_batch_norm() -> None:
    norm, plain, x = StreamBatchNorm2d(8), nn.BatchNorm2d(8), torch.randn(2, 8, 4, 4)
    assert torch.equal(norm(x), plain(x))
    assert norm.state_dict().keys() == plain.state_dict().keys()
