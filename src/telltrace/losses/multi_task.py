"""The three losses of the Y-shaped autoencoder: activation, segmentation and reconstruction."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from .classification import Losses

UNKNOWN = -1
"""Mask value of a pixel of which nobody knows whether it is forged."""


def activation_loss(activation: Tensor, labels: Tensor) -> Tensor:
    """Distance of the classes' activations from 1 for the true class and 0 for the others.

    Means (B, K) of each class's share of the latent, and labels (B,), to a scalar. Nguyen et al.,
    BTAS 2019, equation 2.
    """
    target = F.one_hot(labels, activation.shape[1]).to(activation.dtype)
    return (activation - target).abs().sum(1).mean()


def segmentation_loss(segmentation: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy of the pixels whose truth is known; 0 where no pixel's is.

    Logits (B, 2, H, W), and masks (B, H, W), 1 where forged, 0 where not and :data:`UNKNOWN`
    elsewhere, to a scalar. Nguyen et al., BTAS 2019, equation 3; the released code takes the
    softmax of the softmax.
    """
    total = F.cross_entropy(segmentation, masks.long(), ignore_index=UNKNOWN, reduction="sum")
    return total / (masks != UNKNOWN).sum().clamp(min=1)


def multi_task_loss(
    logits: Tensor,
    segmentation: Tensor,
    reconstruction: Tensor,
    image: Tensor,
    labels: Tensor,
    masks: Tensor | None = None,
) -> Losses:
    """The three losses of a detector's ``verdicts(image, labels)``, and as ``"loss"`` their sum.

    Where the data has no masks a real face has no forged pixel, of a fake one nothing is known.

    Shape:
        (B, 2), (B, 2, H, W), (B, 3, H, W) twice, (B,) with 0 real and 1 fake, (B, H, W); scalars

    References:
        Nguyen et al., BTAS 2019, https://arxiv.org/abs/1906.06876, equations 2 to 5.
    """
    if masks is None:
        masks = (UNKNOWN * labels)[:, None, None].expand(-1, *image.shape[2:])
    classes, pixels = activation_loss(logits, labels), segmentation_loss(segmentation, masks)
    again = F.mse_loss(reconstruction, image)
    parts = {"activation": classes, "segmentation": pixels, "reconstruction": again}
    return {"loss": classes + pixels + again, **parts}


class ThreeTasks(nn.Module):
    """:func:`multi_task_loss` of a network with a method ``verdicts`` of images and labels."""

    name, method, wants_masks = "multi_task", "verdicts", True

    def forward(
        self, network: Any, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        logits, segmentation, again = network.verdicts(images, labels)
        forged = None if masks is None else (masks >= 0.5).long().masked_fill(masks < 0, UNKNOWN)
        return multi_task_loss(logits, segmentation, again, images, labels, forged)
