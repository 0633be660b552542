"""SPSL: a face beside a picture of its spectrum's phase, in one Xception."""

from pathlib import Path

import torch
from torch import Tensor, nn

from telltrace.layers.frequency import from_spectrum, spectrum

from .xception import FEATURES, XceptionFeatures, load_imagenet

FAMILY, PAPER = "spsl", "Liu et al., CVPR 2021"


def phase_picture(image: Tensor) -> Tensor:
    """The picture whose spectrum has the grey image's phase and magnitude 1 everywhere.

    Upsampling leaves its traces in the phase. (B, 3, H, W) to (B, 1, H, W); section 3.2.
    """
    real, imaginary = spectrum(image.mean(1, keepdim=True))
    power = real.square() + imaginary.square()
    known = power > 0  # no magnitude, no phase: 0, as torch.angle says
    scale = power.where(known, 1).rsqrt()
    return from_spectrum(real.where(known, 1) * scale, imaginary * scale, int(image.shape[-1]))


class SPSL(nn.Module):
    """Xception on a face and its phase: (B, 3, H, W) to (B, num_classes) logits.

    DeepfakeBench's form, with all of Xception's blocks; the paper keeps the first ones only.
    ``weights`` as of :func:`~telltrace.models.xception.load_imagenet`.

    References:
        Liu et al., "Spatial-Phase Shallow Learning: Rethinking Face Forgery Detection in Frequency
        Domain", CVPR 2021, https://arxiv.org/abs/2103.01856.
    """

    def __init__(
        self, *, num_classes: int = 2, drop_rate: float = 0.0, weights: str | Path | None = None
    ) -> None:
        super().__init__()
        self.features = XceptionFeatures(4)
        self.dropout = nn.Dropout(drop_rate)
        self.head = nn.Linear(FEATURES, num_classes)
        load_imagenet(self.features, weights)

    def forward(self, image: Tensor) -> Tensor:
        seen = torch.cat([image, phase_picture(image)], 1)
        return self.head(self.dropout(self.features(seen).relu().mean((2, 3))))
