"""F3-Net: a face in its frequency bands, and how strong its frequencies are from place to place."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from telltrace.errors import OptionError
from telltrace.layers.frequency import FrequencyDecomposition, LocalFrequencyStatistics

from .backbones import require_size
from .xception import FEATURES, XceptionFeatures, load_imagenet

FAMILY, PAPER = "f3net", "Qian et al., ECCV 2020"

BANDS = 12
"""Channels of a decomposed image: red, green and blue in each of four bands."""
STATISTICS = 6
"""Bands of the local statistics."""
GATE = 0.1
"""What a stream takes over from the other one at the start, as a share of its deviation."""


class F3NetFAD(nn.Module):
    """The first branch of F3-Net alone: Xception on frequency-aware components.

    Shapes, errors and options are those of :class:`F3Net`. With ``reference_compatible``
    neighbouring bands share a diagonal, as the published weights expect.
    """

    def __init__(
        self,
        *,
        num_classes: int = 2,
        image_size: int = 256,
        drop_rate: float = 0.0,
        reference_compatible: bool = False,
        weights: str | Path | None = None,
    ) -> None:
        super().__init__()
        self.image_size, self.reference_compatible = image_size, reference_compatible
        self.decompose = FrequencyDecomposition(image_size, shared_edges=reference_compatible)
        self.features = XceptionFeatures(BANDS)
        self.dropout = nn.Dropout(drop_rate)
        self.head = nn.Linear(FEATURES, num_classes)
        load_imagenet(self.features, weights)

    def forward(self, image: Tensor) -> Tensor:
        require_size(image, self.image_size)
        feature = self.features(self.decompose(image)).relu().mean((2, 3))
        return self.head(self.dropout(feature))


class MixBlock(nn.Module):
    """Cross-attention between both streams, channel by channel: (B, C, N, N) twice to the same.

    Both streams' maps, read as matrices of rows, say together how much each row attends to each
    other; that square of weights scales what each stream takes over from the other (Qian et al.,
    ECCV 2020, section 3.3, figure 5). The BatchNorm's weight is the gate: the published gate and
    weight per channel, in front of a BatchNorm, and the keys' bias could not learn.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query1 = nn.Conv2d(channels, channels, 1)
        self.query2 = nn.Conv2d(channels, channels, 1)
        self.key1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.key2 = nn.Conv2d(channels, channels, 1, bias=False)
        self.gate1, self.gate2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        for gate in (self.gate1, self.gate2):
            nn.init.constant_(gate.weight, GATE)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        query = torch.cat((self.query1(first), self.query2(second)), 3)
        key = torch.cat((self.key1(first), self.key2(second)), 3)
        weight = (query @ key.transpose(2, 3) * query.shape[3] ** -0.5).softmax(3)
        return first + self.gate1(second * weight), second + self.gate2(first * weight)


class F3Net(nn.Module):
    """Frequency-aware components and local frequency statistics, each in an Xception.

    They meet after blocks 7 and 12. (B, 3, image_size, image_size) to (B, num_classes) logits.

    Args:
        image_size: Side of the image, in pixels; any multiple of 16 from 48, and 299. The filters
            have a gain for each frequency.
        weights: ImageNet weights, as of :func:`~telltrace.models.xception.load_imagenet`.

    Raises:
        OptionError: If the streams' maps differ at ``image_size``, or images have another size.

    References:
        Qian et al., "Thinking in Frequency: Face Forgery Detection by Mining Frequency-aware
        Clues", ECCV 2020, figure 2, https://arxiv.org/abs/2007.09355.
    """

    def __init__(
        self,
        *,
        num_classes: int = 2,
        image_size: int = 256,
        drop_rate: float = 0.2,
        weights: str | Path | None = None,
    ) -> None:
        super().__init__()
        if not _streams_meet(image_size):
            raise OptionError(
                f"The streams' maps differ in size for images of {image_size} pixels; the nearest "
                f"size that works for sure is {max(3, round(image_size / 16)) * 16}."
            )
        self.image_size = image_size
        self.decompose = FrequencyDecomposition(image_size)
        self.statistics = LocalFrequencyStatistics(STATISTICS)
        self.components, self.local = XceptionFeatures(BANDS), XceptionFeatures(STATISTICS)
        load_imagenet(self.components, weights)
        load_imagenet(self.local, weights)
        first: Any = self.local.stem1[0]
        first.stride = (1, 1)  # the statistics are half the image's size already
        self.mix7, self.mix12 = MixBlock(728), MixBlock(1024)
        self.dropout = nn.Dropout(drop_rate)
        self.head = nn.Linear(2 * FEATURES, num_classes)

    def forward(self, image: Tensor) -> Tensor:
        require_size(image, self.image_size)
        first, second = self.components, self.local
        x, y = self.decompose(image), self.statistics(image)
        x, y = _to_block7(first, x), _to_block7(second, y)
        x, y = self.mix7(x, y)
        x, y = first.exit(first.middle_second(x)), second.exit(second.middle_second(y))
        x, y = self.mix12(x, y)
        feature = torch.cat((first.tail(x), second.tail(y)), 1).relu().mean((2, 3))
        return self.head(self.dropout(feature))


def _to_block7(features: XceptionFeatures, x: Tensor) -> Tensor:
    return features.middle_first(features.entry(features.stem2(features.stem1(x))))


def _streams_meet(size: int) -> bool:
    """Whether both streams' maps have one size from block 7 on, and more than one place."""
    first, second = (size - 3) // 2 - 1, (size - 2) // 2 - 3
    for _ in range(3):
        first, second = (first + 1) // 2, (second + 1) // 2
    return first == second and first > 2
