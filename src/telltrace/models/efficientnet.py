"""EfficientNet-B4 as forgery detectors use it: padded as for 380 pixels, and with attention."""

from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.models.plain import timm_network

FAMILY, PAPER = "efficientnet", "Tan and Le, ICML 2019"
SIDE = 380
"""Side of the image that EfficientNet-B4 was made for, in pixels."""
BEFORE, CHANNELS = 3, 56
"""Stages before the attention, and the channels there."""


class PaddedConv2d(nn.Conv2d):
    """A strided convolution with the "same" padding of one size of its input, whatever comes.

    TensorFlow's padding, and timm's, changes with the size; that of efficientnet_pytorch does not.
    """

    def __init__(self, like: nn.Conv2d, size: int) -> None:
        how: Any = {"groups": like.groups, "bias": like.bias is not None}
        kernel, stride = like.kernel_size[0], like.stride[0]
        super().__init__(like.in_channels, like.out_channels, kernel, stride, **how)
        self.weight, self.bias = like.weight, like.bias
        missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        self.edges = (missing // 2, missing - missing // 2) * 2

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, self.edges))


class PlaceAttention(nn.Module):
    """How much each place of a map counts: (B, C, H, W) to (B, 1, H, W), in (0, 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).sigmoid()


class EfficientNetB4(nn.Module):
    """EfficientNet-B4 with efficientnet_pytorch's padding: (B, 3, H, W) to (B, num_classes) logits.

    Args:
        attention: Weigh the places of the map after the third stage (28 x 28 at 224 pixels) by one
            learned from it; ``attention_map`` gives it.
        pad_stem: Without it the first convolution leaves out the image's edge, as DeepfakeBench's.
        weights: ImageNet's, as of :func:`~telltrace.models.plain.timm_detector`.
        drop_rate: Dropout before the classifier.
        drop_path_rate: How often a training image skips a residual block.

    References:
        Tan and Le, "EfficientNet", ICML 2019; Bonettini et al., "Video Face Manipulation Detection
        Through Ensemble of CNNs", ICPR 2020, Fig. 2 for the attention.
    """

    def __init__(
        self,
        *,
        num_classes: int = 2,
        attention: bool = False,
        pad_stem: bool = True,
        weights: str | Path | None = None,
        drop_rate: float = 0.4,
        drop_path_rate: float = 0.2,
    ) -> None:
        super().__init__()
        self.backbone = timm_network(
            "tf_efficientnet_b4", weights, num_classes=num_classes, drop_rate=drop_rate,
            drop_path_rate=drop_path_rate,
        )  # fmt: skip
        _fix_padding(self.backbone, SIDE)
        if not pad_stem:
            self.backbone.conv_stem.edges = (0, 0, 0, 0)
        self.attention = PlaceAttention(CHANNELS) if attention else None

    def forward(self, image: Tensor) -> Tensor:
        x = self._shallow(image)
        if self.attention is not None:
            x = x * self.attention(x)
        x = self.backbone.blocks[BEFORE:](x)
        return self.backbone.forward_head(self.backbone.bn2(self.backbone.conv_head(x)))

    def attention_map(self, image: Tensor) -> Tensor:
        """How much each place counts, (B, 1, H / 8, W / 8), of a network with ``attention``."""
        assert self.attention is not None, "built without attention"
        return self.attention(self._shallow(image))

    def _shallow(self, image: Tensor) -> Tensor:
        return self.backbone.blocks[:BEFORE](self.backbone.bn1(self.backbone.conv_stem(image)))


def _fix_padding(network: nn.Module, size: int) -> None:
    """Give strided convolutions the padding that they have in an image of that size, in pixels."""
    for name, layer in list(network.named_modules()):
        if isinstance(layer, nn.Conv2d) and layer.stride[0] > 1:
            network.set_submodule(name, PaddedConv2d(layer, size))
            size = -(-size // layer.stride[0])
