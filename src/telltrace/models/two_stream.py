"""Two-stream detector: what a face looks like, and the noise its camera left in it."""

from pathlib import Path
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import OptionError
from telltrace.layers import attention
from telltrace.layers.srm import SRMBlock, SRMResidual
from telltrace.losses import AMSoftmax, CosineHead, CrossEntropy

from .backbones import require_multiple, require_size
from .xception import FEATURES, XceptionFeatures, load_imagenet, stem

FAMILY, PAPER = "two_stream", "Luo et al., CVPR 2021"

Head = Literal["cosine", "linear"]
HEADS: dict[str, type[CosineHead | nn.Linear]] = {"cosine": CosineHead, "linear": nn.Linear}

STRIDE = 16
"""Pixels per position of the middle flow, where the streams attend to each other."""


class Evidence(NamedTuple):
    """What the detector saw, beside its answer."""

    logits: Tensor
    """(B, K): the detector's answer, as :meth:`TwoStreamXception.forward` gives it."""
    cosines: Tensor
    """(B, K): between the feature and each class's direction; ``am_softmax`` wants these."""
    feature: Tensor
    """(B, 2048): fused and pooled."""
    attention: Tensor
    """(B, 1, H / 2 - 3, W / 2 - 3): where the noise residual sends the RGB stream, in (0, 1)."""


class ResidualGuide(nn.Module):
    """Residual guided spatial attention: (B, 3, H, W) -> (B, 1, H/2-3, W/2-3)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*stem(3, 32, stride=2), *stem(32, 64, stride=1))
        self.attend = attention.SpatialAttention()
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=1)

    def forward(self, residual: Tensor) -> Tensor:
        return self.attend(self.stem(residual))


class Fusion(nn.Module):
    """Mix both streams, then amplify the channels that matter: (B, C, h, w) twice -> one."""

    def __init__(
        self, channels: int, *, reference_compatible: bool = False, residual: bool = True
    ) -> None:
        super().__init__()
        self.residual = residual
        mix = nn.Conv2d(2 * channels, channels, 1, bias=False)
        if not reference_compatible:  # the released initialiser looks one level too high
            nn.init.kaiming_normal_(mix.weight, a=1)
        self.mix = nn.Sequential(mix, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
        self.attend = attention.ChannelAttention(channels)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        fused = self.mix(torch.cat([x, y], dim=1))
        amplified = fused * self.attend(fused)
        return fused + amplified if self.residual else amplified


class TwoStreamXception(nn.Module):
    """Two Xceptions, one on the image and one on its noise residual, that inform each other.

    The noise stream also receives the high frequencies of the image stream's first two maps; the
    residual says where the image stream should look; in the middle flow the streams attend to
    each other twice, then fuse. (B, 3, image_size, image_size) to logits (B, num_classes).

    Args:
        image_size: Side of the image in pixels, a multiple of 16.
        head: ``"cosine"`` for AM-Softmax (its logits are 30 cosines), ``"linear"`` for plain
            cross-entropy.
        reference_compatible: Compute and initialise as the released code does, for its
            checkpoints; ``docs/guides/two_stream.md`` says how ours differs, and why.
        residual_fusion: Add the fused map to what its channel attention lets through, which
            DeepfakeBench's form (``dfb_srm``) does not.
        weights: ImageNet weights, as of :func:`~telltrace.models.xception.load_imagenet`.

    Raises:
        OptionError: If ``image_size`` is no multiple of 16, or an image of another size comes.

    References:
        Luo et al., "Generalizing Face Forgery Detection with High-frequency Features", CVPR 2021,
        https://arxiv.org/abs/2103.12376.
    """

    def __init__(
        self,
        *,
        num_classes: int = 2,
        image_size: int = 256,
        drop_rate: float = 0.5,
        head: Head = "cosine",
        reference_compatible: bool = False,
        residual_fusion: bool = True,
        weights: str | Path | None = None,
    ) -> None:
        super().__init__()
        require_multiple(image_size, STRIDE)
        if head not in HEADS:
            raise OptionError(f'head must be "cosine" or "linear", got {head!r}.')
        self.image_size, self.reference_compatible = image_size, reference_compatible
        self.rgb, self.noise = XceptionFeatures(), XceptionFeatures()
        self.residual = SRMResidual()
        self.extract1 = SRMBlock(32, reference_compatible=reference_compatible)
        self.extract2 = SRMBlock(64, reference_compatible=reference_compatible)
        self.guide = ResidualGuide()
        self.guided = nn.Sequential(nn.BatchNorm2d(64), nn.ReLU(inplace=True))
        gate, gain = (0.0, attention.RELEASED_GAIN) if reference_compatible else (0.1, 0.4)
        positions = (image_size // STRIDE) ** 2
        self.cross1, self.cross2 = (
            attention.DualCrossAttention(728, positions, gate=gate, gain=gain) for _ in range(2)
        )
        self.fusion = Fusion(
            FEATURES, reference_compatible=reference_compatible, residual=residual_fusion
        )
        self.dropout = nn.Dropout(drop_rate)
        self.head = HEADS[head](FEATURES, num_classes)
        own = (AMSoftmax, CrossEntropy)
        self.objectives = own if head == "cosine" else own[::-1]
        load_imagenet(self.rgb, weights)
        load_imagenet(self.noise, weights)

    def low_level(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Both streams before the entry blocks, and the attention that guided the first."""
        require_size(image, self.image_size)
        residual = self.residual(image)
        x = self.rgb.stem1(image)
        y = (self.noise.stem1(residual) + self.extract1(x)).relu()
        x = self.rgb.stem2(x)
        y = (self.noise.stem2(y) + self.extract2(x)).relu()
        places = self.guide(self.residual(residual) if self.reference_compatible else residual)
        return self.guided(x * places + x), y, places

    def fuse(self, x: Tensor, y: Tensor) -> Tensor:
        """Both low-level maps to the fused feature, (B, 2048)."""
        x, y = self.cross1(self.rgb.entry(x), self.noise.entry(y))
        x, y = self.cross2(self.rgb.middle_first(x), self.noise.middle_first(y))
        x = self.rgb.tail(self.rgb.exit(self.rgb.middle_second(x)))
        y = self.noise.tail(self.noise.exit(self.noise.middle_second(y)))
        if not self.reference_compatible:  # else the fusion's BatchNorm cancels the tails' biases
            x, y = x.relu(), y.relu()
        return self.fusion(x, y).mean((2, 3))

    def forward(self, image: Tensor) -> Tensor:
        x, y, _ = self.low_level(image)
        return self.head(self.dropout(self.fuse(x, y)))

    def evidence(self, image: Tensor) -> Evidence:
        """Answer, and show what the answer rests on; a margin loss and heatmaps ask for this."""
        x, y, places = self.low_level(image)
        feature = self.fuse(x, y)
        dropped = self.dropout(feature)
        cosines = F.linear(F.normalize(dropped), F.normalize(self.head.weight))
        return Evidence(self.head(dropped), cosines, feature, places)

    def cross_attention(self, image: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Where each stream looks in the other, (B, N, N), at both places where they meet."""
        x, y, _ = self.low_level(image)
        x, y = self.rgb.entry(x), self.noise.entry(y)
        first = self.cross1.maps(x, y)
        x, y = self.cross1(x, y)
        return [first, self.cross2.maps(self.rgb.middle_first(x), self.noise.middle_first(y))]
