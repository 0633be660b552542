"""Losses of detectors that localize: the logits, the map of forged places, and a ranking."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from .classification import Losses


def map_loss(places: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy of the map where the mask of an image is known; 0 if none is.

    Shape:
        - places: (B, 1, h, w) logits of having been forged
        - masks: (B, H, W) in [0, 1], how far a pixel was forged; negative all over where unknown
        - Output: a scalar

    References:
        Li et al., "Face X-ray for More General Face Forgery Detection", CVPR 2020, eq. 6.
    """
    known = (masks[:, 0, 0] >= 0).nonzero()[:, 0]
    if not len(known):
        return places.sum() * 0
    target = F.adaptive_avg_pool2d(masks[known, None], (places.shape[-2], places.shape[-1]))
    return F.binary_cross_entropy_with_logits(places[known], target)


class Localization(nn.Module):
    """Cross-entropy of the logits and of the map, and the order of each face and its forgery.

    A ``paired`` batch holds each face and then, in the same order, a forgery made from it. The
    difference of their scores is then trained (telltrace's own): what they have in common cancels.
    """

    name, method, wants_masks = "localization", "localize", True

    def __init__(
        self,
        label_smoothing: float = 0.0,
        map_weight: float = 1.0,
        rank_weight: float = 1.0,
        paired: bool = False,
    ) -> None:
        super().__init__()
        self.label_smoothing, self.paired = label_smoothing, paired
        self.map_weight, self.rank_weight = map_weight, rank_weight

    def forward(
        self, network: Any, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        logits, places = network.localize(images)
        logits = logits.float()
        verdict = F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        map_ = logits.new_zeros(()) if masks is None else map_loss(places.float(), masks)
        margin, rank = logits[:, 1] - logits[:, 0], logits.new_zeros(())
        reals, fakes = margin[labels == 0], margin[labels == 1]
        if self.paired and len(reals) == len(fakes):
            rank = F.softplus(reals - fakes).mean()
        loss = verdict + self.map_weight * map_ + self.rank_weight * rank
        return {"verdict": verdict, "map": map_, "rank": rank, "loss": loss}
