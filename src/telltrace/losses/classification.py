"""Cross-entropy of the logits, with mixup and cutmix."""

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

    One share is drawn for the whole batch, from torch's generator: a training step that seeds
    torch repeats its draw.

    Args:
        images: The batch, (B, 3, H, W).
        labels: Its classes (B,), 0 or 1.
        mixup: Beta parameter of mixup; 0 for none.
        cutmix: Beta parameter of cutmix; 0 for none. With both, one of the two is drawn.

    Returns:
        The mixed images and the probabilities (B, 2) of their classes; what was given if both
        are 0.

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
