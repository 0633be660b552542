"""Several backbones that must agree on the verdict and disagree on the evidence."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from telltrace.errors import OptionError
from telltrace.losses import Information

from .plain import timm_network

FAMILY, PAPER = "ib", "Ba et al., AAAI 2024"


class Verdicts(NamedTuple):
    """Logits of every head; K classes, n local information blocks."""

    fused: Tensor
    """(B, K): from the bottleneck z. This is the detector's answer."""
    joint: Tensor
    """(B, K): from the features of all blocks at once."""
    without: Tensor
    """(n, B, K): row i from all features but those of block i."""


class InformationBottleneckNet(nn.Module):
    """Detector that squeezes the features of n backbones through one bottleneck.

    The local information ``blocks`` are networks of (B, 3, H, W) images to (B, features). Layers
    before a batch normalisation have no bias, which it would subtract again: the published ones
    never learn. (B, 3, H, W) to (B, num_classes) logits.

    Raises:
        OptionError: If there are fewer than 2 blocks.

    References:
        Ba et al., "Exposing the Deception: Uncovering More Forgery Clues for Deepfake
        Detection", AAAI 2024, https://arxiv.org/abs/2403.01786, figure 2.
    """

    objectives = (Information,)

    def __init__(
        self,
        blocks: Sequence[nn.Module],
        features: int,
        *,
        num_classes: int = 2,
        drop_rate: float = 0.5,
    ) -> None:
        super().__init__()
        n = len(blocks)
        if n < 2:
            raise OptionError(f"An information bottleneck needs at least 2 blocks, got {n}.")
        self.blocks = nn.ModuleList(blocks)
        layers: list[nn.Module] = []
        for before, after in ((n * features, 1000), (1000, 500)):
            layers += [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after)]
            layers += [nn.ReLU(), nn.Dropout(drop_rate)]
        self.bottleneck = nn.Sequential(*layers, nn.Linear(500, features))
        self.fused_head = nn.Sequential(nn.Dropout(drop_rate), nn.Linear(features, num_classes))
        self.joint_head = nn.Linear(n * features, num_classes)
        heads = (nn.Linear((n - 1) * features, num_classes) for _ in blocks)
        self.without_heads = nn.ModuleList(heads)

    def evidence(self, image: Tensor) -> list[Tensor]:
        """Features (B, D) of each block."""
        return [block(image) for block in self.blocks]

    def verdicts(self, image: Tensor) -> Verdicts:
        """Answer with every head; only the training objective asks for this."""
        f = self.evidence(image)
        joint = torch.cat(f, dim=1)
        without = [
            head(torch.cat(f[:i] + f[i + 1 :], dim=1)) for i, head in enumerate(self.without_heads)
        ]
        fused = self.fused_head(self.bottleneck(joint))
        return Verdicts(fused, self.joint_head(joint), torch.stack(without))

    def forward(self, image: Tensor) -> Tensor:
        joint = torch.cat(self.evidence(image), dim=1)
        return self.fused_head(self.bottleneck(joint))


def ib(
    *,
    backbone: str = "mobilenetv3_small_100",
    num_blocks: int = 4,
    weights: str | Path | None = None,
    num_classes: int = 2,
    drop_rate: float = 0.5,
    drop_path_rate: float | None = None,
    backbone_options: Mapping[str, Any] | None = None,
) -> InformationBottleneckNet:
    """Information bottleneck over ``num_blocks`` networks of timm, each with weights of its own.

    ``weights``, from which all start, ``drop_path_rate`` and errors are as of
    :func:`~telltrace.models.plain.timm_detector`; ``drop_rate`` is that in the bottleneck and
    before the final head. ``backbone_options``, such as ``{"img_size": 224}``, go to timm.
    """
    given = {"num_classes": 0, "drop_path_rate": drop_path_rate, **(backbone_options or {})}
    blocks = [timm_network(backbone, weights, **given) for _ in range(num_blocks)]
    features = int(getattr(blocks[0], "head_hidden_size", None) or blocks[0].num_features)
    return InformationBottleneckNet(blocks, features, num_classes=num_classes, drop_rate=drop_rate)
