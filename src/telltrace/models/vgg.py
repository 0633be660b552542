"""VGG with batch normalisation and a global average pool, vanilla or in space-frequency form."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from telltrace.layers import Streams, each

from .backbones import ConvNormReLU, Form, initialise

FAMILY, PAPER = "vgg", "Simonyan and Zisserman, ICLR 2015"
DEPTHS = {13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Convolutions before each pooling, by the number that names the network."""
WIDTHS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """3x3 convolutions with a 2x2 maximum after every few.

    In space-frequency form the second convolution is Stage 1 and the last one Stage 3, and none
    has a bias. (B, 3, H, W), any H and W from 32, to (B, num_classes) logits.

    References:
        Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
        Recognition", ICLR 2015, Table 1; in space-frequency form Guo et al., IEEE TIFS 2024,
        Table III.
    """

    def __init__(self, depth: int, *, num_classes: int = 2, form: Form = None) -> None:
        super().__init__()
        stages: Iterator[Any] = iter([0, 1, *[2] * (sum(DEPTHS[depth]) - 3), 3])
        self.blocks, channels = nn.ModuleList(), 3
        for width, repeats in zip(WIDTHS, DEPTHS[depth], strict=True):
            block = nn.Sequential()
            for _ in range(repeats):
                how = {"bias": form is None}
                block.append(ConvNormReLU(form, next(stages), channels, width, 3, **how))
                channels = width
            self.blocks.append(block)
        self.maxpool = nn.MaxPool2d(2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        x: Streams = image
        for block in self.blocks:
            x = each(self.maxpool, block(x))
        assert isinstance(x, Tensor)
        return self.fc(self.avgpool(x).flatten(1))
