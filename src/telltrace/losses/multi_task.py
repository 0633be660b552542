"""The three losses of the Y-shaped autoencoder: activation, segmentation and reconstruction."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

UNKNOWN = -1
"""Mask value of a pixel of which nobody knows whether it is forged."""


class TaskLosses(NamedTuple):
    """Losses of one batch, each a number."""

    loss: Tensor
    """The weighted sum, to be minimised."""
    activation: Tensor
    segmentation: Tensor
    reconstruction: Tensor


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


def segmentation_loss(segmentation: Tensor, masks: Tensor, *, released: bool = False) -> Tensor:
    """Cross-entropy of the pixels whose truth is known; 0 where no pixel's is.

    Args:
        segmentation: Logits of each pixel.
        masks: 1 where forged, 0 where not, :data:`UNKNOWN` elsewhere.
        released: Repeat the published code, which takes the softmax of the softmax.

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
    logits = segmentation.softmax(1) if released else segmentation
    total = F.cross_entropy(logits, masks.long(), ignore_index=UNKNOWN, reduction="sum")
    return total / (masks != UNKNOWN).sum().clamp(min=1)


def multi_task_loss(
    logits: Tensor,
    segmentation: Tensor,
    reconstruction: Tensor,
    image: Tensor,
    labels: Tensor,
    masks: Tensor | None = None,
    *,
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
    released: bool = False,
) -> TaskLosses:
    """The sum of the three losses.

    Args:
        logits: Activations of the classes; this and the next two are the detector's
            ``verdicts(image, labels)``.
        segmentation: Logits of each pixel.
        reconstruction: The image again.
        image: The network's input.
        labels: 0 real, 1 fake.
        masks: See :func:`segmentation_loss`. None where the data has none: a real face has
            no forged pixel, of a fake one nothing is known.
        weights: Of activation, segmentation and reconstruction.
        released: See :func:`segmentation_loss`.

    Shape:
        - logits: (B, 2); segmentation: (B, 2, H, W); reconstruction and image: (B, 3, H, W)
        - labels: (B,); masks: (B, H, W)

    References:
        Nguyen et al., BTAS 2019, https://arxiv.org/abs/1906.06876, equations 2 to 5.
    """
    if masks is None:
        masks = (UNKNOWN * labels)[:, None, None].expand(-1, *image.shape[2:])
    parts = (
        activation_loss(logits, labels),
        segmentation_loss(segmentation, masks, released=released),
        F.mse_loss(reconstruction, image),
    )
    total = sum(weight * part for weight, part in zip(weights, parts, strict=True))
    return TaskLosses(total, *parts)  # type: ignore[arg-type]  # the sum of three tensors
