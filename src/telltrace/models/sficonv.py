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
    """ResNet whose convolutions let a spatial and a frequency stream interact.

    Args:
        depth: 26, 50, 101 or 152.
        alpha: Share of frequency channels, in [0, 1].
        beta: Scale of the frequency stream's sides, in (0, 1]; less is cheaper and less accurate.
        kernel_size: Side of the constrained kernel, in pixels; odd, at least 3.
        num_classes: Number of logits; 2 for real and fake.
        frozen: Make the constrained kernel a constant, as in released checkpoints.
    """
    form = SpaceFrequency(alpha, beta, kernel_size, frozen)
    return ResNet(depth, num_classes=num_classes, form=form)


def sfi_vgg(
    depth: int, *, alpha: float = 0.5, beta: float = 1.0, kernel_size: int = 5, num_classes: int = 2
) -> VGG:
    """VGG13, 16 or 19 in space-frequency form; arguments as in :func:`sfi_resnet`."""
    form = SpaceFrequency(alpha, beta, kernel_size)
    return VGG(depth, num_classes=num_classes, form=form)


def sfi_mobilenet(
    *, alpha: float = 0.5, beta: float = 1.0, kernel_size: int = 5, num_classes: int = 2
) -> MobileNet:
    """MobileNet v1 in space-frequency form; arguments as in :func:`sfi_resnet`."""
    form = SpaceFrequency(alpha, beta, kernel_size)
    return MobileNet(num_classes=num_classes, form=form)
