"""Attention over places, over channels, and between two feature maps of one image."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import OptionError

RELEASED_GAIN = 0.02
"""Gain of the Xavier initialisation in the released code; nearly closes what it initialises."""


class SpatialAttention(nn.Module):
    """Weigh every place of a map by its mean and its largest channel, over 7 x 7 pixels.

    (B, C, H, W) to (B, 1, H, W), in (0, 1). Woo et al., "CBAM", ECCV 2018, equation 3.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)).sigmoid()


class ChannelAttention(nn.Module):
    """Weigh every channel of a map by its mean and its largest place, with C / 16 hidden ones.

    (B, C, H, W) to (B, C, 1, 1), in (0, 1). Woo et al., "CBAM", ECCV 2018, equation 2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // 16, 1, bias=False)
        self.excite = nn.Conv2d(channels // 16, channels, 1, bias=False)
        for conv in (self.squeeze, self.excite):
            nn.init.xavier_normal_(conv.weight, gain=RELEASED_GAIN)

    def forward(self, x: Tensor) -> Tensor:
        # Both summaries pass the squeeze as one batch, and their sum the linear second layer once.
        summaries = torch.stack([x.mean((2, 3)), x.amax((2, 3))])
        hidden = F.linear(summaries, self.squeeze.weight.flatten(1)).relu().sum(0)
        return F.linear(hidden, self.excite.weight.flatten(1)).sigmoid()[:, :, None, None]


class DualCrossAttention(nn.Module):
    """Let two maps of one image read each other: (B, C, H, W) twice to the same, N = H * W.

    Through keys that they share, 8 times narrower than C, position i of one map is compared with
    position j of the other; a learned layer over all N positions makes the attentions of that.

    Args:
        gate: What the residual gates start from. The released code's 0 leaves every other weight
            here without a gradient until the gates have moved.
        gain: Gain of the Xavier initialisation of keys and position layers. 0.4 starts the
            comparisons at about 1, the released code's 0.02 at about 1e-7, too small to learn.

    Raises:
        OptionError: If a map does not have N positions.

    References:
        Luo et al., CVPR 2021, dual cross-modality attention.
    """

    def __init__(
        self, channels: int, positions: int, *, gate: float = 0.1, gain: float = 0.4
    ) -> None:
        super().__init__()
        self.positions, keys = positions, channels // 8
        self.key1, self.key2 = (nn.Conv2d(channels, keys, 1) for _ in range(2))
        self.shared_key = nn.Conv2d(keys, keys, 1)
        self.places1, self.places2 = (nn.Linear(positions, positions) for _ in range(2))
        self.value1, self.value2 = (nn.Conv2d(channels, channels, 1) for _ in range(2))
        self.gate1 = nn.Parameter(torch.full((1,), gate))
        self.gate2 = nn.Parameter(torch.full((1,), gate))
        for layer in (self.key1, self.key2, self.shared_key, self.places1, self.places2):
            nn.init.xavier_normal_(layer.weight, gain=gain)
        for layer in (self.value1, self.value2):
            nn.init.xavier_normal_(layer.weight, gain=RELEASED_GAIN)

    def maps(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N, N) twice: row i says from where in the other map position i of each one reads."""
        if x.shape != y.shape or x.shape[-2] * x.shape[-1] != self.positions:
            raise OptionError(
                f"This attention was built for two maps of {self.positions} positions, got "
                f"{tuple(x.shape[-2:])} and {tuple(y.shape[-2:])}: build it with "
                f"positions={x.shape[-2] * x.shape[-1]}, or a detector with that image_size."
            )
        keys = self.shared_key(torch.cat([self.key1(x), self.key2(y)]))
        of_x, of_y = keys.flatten(2).unflatten(0, (2, -1))  # (B, C / 8, N) each
        # Not the released softmax(L(kx^T ky)), N^3 work: kx^T (ky L^T), the same, is N^2 C / 8.
        weights = self.places1, self.places2
        pairs = zip(weights, (of_x, of_y), (of_y, of_x), strict=True)
        first, second = (
            torch.baddbmm(places.bias, mine.transpose(1, 2), other @ places.weight.T)
            for places, mine, other in pairs
        )
        return first.softmax(-1), second.softmax(-1)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        first, second = self.maps(x, y)
        to_x = self.value2(y).flatten(2) @ first.transpose(1, 2)
        to_y = self.value1(x).flatten(2) @ second.transpose(1, 2)
        return self.gate1 * to_x.view_as(x) + x, self.gate2 * to_y.view_as(y) + y
