"""Margins on the angle between a feature and its class: AM-Softmax and the head it wants."""

import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import OptionError, check_positive

from .classification import Losses

Margin = Literal["cosine", "angular"]


def with_margin(
    cosines: Tensor, labels: Tensor, *, kind: Margin = "cosine", margin: float = 0.5
) -> Tensor:
    """Make the right class harder to reach: cos(theta) - m, or cos(theta + m).

    Beyond theta = pi - m, where cos(theta + m) would rise again, the angular margin goes on as
    cos(theta) - m sin(m), so that the loss stays monotone.

    Args:
        cosines: Cosine between each feature and each class, (B, K) in [-1, 1].
        labels: Right class of each row, (B,) int64; only its cosine changes.
        kind: ``"cosine"`` (AM-Softmax, CosFace) or ``"angular"`` (additive, ArcFace).
        margin: m; a cosine, or an angle in radians.

    Raises:
        OptionError: If ``kind`` is unknown or ``margin`` is not positive.

    References:
        Wang et al., IEEE SPL 2018, equation 5; Deng et al., "ArcFace", CVPR 2019, equation 3.
    """
    if kind not in ("cosine", "angular"):
        raise OptionError(f'kind must be "cosine" or "angular", got {kind!r}.')
    if not margin > 0:
        raise OptionError(f"margin must be positive, got {margin}; 0 is plain cross-entropy.")
    harder = cosines - margin if kind == "cosine" else _turned(cosines, margin)
    right = F.one_hot(labels, cosines.shape[1]).bool()
    return torch.where(right, harder, cosines)


def _turned(cosines: Tensor, angle: float) -> Tensor:
    # The root's slope is infinite at +-1, where a saturated feature lies: stop just before.
    sines = (1 - cosines.square()).clamp_min(torch.finfo(cosines.dtype).eps).sqrt()
    turned = cosines * math.cos(angle) - sines * math.sin(angle)
    beyond = cosines - angle * math.sin(angle)
    return torch.where(cosines > math.cos(math.pi - angle), turned, beyond)


def am_softmax(
    cosines: Tensor,
    labels: Tensor,
    *,
    kind: Margin = "cosine",
    margin: float = 0.5,
    scale: float = 30.0,
    gamma: float = 0.0,
) -> Tensor:
    """Cross-entropy of scaled cosines :func:`with_margin`, optionally focal: a scalar.

    ``scale`` is the radius of the sphere that the features are put on. Each row weighs
    (1 - p)^gamma, p being its right class's probability; 0 weighs all rows alike.

    Raises:
        OptionError: If ``scale`` is not positive or ``gamma`` is negative.

    References:
        Wang et al., "Additive Margin Softmax for Face Verification", IEEE SPL 2018; Lin et al.,
        "Focal Loss", ICCV 2017, equation 4.
    """
    check_positive(scale=scale)
    if gamma < 0:
        raise OptionError(f"gamma must not be negative, got {gamma}.")
    logits = scale * with_margin(cosines, labels, kind=kind, margin=margin)
    surprise = F.cross_entropy(logits, labels, reduction="none")
    if gamma:
        # A row with p = 1 has no loss; the floor keeps its gradient finite for gamma < 1.
        missing = (-torch.expm1(-surprise)).clamp_min(torch.finfo(surprise.dtype).tiny)
        surprise = missing**gamma * surprise
    return surprise.mean()


class AMSoftmax(nn.Module):
    """:func:`am_softmax` of a network with a method ``evidence`` that gives cosines (B, K)."""

    name, method = "am_softmax", "evidence"

    def __init__(
        self, kind: Margin = "cosine", margin: float = 0.5, scale: float = 30.0, gamma: float = 0.0
    ) -> None:
        super().__init__()
        self.how: dict[str, Any] = {"kind": kind, "margin": margin, "scale": scale, "gamma": gamma}

    def forward(
        self, network: Any, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        return {"loss": am_softmax(network.evidence(images).cosines, labels, **self.how)}


class CosineHead(nn.Module):
    """Classifier that answers with the cosine between a feature and each class, times a scale.

    (B, features) to (B, num_classes) logits in [-scale, scale]. Wang et al., "Additive Margin
    Softmax for Face Verification", IEEE SPL 2018, section 3.
    """

    def __init__(self, features: int, num_classes: int, *, scale: float = 30.0) -> None:
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(torch.empty(num_classes, features))
        nn.init.xavier_normal_(self.weight)

    def forward(self, feature: Tensor) -> Tensor:
        return self.scale * F.linear(F.normalize(feature), F.normalize(self.weight))
