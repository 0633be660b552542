"""Backbones in the space-frequency form of Guo et al., by the names of their paper.

References:
    Guo et al., "Constructing New Backbone Networks via Space-Frequency Interactive Convolution
    for Deepfake Detection", IEEE TIFS 2024, https://doi.org/10.1109/TIFS.2023.3324739.
"""

from .backbones import SpaceFrequency
from .mobilenet import MobileNet
from .resnet import ResNet
from .vgg import VGG

FAMILY, PAPER = "sfi", "Guo et al., IEEE TIFS 2024"


def sfi_resnet(
    depth: int,
    *,
    alpha: float = 0.5,
    beta: float = 1.0,
    kernel_size: int = 5,
    num_classes: int = 2,
    frozen: bool = False,
) -> ResNet:
    """ResNet26, 50, 101 or 152 in space-frequency form; options as of `SpaceFrequency`."""
    form = SpaceFrequency(alpha, beta, kernel_size, frozen)
    return ResNet(depth, num_classes=num_classes, form=form)


def sfi_vgg(
    depth: int, *, alpha: float = 0.5, beta: float = 1.0, kernel_size: int = 5, num_classes: int = 2
) -> VGG:
    """VGG13, 16 or 19 in space-frequency form; options as of `SpaceFrequency`."""
    return VGG(depth, num_classes=num_classes, form=SpaceFrequency(alpha, beta, kernel_size))


def sfi_mobilenet(
    *, alpha: float = 0.5, beta: float = 1.0, kernel_size: int = 5, num_classes: int = 2
) -> MobileNet:
    """MobileNet v1 in space-frequency form; options as of `SpaceFrequency`."""
    return MobileNet(num_classes=num_classes, form=SpaceFrequency(alpha, beta, kernel_size))
