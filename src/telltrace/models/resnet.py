"""Residual networks of bottleneck blocks, vanilla or in space-frequency form."""

import torch
from torch import Tensor, nn

from telltrace.layers import Streams, each

from .backbones import Form, Stage, conv, initialise, norm

FAMILY, PAPER = "resnet", "He et al., CVPR 2016"
DEPTHS = {26: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks per layer, by the number that names the network."""


class Bottleneck(nn.Module):
    """Three convolutions and a shortcut; the middle one may halve the size.

    The output has four times as many channels as are inside, ``width``. The shortcut shares the
    stage of the last convolution; where the first makes the streams, it starts behind it. He et
    al., CVPR 2016, figure 5.
    """

    def __init__(
        self, form: Form, stages: tuple[Stage, ...], in_channels: int, width: int, stride: int
    ) -> None:
        super().__init__()
        first, middle, last = stages
        out = 4 * width
        self.conv1, self.bn1 = conv(form, first, in_channels, width, 1), norm(form, first, width)
        self.conv2 = conv(form, middle, width, width, 3, stride=stride)
        self.bn2 = norm(form, middle, width)
        self.conv3, self.bn3 = conv(form, last, width, out, 1), norm(form, last, out)
        self.relu = nn.ReLU(inplace=True)
        self.splits = form is not None and first == 1
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != out:
            read = width if self.splits else in_channels
            shortcut = conv(form, last, read, out, 1, stride=stride)
            self.downsample = nn.Sequential(shortcut, norm(form, last, out))

    def forward(self, x: Streams) -> Streams:
        y = each(self.relu, self.bn1(self.conv1(x)))
        if self.splits:
            x = y
        y = each(self.relu, self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        if self.downsample is not None:
            x = self.downsample(x)
        return each(self.relu, each(torch.add, y, x))


class ResNet(nn.Module):
    """Bottleneck ResNet, with the parameter names of torchvision's.

    In space-frequency form the first 1x1 convolution behind the stem is Stage 1, and the first
    block of ``layer4`` ends the streams. (B, 3, H, W), H and W from 32, to logits (B, num_classes).

    References:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; the placement of
        the stages is that of Guo et al., IEEE TIFS 2024, Fig. 2, as released.
    """

    def __init__(self, depth: int, *, num_classes: int = 2, form: Form = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        layers, channels = [], 64
        for layer, repeats in enumerate(DEPTHS[depth], start=1):
            blocks, width = nn.Sequential(), 32 * 2**layer
            for i in range(repeats):
                stride = 2 if layer > 1 and i == 0 else 1
                blocks.append(Bottleneck(form, _stages(layer, i), channels, width, stride))
                channels = 4 * width
            layers.append(blocks)
        self.layer1, self.layer2, self.layer3, self.layer4 = layers
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def _stages(layer: int, block: int) -> tuple[Stage, ...]:
    if layer == 4:
        return (2, 2, 3) if block == 0 else (0, 0, 0)
    return (1, 2, 2) if (layer, block) == (1, 0) else (2, 2, 2)
