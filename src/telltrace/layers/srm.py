"""Noise residuals: three high-pass kernels from steganalysis, clamped as they are there."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLAMP = 3.0
"""Residuals beyond this magnitude are edges, not noise."""


def srm_kernels() -> Tensor:
    """The three kernels, (3, 5, 5): second order in 3x3, in 5x5, and along a row.

    Each sums to 0, so that flat regions vanish, and has -1 at its centre. Fridrich and Kodovsky,
    "Rich Models for Steganalysis of Digital Images", IEEE TIFS 2012; the three of Zhou et al.,
    "Learning Rich Features for Image Manipulation Detection", CVPR 2018.
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

    (B, 3, H, W) to the same, in [-3, 3]. Luo et al., CVPR 2021.
    """

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        kernel = srm_kernels()[:, None].repeat(1, 3, 1, 1)
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return F.conv2d(image, self.kernel, padding=2).clamp(-CLAMP, CLAMP)


class SRMBlock(nn.Module):
    """High frequencies of a feature map (Luo et al.): fixed residuals, mixed by a learned 1x1.

    (B, channels, H, W) to the same, from three residuals of each channel. With
    ``reference_compatible`` a channel meets one kernel (seldom two) three times over, as released.
    """

    kernel: Tensor

    def __init__(self, channels: int, *, reference_compatible: bool = False) -> None:
        super().__init__()
        kernel = srm_kernels()[:, None]
        released = kernel.repeat_interleave(channels, dim=0)
        kernel = released if reference_compatible else kernel.repeat(channels, 1, 1, 1)
        self.register_buffer("kernel", kernel, persistent=False)
        mix = nn.Conv2d(3 * channels, channels, 1, bias=False)
        nn.init.kaiming_normal_(mix.weight, a=1)
        self.mix = nn.Sequential(mix, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        residual = F.conv2d(x, self.kernel, padding=2, groups=x.shape[1])
        return self.mix(residual.clamp(-CLAMP, CLAMP))
