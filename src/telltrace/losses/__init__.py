"""Losses: pure functions first, modules where they learn. They import nothing but torch."""

from .information import (
    InformationBottleneckLoss,
    Parts,
    classification_loss,
    global_information_loss,
    kl_information,
    local_information_loss,
    wasserstein_information,
)
from .margin import CosineHead, am_softmax, with_margin
from .mixup import Mix, draw_mix, mix_images
from .transport import line_transport, sinkhorn, squared_distances
from .weighting import AutomaticWeighting, automatic_weighting

__all__ = [
    "AutomaticWeighting",
    "CosineHead",
    "InformationBottleneckLoss",
    "Mix",
    "Parts",
    "am_softmax",
    "automatic_weighting",
    "classification_loss",
    "draw_mix",
    "global_information_loss",
    "kl_information",
    "line_transport",
    "local_information_loss",
    "mix_images",
    "sinkhorn",
    "squared_distances",
    "wasserstein_information",
    "with_margin",
]
