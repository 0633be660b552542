"""Noise residuals: three high-pass kernels from steganalysis, clamped as they are there."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import OptionError

Grouping = Literal["channel", "filter"]

CLAMP = 3.0
"""Residuals beyond this magnitude are edges, not noise."""


def srm_kernels() -> Tensor:
    """The three kernels, (3, 5, 5): second order in 3x3, in 5x5, and along a row.

    Each sums to 0, so that flat regions vanish, and has -1 at its centre.

    References:
        Fridrich and Kodovsky, "Rich Models for Steganalysis of Digital Images", IEEE TIFS 2012;
        the choice of three is that of Zhou et al., "Learning Rich Features for Image Manipulation
        Detection", CVPR 2018.

    Examples:
        >>> srm_kernels().sum((-2, -1)).abs().max().item() < 1e-6
        True
    """
    row = torch.tensor([0.0, 1.0, -2.0, 1.0, 0.0])
    square = -torch.outer(row, row) / 4
    # The corner of the 5x5 kernel; the other three quarters are its mirror images.
    corner = torch.tensor([[-1.0, 2.0, -2.0], [2.0, -6.0, 8.0], [-2.0, 8.0, -12.0]]) / 12
    half = torch.cat([corner, corner[:, :2].flip(1)], dim=1)
    wide = torch.cat([half, half[:2].flip(0)], dim=0)
    line = torch.zeros(5, 5)
    line[2] = row / 2
    return torch.stack([square, wide, line])


class SRMResidual(nn.Module):
    """Noise residual of an image: each of the three kernels over the sum of all its channels.

    Shape:
        - Input: (B, 3, H, W)
        - Output: (B, 3, H, W), in [-3, 3]

    References:
        Luo et al., "Generalizing Face Forgery Detection with High-frequency Features", CVPR 2021.

    Examples:
        >>> flat = torch.full((1, 3, 9, 9), 0.5)
        >>> SRMResidual()(flat)[..., 2:-2, 2:-2].abs().max().item() < 1e-5
        True
    """

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        kernel = srm_kernels()[:, None].repeat(1, 3, 1, 1)
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return F.conv2d(image, self.kernel, padding=2).clamp(-CLAMP, CLAMP)


class SRMBlock(nn.Module):
    """High frequencies of a feature map: fixed residuals per channel, mixed by a learned 1x1.

    Args:
        in_channels: Number of channels C of the map.
        out_channels: Number of channels D that are mixed from its 3 C residuals.
        grouping: ``"channel"`` passes every channel through all three kernels. ``"filter"`` lays
            the kernels out as the released code does, three copies of the first third, then
            three of the next: each channel then meets one kernel (seldom two) three times over.

    Shape:
        - Input: (B, C, H, W)
        - Output: (B, D, H, W)

    References:
        Luo et al., CVPR 2021, multi-scale high-frequency feature extraction.
    """

    kernel: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, *, grouping: Grouping = "channel"
    ) -> None:
        super().__init__()
        if grouping not in ("channel", "filter"):
            raise OptionError(f'grouping must be "channel" or "filter", got {grouping!r}.')
        self.in_channels, self.grouping = in_channels, grouping
        kernel = srm_kernels()[:, None]
        kernel = (
            kernel.repeat(in_channels, 1, 1, 1)
            if grouping == "channel"
            else kernel.repeat_interleave(in_channels, dim=0)
        )
        self.register_buffer("kernel", kernel, persistent=False)
        mix = nn.Conv2d(3 * in_channels, out_channels, 1, bias=False)
        nn.init.kaiming_normal_(mix.weight, a=1)
        self.mix = nn.Sequential(mix, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        residual = F.conv2d(x, self.kernel, padding=2, groups=self.in_channels)
        return self.mix(residual.clamp(-CLAMP, CLAMP))

    def extra_repr(self) -> str:
        return f"{self.in_channels}, grouping={self.grouping!r}"
