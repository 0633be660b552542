"""The three losses of the Y-shaped autoencoder: activation, segmentation and reconstruction."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from .classification import Losses

UNKNOWN = -1
"""Mask value of a pixel of which nobody knows whether it is forged."""


def activation_loss(activation: Tensor, labels: Tensor) -> Tensor:
    """Distance of the classes' activations from 1 for the true class and 0 for the others.

    Args:
        activation: Mean activation of each class's share of the latent.
        labels: Classes.

    Shape:
        - activation: (B, K)
        - labels: (B,)
        - Output: ()

    References:
        Nguyen et al., BTAS 2019, https://arxiv.org/abs/1906.06876, equation 2.

    Examples:
        >>> import torch
        >>> activation_loss(torch.tensor([[0.25, 0.5]]), torch.tensor([1])).item()
        0.75
    """
    target = F.one_hot(labels, activation.shape[1]).to(activation.dtype)
    return (activation - target).abs().sum(1).mean()


def segmentation_loss(
    segmentation: Tensor, masks: Tensor, *, reference_compatible: bool = False
) -> Tensor:
    """Cross-entropy of the pixels whose truth is known; 0 where no pixel's is.

    Args:
        segmentation: Logits of each pixel.
        masks: 1 where forged, 0 where not, :data:`UNKNOWN` elsewhere.
        reference_compatible: Take the softmax of the softmax, as the released code does.

    Shape:
        - segmentation: (B, 2, H, W)
        - masks: (B, H, W)
        - Output: ()

    References:
        Nguyen et al., BTAS 2019, https://arxiv.org/abs/1906.06876, equation 3.

    Examples:
        >>> import torch
        >>> nothing = torch.full((1, 4, 4), UNKNOWN)
        >>> segmentation_loss(torch.zeros(1, 2, 4, 4), nothing).item()
        0.0
    """
    logits = segmentation.softmax(1) if reference_compatible else segmentation
    total = F.cross_entropy(logits, masks.long(), ignore_index=UNKNOWN, reduction="sum")
    return total / (masks != UNKNOWN).sum().clamp(min=1)


def multi_task_loss(
    logits: Tensor,
    segmentation: Tensor,
    reconstruction: Tensor,
    image: Tensor,
    labels: Tensor,
    masks: Tensor | None = None,
) -> Losses:
    """The three losses, and as ``"loss"`` their sum.

    Args:
        logits: Activations of the classes; this and the next two are the detector's
            ``verdicts(image, labels)``.
        segmentation: Logits of each pixel.
        reconstruction: The image again.
        image: The network's input.
        labels: 0 real, 1 fake.
        masks: See :func:`segmentation_loss`. None where the data has none: a real face has
            no forged pixel, of a fake one nothing is known.

    Shape:
        - logits: (B, 2); segmentation: (B, 2, H, W); reconstruction and image: (B, 3, H, W)
        - labels: (B,); masks: (B, H, W)

    References:
        Nguyen et al., BTAS 2019, https://arxiv.org/abs/1906.06876, equations 2 to 5.
    """
    if masks is None:
        masks = (UNKNOWN * labels)[:, None, None].expand(-1, *image.shape[2:])
    classes, pixels = activation_loss(logits, labels), segmentation_loss(segmentation, masks)
    again = F.mse_loss(reconstruction, image)
    total = classes + pixels + again
    return {
        "loss": total, "activation": classes, "segmentation": pixels, "reconstruction": again,
    }  # fmt: skip


class ThreeTasks(nn.Module):
    """:func:`multi_task_loss` of a network with a method ``verdicts`` of images and labels."""

    name, method, wants_masks = "multi_task", "verdicts", True

    def forward(
        self, network: Any, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        logits, segmentation, again = network.verdicts(images, labels)
        forged = None if masks is None else (masks >= 0.5).long().masked_fill(masks < 0, UNKNOWN)
        return multi_task_loss(logits, segmentation, again, images, labels, forged)
