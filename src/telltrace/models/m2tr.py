"""M2TR: patches of several sizes attend to each other, and to a map filtered by its spectrum."""

from collections import OrderedDict
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import OptionError
from telltrace.layers.frequency import from_spectrum, spectrum

from .backbones import require_multiple, require_size
from .plain import timm_network
from .xception import FEATURES, XceptionFeatures, load_imagenet

FAMILY, PAPER = "m2tr", "Wang et al., ICMR 2022"

Backbone = Literal["efficientnet_b4", "xception"]

STRIDE = {"efficientnet_b4": 4, "xception": 8}
"""Pixels of the image to a cell of the map at which the transformer sits."""
CHANNELS = {"efficientnet_b4": (32, 1792), "xception": (256, FEATURES)}
"""Channels of that map, and of the last one."""
SCALES = 4
"""Patch sizes: the whole map, and its half, quarter and eighth."""


def _mixed(channels: int, kernel_size: int, *, dilation: int = 1) -> list[nn.Module]:
    how: Any = {"padding": dilation * (kernel_size // 2), "dilation": dilation, "bias": False}
    conv = nn.Conv2d(channels, channels, kernel_size, **how)
    return [conv, nn.BatchNorm2d(channels), nn.LeakyReLU(0.2, inplace=True)]


def _feed_forward(channels: int) -> nn.Sequential:
    """Two 3x3 convolutions, the first with every second pixel (section 3.1 of the paper)."""
    return nn.Sequential(*_mixed(channels, 3, dilation=2), *_mixed(channels, 3))


class MultiScaleAttention(nn.Module):
    """Patches of a map attend to each other, at four sizes, a quarter of the channels each.

    A patch as large as the map attends to itself alone, so that quarter needs neither queries nor
    keys. (B, C, size, size) to the same, C a multiple of 4, size one of 8. Section 3.1, Eq. 1, 2.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.patches = tuple(size // 2**i for i in range(1, SCALES))
        asked = channels - channels // SCALES
        self.query = nn.Conv2d(channels, asked, 1)
        self.key = nn.Conv2d(channels, asked, 1, bias=False)  # the softmax sees no bias
        self.value = nn.Conv2d(channels, channels, 1)
        self.mix = nn.Sequential(*_mixed(channels, 3))

    def forward(self, x: Tensor) -> Tensor:
        whole, *values = self.value(x).chunk(SCALES, 1)
        queries, keys = self.query(x).chunk(SCALES - 1, 1), self.key(x).chunk(SCALES - 1, 1)
        parts = zip(queries, keys, values, self.patches, strict=True)
        answers = [_attend(*part) for part in parts]
        return self.mix(torch.cat((whole, *answers), 1))


def _attend(query: Tensor, key: Tensor, value: Tensor, patch: int) -> Tensor:
    """Attention between square patches of maps (B, C, size, size)."""
    q, k, v = (_cut(x, patch).flatten(3).flatten(1, 2)[:, None] for x in (query, key, value))
    answer = F.scaled_dot_product_attention(q, k, v)
    cells = _cut(value, patch)
    return answer.reshape(cells.shape).permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)


def _cut(x: Tensor, patch: int) -> Tensor:
    """Maps (B, C, size, size) as patches, (B, rows, columns, C, patch, patch)."""
    side = x.shape[-1] // patch
    return x.reshape(-1, x.shape[1], side, patch, side, patch).permute(0, 2, 4, 1, 3, 5)


class FrequencyFilter(nn.Module):
    """Multiply a spectrum by learned complex gains: (B, C, size, size) to the same (Eq. 4)."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.02 * torch.randn(channels, size, size // 2 + 1, 2))

    def forward(self, x: Tensor) -> Tensor:
        exact = x if x.dtype == torch.float64 else x.float()  # sums of so many need the bits
        (real, imaginary), (gain, turn) = spectrum(exact), self.weight.to(exact.dtype).unbind(-1)
        parts = real * gain - imaginary * turn, real * turn + imaginary * gain
        return from_spectrum(*parts, int(x.shape[-1])).to(x.dtype)


class CrossModalityFusion(nn.Module):
    """Every place of the image's map (B, C, H, W) attends to the filtered one's (Eq. 5 and 6)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, 1, bias=False)
        self.value = nn.Conv2d(channels, channels, 1, bias=False)
        self.mix = nn.Sequential(*_mixed(channels, 1))

    def forward(self, image: Tensor, filtered: Tensor) -> Tensor:
        query, key, value = (
            x.flatten(2).transpose(1, 2)[:, None]
            for x in (self.query(image), self.key(filtered), self.value(filtered))
        )
        answer = F.scaled_dot_product_attention(query, key, value)
        return self.mix(answer[:, 0].transpose(1, 2).reshape(image.shape))


class Layer(nn.Module):
    """Attention between patches, the filter, and both brought together: figure 2 of the paper."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.attention = MultiScaleAttention(channels, size)
        self.feed_forward = _feed_forward(channels)
        self.filter = FrequencyFilter(channels, size)
        self.filter_forward = _feed_forward(channels)
        self.fusion = CrossModalityFusion(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        x = x + self.feed_forward(x)
        filtered = x + self.filter_forward(self.filter(x))
        return x + self.fusion(x, filtered)


class M2TR(nn.Module):
    """Multi-modal multi-scale transformer between the shallow and the deep half of a backbone.

    (B, 3, image_size, image_size) to (B, num_classes) logits.

    Args:
        image_size: Side of the image, in pixels: a multiple of 32 with EfficientNet, of 64 with
            Xception. The paper's is 320.
        backbone: ``"efficientnet_b4"`` as released, or ``"xception"``.
        depth: Number of layers.
        drop_path_rate: How often a training image skips a residual block of EfficientNet.
        weights: File with the backbone's ImageNet weights (for EfficientNet in timm's layout),
            ``"timm"`` to let timm supply (and download) them, or None for fresh ones.

    Raises:
        OptionError: If there is no such backbone, ``image_size`` is no multiple as above, or an
            image of another size comes.

    References:
        Wang et al., "M2TR: Multi-modal Multi-scale Transformers for Deepfake Detection", ICMR
        2022, figure 2, https://arxiv.org/abs/2104.09770.
    """

    def __init__(
        self,
        *,
        num_classes: int = 2,
        image_size: int = 256,
        backbone: Backbone = "efficientnet_b4",
        depth: int = 4,
        drop_rate: float = 0.5,
        drop_path_rate: float = 0.2,
        weights: str | Path | None = None,
    ) -> None:
        super().__init__()
        if backbone not in STRIDE:
            raise OptionError(f"backbone must be one of {', '.join(STRIDE)}, got {backbone!r}.")
        require_multiple(image_size, 8 * STRIDE[backbone])
        self.image_size, self.backbone = image_size, backbone
        if backbone == "xception":
            self.texture, self.features = _xception(weights)
        else:
            self.texture, self.features = _efficientnet(drop_path_rate, weights)
        channels, last = CHANNELS[backbone]
        size = image_size // STRIDE[backbone]
        self.layers = nn.Sequential(*(Layer(channels, size) for _ in range(depth)))
        self.dropout = nn.Dropout(drop_rate)
        self.head = nn.Linear(last, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        require_size(image, self.image_size)
        feature = self.features(self.layers(self.texture(image))).mean((2, 3))
        return self.head(self.dropout(feature))


def _efficientnet(
    drop_path_rate: float, weights: str | Path | None
) -> tuple[nn.Sequential, nn.Sequential]:
    """EfficientNet-B4 up to its second stage, and from there."""
    whole = timm_network("tf_efficientnet_b4", weights, drop_path_rate=drop_path_rate)
    shallow = {"conv_stem": whole.conv_stem, "bn1": whole.bn1, "blocks": whole.blocks[:2]}
    later = nn.Sequential(*whole.blocks[2:])
    deep = {"blocks": later, "conv_head": whole.conv_head, "bn2": whole.bn2}
    return nn.Sequential(OrderedDict(shallow)), nn.Sequential(OrderedDict(deep))


def _xception(weights: str | Path | None) -> tuple[nn.Sequential, nn.Sequential]:
    """Xception up to its second block, and from there."""
    whole = XceptionFeatures()
    load_imagenet(whole, weights)
    first, second, third = whole.entry
    shallow = nn.Sequential(whole.stem1, whole.stem2, first, second)
    flows = (whole.middle_first, whole.middle_second, whole.exit, whole.tail)
    return shallow, nn.Sequential(third, *flows, nn.ReLU(inplace=True))
