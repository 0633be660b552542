"""The constrained depthwise kernel that shows what neighbouring pixels fail to predict."""

from typing import Final, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import OptionError

TOGETHER: Final = 16
"""Channels of a group where that is faster."""


class ConstrainedConv2d(nn.Module):
    """Depthwise prediction-error filter, (B, C, H, W) to the same: half of the paper's MCSConv.

    Every kernel keeps -1 at its centre while its other taps sum to 1, so a constant patch
    yields exactly 0: image content cancels and the traces of manipulation remain. The
    constraint is a projection inside the forward pass, hence it also holds while training. The
    border is padded with zeros.

    Args:
        channels: C of the input and the output.
        kernel_size: Side of the kernel, in pixels; odd, at least 3.
        kind: ``"constrained"`` learns as above. The others use ``weight`` as it stands, drawn
            alike: ``"unconstrained"`` learns it, ``"constant"`` holds it, filled by a released
            checkpoint, beside two tensors that such a checkpoint never uses.

    Raises:
        OptionError: If ``kernel_size`` is even or smaller than 3.

    References:
        Guo et al., IEEE TIFS 2024, Eq. 1; after Bayar and Stamm, "Constrained Convolutional
        Neural Networks", IEEE TIFS 2018.
    """

    around: Tensor

    def __init__(
        self,
        channels: int,
        kernel_size: int = 5,
        *,
        kind: Literal["constrained", "constant", "unconstrained"] = "constrained",
    ) -> None:
        super().__init__()
        if kernel_size < 3 or kernel_size % 2 == 0:
            raise OptionError(f"kernel_size must be odd and at least 3, got {kernel_size}.")
        self.channels, self.kernel_size, self.kind = channels, kernel_size, kind
        shape = (channels, 1, kernel_size, kernel_size)
        around = torch.ones(1, 1, kernel_size, kernel_size)
        around[..., kernel_size // 2, kernel_size // 2] = 0
        self.register_buffer("around", around, persistent=False)
        if kind == "constant":
            self.register_buffer("weight", torch.empty(shape))
            self.register_buffer("const_weight", torch.empty(shape))
            self.register_buffer("const_bias", torch.zeros(channels))
        else:
            self.weight = nn.Parameter(torch.empty(shape))
        nn.init.normal_(self.weight, std=1 / kernel_size)
        self.weight.data = self._project(self.weight.data)
        if kind == "constant":
            self.get_buffer("const_weight").copy_(self.weight)

    def kernel(self) -> Tensor:
        """The kernel in force, (C, 1, k, k): the nearest to ``weight`` that obeys Eq. 1, or it."""
        return self._project(self.weight) if self.kind == "constrained" else self.weight

    def taps(self, x: Tensor) -> tuple[Tensor, int]:
        """The kernel in force for ``x``, (C, C / groups, k, k), and its groups.

        Each channel is a group. But PyTorch's gradient of that in bfloat16 on a processor takes
        nine times as long as that of `TOGETHER` channels a group with zeros between them.
        """
        kernel, together = self.kernel(), TOGETHER
        half = torch.is_autocast_enabled("cpu") and x.device.type == "cpu"
        if not half or not torch.is_grad_enabled() or self.channels % together:
            return kernel, self.channels
        own = torch.eye(together).repeat(self.channels // together, 1)[:, :, None, None]
        return kernel * own, self.channels // together

    def forward(self, x: Tensor) -> Tensor:
        kernel, groups = self.taps(x)
        return F.conv2d(x, kernel, padding=self.kernel_size // 2, groups=groups)

    def _project(self, weight: Tensor) -> Tensor:
        taps = weight * self.around
        surplus = (taps.sum((-2, -1), keepdim=True) - 1) / (self.kernel_size**2 - 1)
        return taps - surplus * self.around - (1 - self.around)
