from typing import Literal

import pytest
import torch
import torch.nn.functional as F

from telltrace.layers import ConstrainedConv2d


@pytest.mark.parametrize("size", [(8, 8), (7, 13), (3, 2)])
@pytest.mark.parametrize(("channels", "kernel_size"), [(1, 3), (3, 5), (64, 7)])
def test_keeps_the_shape(channels: int, kernel_size: int, size: tuple[int, int]) -> None:
    x = torch.rand(2, channels, *size)
    assert ConstrainedConv2d(channels, kernel_size)(x).shape == x.shape


def test_a_flat_image_leaves_no_trace() -> None:
    flat = torch.full((1, 3, 16, 16), 0.5)
    inside = ConstrainedConv2d(3)(flat)[..., 2:-2, 2:-2]
    torch.testing.assert_close(inside, torch.zeros_like(inside), atol=1e-6, rtol=0)


def test_predicts_each_pixel_from_its_neighbours() -> None:
    x = torch.rand(1, 2, 6, 6, dtype=torch.float64)
    conv = ConstrainedConv2d(2, 3).double()
    taps, y = conv.kernel()[1, 0], conv(x)
    around = [(i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    predicted = sum(taps[i, j] * x[0, 1, 1 + i, 2 + j] for i, j in around)
    torch.testing.assert_close(y[0, 1, 2, 3], predicted - x[0, 1, 2, 3])


@pytest.mark.parametrize("kernel_size", [3, 5, 7])
def test_the_constraint_survives_training(kernel_size: int) -> None:
    conv = ConstrainedConv2d(3, kernel_size)
    before = conv.kernel().clone()
    optimizer = torch.optim.SGD(conv.parameters(), lr=1.0)
    for _ in range(5):
        optimizer.zero_grad()
        conv(torch.rand(4, 3, 16, 16)).square().mean().backward()
        optimizer.step()
    kernel, middle = conv.kernel(), kernel_size // 2
    torch.testing.assert_close(kernel.sum((-2, -1)), torch.zeros(3, 1), atol=1e-5, rtol=0)
    assert (kernel[..., middle, middle] == -1).all()
    assert not torch.allclose(kernel, before, atol=1e-3)


def test_a_kernel_that_obeys_is_left_alone() -> None:
    conv = ConstrainedConv2d(4)
    kernel = conv.kernel()
    torch.testing.assert_close(kernel, conv.weight, atol=1e-6, rtol=0)
    conv.weight.data = kernel.detach() + torch.rand(4, 1, 1, 1)  # off by a constant per kernel
    torch.testing.assert_close(conv.kernel(), kernel, atol=1e-6, rtol=0)


def test_gradients_match_finite_differences() -> None:
    conv = ConstrainedConv2d(2, 3).double()
    x = torch.rand(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, _: conv(x), (x, conv.weight))


@pytest.mark.parametrize(("kind", "learnt"), [("constant", 0), ("unconstrained", 1)])
def test_a_kernel_without_constraint_is_used_as_it_stands(
    kind: Literal["constant", "unconstrained"], learnt: int
) -> None:
    torch.manual_seed(0)
    conv = ConstrainedConv2d(3, kind=kind)
    torch.manual_seed(0)
    assert torch.equal(conv.weight, ConstrainedConv2d(3).weight)
    assert len(list(conv.parameters())) == learnt
    kernel = torch.randn(3, 1, 5, 5)
    conv.load_state_dict(conv.state_dict() | {"weight": kernel})
    x = torch.rand(2, 3, 9, 9)
    assert torch.equal(conv(x), F.conv2d(x, kernel, padding=2, groups=3))


@pytest.mark.parametrize("kernel_size", [1, 4])
def test_refuses_a_kernel_without_neighbours_on_all_sides(kernel_size: int) -> None:
    with pytest.raises(ValueError, match=f"odd and at least 3, got {kernel_size}"):
        ConstrainedConv2d(3, kernel_size)


def test_training_in_bfloat16_gives_what_a_group_for_each_channel_gives() -> None:
    conv, x = ConstrainedConv2d(32), torch.rand(2, 32, 12, 12).bfloat16()
    alone = F.conv2d(x, conv.kernel().bfloat16(), padding=2, groups=32)
    with torch.autocast("cpu", torch.bfloat16):
        assert conv.taps(x)[1] == 2
        together = conv(x)
    torch.testing.assert_close(together, alone, atol=0.01, rtol=0.01)
    (first,) = torch.autograd.grad(together.float().square().mean(), conv.weight)
    (second,) = torch.autograd.grad(alone.float().square().mean(), conv.weight)
    torch.testing.assert_close(first, second, atol=0.01 * float(second.abs().max()), rtol=0)
    with torch.no_grad():
        assert conv.taps(x)[1] == 32


def test_channels_that_make_no_groups_stay_alone_in_bfloat16() -> None:
    conv = ConstrainedConv2d(24)
    with torch.autocast("cpu", torch.bfloat16):
        assert conv(torch.rand(1, 24, 8, 8)).shape == (1, 24, 8, 8)
        assert conv.taps(torch.rand(1, 24, 8, 8))[1] == 24
