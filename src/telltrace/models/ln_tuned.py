"""Pretrained vision transformers of which only the LayerNorms and a head are trained."""

from pathlib import Path
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import OptionError
from telltrace.losses import Hypersphere

from .plain import timm_network

FAMILY, PAPER = "ln_tuned", "Yermakov et al., arXiv 2508.06248"


class Verdicts(NamedTuple):
    """What a network answers about a batch, for its objective."""

    logits: Tensor
    """(B, K): the detector's answer."""
    features: Tensor
    """(B, D): what the head reads; of length 1 where the network normalises them."""


class LayerNormTuned(nn.Module):
    """A frozen network of timm whose LayerNorms learn, and a linear head on unit features.

    (B, 3, H, W) to (B, num_classes) logits. A transformer that was trained on many pictures keeps
    what it knows: some hundred thousand of its parameters move.

    Args:
        backbone: timm's name of it; it must have LayerNorms.
        num_classes: K; 2 for real and fake.
        weights: What it starts from, as of :func:`~telltrace.models.plain.timm_detector`.
        normalize: Whether features are divided by their L2 norm before the head.
        image_size: Side of the image, in pixels, for networks made for one size; None for theirs.

    Raises:
        OptionError: If timm has no such network, or it has no LayerNorm.
        CheckpointError: If there is no such file, or it holds another network's weights.

    References:
        Yermakov et al., "Deepfake Detection that Generalizes Across Benchmarks", 2025,
        https://arxiv.org/abs/2508.06248 (GenD).
    """

    objectives = (Hypersphere,)

    def __init__(
        self,
        backbone: str,
        *,
        num_classes: int = 2,
        weights: str | Path | None = None,
        normalize: bool = True,
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        self.normalize = normalize
        self.backbone = timm_network(backbone, weights, num_classes=0, img_size=image_size)
        self.head = nn.Linear(self.backbone.num_features, num_classes)
        self.backbone.requires_grad_(False)
        norms = [part for part in self.backbone.modules() if isinstance(part, nn.LayerNorm)]
        if not norms:
            reason = f"{backbone} has no LayerNorm to tune"
            raise OptionError(reason, remedy="Name a transformer, such as vit_small_patch16_224.")
        for norm in norms:
            norm.requires_grad_(True)

    def verdicts(self, image: Tensor) -> Verdicts:
        """Logits, and the features that they are made from."""
        features = self.backbone(image)
        features = F.normalize(features) if self.normalize else features
        return Verdicts(self.head(features), features)

    def forward(self, image: Tensor) -> Tensor:
        return self.verdicts(image).logits
