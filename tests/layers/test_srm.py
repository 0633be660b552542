import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from telltrace.layers.srm import SRMBlock, SRMResidual, srm_kernels

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "srm.json").read_text())


def test_kernels_are_the_published_ones_to_the_bit() -> None:
    published = torch.tensor(GOLDEN["simple"])
    assert torch.equal(SRMResidual().kernel, published)


def test_grouping_by_filter_is_the_released_layout_to_the_bit() -> None:
    released = torch.tensor(GOLDEN["separate_first_three"])
    assert torch.equal(SRMBlock(2, reference_compatible=True).kernel, released)


def _kernels_met(block: SRMBlock) -> list[set[int]]:
    """Which of the three kernels each input channel passes through."""
    kernels = srm_kernels()
    which = [
        next(i for i in range(3) if torch.equal(kernel[0], kernels[i])) for kernel in block.kernel
    ]
    return [set(which[i : i + 3]) for i in range(0, len(which), 3)]


def test_every_channel_meets_every_kernel_unless_released() -> None:
    assert _kernels_met(SRMBlock(32)) == [{0, 1, 2}] * 32
    released = _kernels_met(SRMBlock(32, reference_compatible=True))
    assert sum(len(met) == 1 for met in released) == 30
    assert {0, 1, 2} not in released


def test_residual_is_the_sum_of_the_channels_filtered() -> None:
    image = torch.rand(2, 3, 9, 11, dtype=torch.float64)
    grey = image.sum(1, keepdim=True)
    kernels = srm_kernels()[:, None].double()
    expected = F.conv2d(grey, kernels, padding=2)
    assert expected.abs().max() < 3
    torch.testing.assert_close(SRMResidual().double()(image), expected)


def test_residuals_are_clamped_as_published() -> None:
    low, high = GOLDEN["clamp"]
    loud = SRMResidual()(1000 * torch.randn(1, 3, 16, 16))
    assert (loud.min(), loud.max()) == (low, high)


@pytest.mark.parametrize("released", [False, True])
def test_gradients_match_finite_differences(released: bool) -> None:
    block = SRMBlock(2, reference_compatible=released).double().eval()
    x = torch.rand(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(block, (x,))


@pytest.mark.parametrize("size", [(1, 1), (7, 4)])
def test_keeps_the_size(size: tuple[int, int]) -> None:
    x: Tensor = torch.rand(2, 5, *size)
    assert SRMBlock(5)(x).shape == (2, 5, *size)


def test_kernels_are_neither_learned_nor_stored() -> None:
    assert not list(SRMResidual().parameters())
    assert not SRMResidual().state_dict()
