"""UCF: what all forgeries have in common, apart from what is special to each method."""

from pathlib import Path

from torch import Tensor, nn

from .xception import FEATURES, XceptionFeatures, load_imagenet

FAMILY, PAPER = "ucf", "Yan et al., ICCV 2023"
WIDTH = 512
"""Channels of a fingerprint; half of it is common to all forgeries."""


class UCF(nn.Module):
    """The fingerprint encoder with its common half and that one's classifier, which alone decide.

    (B, 3, H, W) to (B, num_classes) logits. What only the authors' training needs (a content
    encoder, a decoder, the half that tells methods apart) is left out: here it learns by its
    logits. ``weights`` as of :func:`~telltrace.models.xception.load_imagenet`.

    References:
        Yan et al., "UCF: Uncovering Common Features for Generalizable Deepfake Detection",
        ICCV 2023, section 3.2, https://arxiv.org/abs/2304.13949.
    """

    def __init__(
        self, *, num_classes: int = 2, drop_rate: float = 0.0, weights: str | Path | None = None
    ) -> None:
        super().__init__()
        half = WIDTH // 2
        self.features = XceptionFeatures()
        self.narrow = nn.Sequential(
            nn.Conv2d(FEATURES, WIDTH, 1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU(inplace=True)
        )
        self.common = nn.Sequential(
            nn.Conv2d(WIDTH, half, 1), nn.LeakyReLU(inplace=True),
            nn.Conv2d(half, half, 1), nn.LeakyReLU(inplace=True),
            nn.Conv2d(half, half, 1),
        )  # fmt: skip
        self.head = nn.Sequential(
            nn.Linear(half, WIDTH), nn.LeakyReLU(inplace=True), nn.Dropout(drop_rate),
            nn.Linear(WIDTH, num_classes),
        )  # fmt: skip
        load_imagenet(self.features, weights)

    def forward(self, image: Tensor) -> Tensor:
        fingerprint = self.narrow(self.features(image))
        return self.head(self.common(fingerprint).mean((2, 3)))
