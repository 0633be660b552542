"""Padding as TensorFlow does it."""

import torch.nn.functional as F
from torch import Tensor, nn


class SamePad2d(nn.Module):
    """Zeros around (B, C, H, W) such that a strided convolution gives ceil(side / stride).

    Where the zeros are odd in number, one more is at the end.
    """

    def __init__(
        self, kernel_size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.reach = [d * (k - 1) for k, d in zip(kernel_size, dilation, strict=True)]
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for side, reach, step in zip(x.shape[-2:], self.reach, self.stride, strict=True):
            lack = max(0, (-(-side // step) - 1) * step + reach + 1 - side)
            pads = [lack // 2, lack - lack // 2, *pads]
        return F.pad(x, pads)
