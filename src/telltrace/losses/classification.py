"""Cross-entropy of the logits, with mixup and cutmix, or with a map of forged places."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import OptionError

Losses = dict[str, Tensor]
"""Named scalars; ``"loss"`` is the one that is minimised."""


def mix_batch(
    images: Tensor, labels: Tensor, *, mixup: float = 0.0, cutmix: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Average each image with another one, or paste a rectangle of another one into it.

    ``mixup`` and ``cutmix`` are Beta parameters, 0 for none; with both, one of the two is drawn.
    One share is drawn for the whole batch, from torch's generator: a training step that seeds
    torch repeats its draw. (B, 3, H, W) and classes (B,) to the same and their probabilities
    (B, 2), or to what was given if both parameters are 0.

    Raises:
        OptionError: If a Beta parameter is negative.

    References:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, eq. 1-2;
        Yun et al., "CutMix", ICCV 2019, https://arxiv.org/abs/1905.04899, eq. 1-2.
    """
    if min(mixup, cutmix) < 0:
        raise OptionError(f"mixup and cutmix must not be negative, got {mixup} and {cutmix}.")
    if not mixup and not cutmix:
        return images, labels
    from torchvision.transforms import v2  # here, because most runs mix nothing

    cut = cutmix and (not mixup or torch.rand(()) < 0.5)
    kind, alpha = (v2.CutMix, cutmix) if cut else (v2.MixUp, mixup)
    order = torch.randperm(len(images)).to(images.device)  # v2 pairs neighbours
    mix = kind(alpha=float(alpha), num_classes=2)
    mixed: tuple[Tensor, Tensor] = mix(images[order], labels[order])
    return mixed


class CrossEntropy(nn.Module):
    """Cross-entropy of the logits: the objective of every detector that names no other.

    ``label_smoothing``, the share of the target spread over both classes, is that of Szegedy et
    al., "Rethinking the Inception Architecture", CVPR 2016, section 7.
    """

    name = "cross_entropy"

    def __init__(
        self, label_smoothing: float = 0.0, mixup: float = 0.0, cutmix: float = 0.0
    ) -> None:
        super().__init__()
        self.label_smoothing, self.mixup, self.cutmix = label_smoothing, mixup, cutmix

    def forward(
        self, network: nn.Module, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        images, targets = mix_batch(images, labels, mixup=self.mixup, cutmix=self.cutmix)
        loss = F.cross_entropy(network(images), targets, label_smoothing=self.label_smoothing)
        return {"loss": loss}


def map_loss(places: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy of the map where the mask of an image is known; 0 if none is.

    Logits (B, 1, h, w) of having been forged, and masks (B, H, W) in [0, 1], negative all over
    where unknown, to a scalar. Li et al., "Face X-ray", CVPR 2020, eq. 6.
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
