"""Cross-entropy, alignment and uniformity: classes that are tight on a sphere that is well used."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .classification import Losses


def alignment_loss(features: Tensor, labels: Tensor) -> Tensor:
    """Mean squared distance of the features of one class; 0 if no two faces share a class.

    Unit vectors (B, D) and labels (B,) to a scalar. Wang and Isola, "Understanding Contrastive
    Representation Learning through Alignment and Uniformity on the Hypersphere", ICML 2020, the
    alignment loss with exponent 2; two faces of one class are its positive pair.
    """
    pairs = (labels[:, None] == labels).triu(1)
    distances = 2 - 2 * features @ features.T
    return distances[pairs].mean() if pairs.any() else features.sum() * 0


def uniformity_loss(features: Tensor, sharpness: float = 2.0) -> Tensor:
    """Logarithm of the mean Gaussian potential of all pairs: the lower, the more they spread.

    Unit vectors (B, D) to a scalar; 0 for a single one. Wang and Isola, ICML 2020, the uniformity
    loss, ``sharpness`` is their t.
    """
    if len(features) < 2:
        return features.sum() * 0
    first, second = torch.triu_indices(len(features), len(features), 1, device=features.device)
    distances = 2 - 2 * (features @ features.T)[first, second]
    return (-sharpness * distances).logsumexp(0) - torch.tensor(float(len(distances))).log()


class Hypersphere(nn.Module):
    """Cross-entropy, alignment and uniformity of a network whose ``verdicts`` have features.

    Args:
        label_smoothing: Share of the target spread over both classes.
        align_weight: Weight of :func:`alignment_loss`.
        uniform_weight: Weight of :func:`uniformity_loss`.
    """

    name, method = "hypersphere", "verdicts"

    def __init__(
        self, label_smoothing: float = 0.0, align_weight: float = 0.1, uniform_weight: float = 0.5
    ) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        self.align_weight, self.uniform_weight = align_weight, uniform_weight

    def forward(
        self, network: Any, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        logits, features = network.verdicts(images)
        unit = F.normalize(features.float())
        verdict = F.cross_entropy(logits.float(), labels, label_smoothing=self.label_smoothing)
        align, uniform = alignment_loss(unit, labels), uniformity_loss(unit)
        loss = verdict + self.align_weight * align + self.uniform_weight * uniform
        return {"verdict": verdict, "alignment": align, "uniformity": uniform, "loss": loss}
