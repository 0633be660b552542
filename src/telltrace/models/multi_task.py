"""The Y-shaped autoencoder that classifies, segments and reconstructs a face at once."""

from itertools import pairwise
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import OptionError
from telltrace.losses import ThreeTasks

from .backbones import ConvNormReLU

FAMILY, PAPER = "multi_task", "Nguyen et al., BTAS 2019"

WIDTHS = (8, 8, 16, 16, 32, 32, 64, 64)
"""Channels of the encoder before the latent; every second layer halves the map."""
LATENT = 64
"""Latent channels of each class."""
STRIDE = 16
"""Pixels of the image to a cell of the latent."""


class Verdicts(NamedTuple):
    """What the three tasks answer about a batch of images."""

    logits: Tensor
    """(B, K): mean activation of each class's share of the latent. The detector's answer."""
    segmentation: Tensor
    """(B, 2, H, W): logits of each pixel; 1 is forged."""
    reconstruction: Tensor
    """(B, 3, H, W): the normalised image, as far as it lies in (-1, 1)."""


class MultiTask(nn.Module):
    """Encoder whose latent is shared out among the classes, and a decoder with two arms.

    An image belongs to the class whose share of the latent it excites more. That share alone
    is decoded, by layers that both arms share and then by each arm's own, into a map of forged
    pixels and into the image.

    Convolutions before a normalisation have no bias: it would be subtracted again, so the
    published ones never learn. (B, 3, H, W) to (B, num_classes) logits, each at least 0.

    References:
        Nguyen et al., "Multi-task Learning for Detecting and Segmenting Manipulated Facial Images
        and Videos", BTAS 2019, https://arxiv.org/abs/1906.06876, figure 2, equations 1 to 5.
    """

    objectives = (ThreeTasks,)

    def __init__(self, *, num_classes: int = 2) -> None:
        super().__init__()
        self.num_classes = num_classes
        latent = LATENT * num_classes
        down = enumerate(pairwise((3, *WIDTHS, latent)))
        self.encoder = nn.Sequential(
            *(ConvNormReLU(None, 0, *channels, 3, stride=1 + i % 2) for i, channels in down)
        )
        self.shared = _upwards(latent, 64, 64, 32, 32)
        arm = (32, 16, 16, 8, 8)
        self.segmenter = _upwards(*arm).append(nn.ConvTranspose2d(8, 2, 3, padding=1))
        self.reconstructor = _upwards(*arm).append(nn.ConvTranspose2d(8, 3, 3, padding=1))
        self.reconstructor.append(nn.Tanh())
        for part in (self.encoder, self.segmenter, self.reconstructor):  # as published
            for module in part.modules():
                if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                    nn.init.normal_(module.weight, 0.0, 0.02)
                elif isinstance(module, nn.BatchNorm2d):
                    nn.init.normal_(module.weight, 0.5, 0.02)

    def classify(self, latent: Tensor) -> Tensor:
        """Mean activation of each class's share of the latent: (B, K 64, h, w) to (B, K)."""
        return latent.abs().mean((2, 3)).reshape(-1, self.num_classes, LATENT).mean(2)

    def decode(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Latent (B, K 64, h, w) to segmentation (B, 2, 16 h, 16 w), image (B, 3, 16 h, 16 w)."""
        shared = self.shared(latent)
        return self.segmenter(shared), self.reconstructor(shared)

    def verdicts(self, image: Tensor, labels: Tensor | None = None) -> Verdicts:
        """Answer all three tasks for images (B, 3, H, W); training asks for this.

        The share of the class that ``labels`` (B,) name is decoded; None takes the detector's own
        answer, as after training.

        Raises:
            OptionError: If a side is no multiple of 16 pixels.
        """
        if image.shape[2] % STRIDE or image.shape[3] % STRIDE:
            raise OptionError(
                f"Segmentation needs sides that are multiples of {STRIDE} pixels, got "
                f"{image.shape[2]} x {image.shape[3]}."
            )
        latent = self.encoder(image)
        logits = self.classify(latent)
        chosen = logits.argmax(1) if labels is None else labels
        share = F.one_hot(chosen, self.num_classes).to(latent.dtype)
        kept = share.repeat_interleave(LATENT, dim=1)[:, :, None, None]
        return Verdicts(logits, *self.decode(latent * kept))

    def forward(self, image: Tensor) -> Tensor:
        return self.classify(self.encoder(image))


def _upwards(*widths: int) -> nn.Sequential:
    """Transposed convolutions, normalised, with ReLU, of which every second doubles the map."""
    layers = nn.Sequential()
    for i, (before, after) in enumerate(pairwise(widths)):
        conv = nn.ConvTranspose2d(before, after, 3, 1 + i % 2, 1, i % 2, bias=False)
        layers.append(nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU(inplace=True)))
    return layers
