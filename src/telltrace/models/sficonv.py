"""Backbones in the space-frequency form of Guo et al., by the names of their paper.

References:
    Guo et al., "Constructing New Backbone Networks via Space-Frequency Interactive Convolution
    for Deepfake Detection", IEEE TIFS 2024, https://doi.org/10.1109/TIFS.2023.3324739.
"""

from . import resnet, vgg
from .backbones import SpaceFrequency
from .mobilenet import MobileNet
from .resnet import ResNet
from .vgg import VGG


def _resnet(
    number: int, alpha: float, beta: float, kernel_size: int, num_classes: int, frozen: bool
) -> ResNet:
    form = SpaceFrequency(alpha, beta, kernel_size, frozen)
    return ResNet(resnet.DEPTHS[number], num_classes=num_classes, form=form)


def _vgg(number: int, alpha: float, beta: float, kernel_size: int, num_classes: int) -> VGG:
    form = SpaceFrequency(alpha, beta, kernel_size)
    return VGG(vgg.DEPTHS[number], num_classes=num_classes, form=form)


def sfi_resnet26(
    *,
    alpha: float = 0.5,
    beta: float = 1.0,
    kernel_size: int = 5,
    num_classes: int = 2,
    frozen: bool = False,
) -> ResNet:
    """ResNet26 whose convolutions let a spatial and a frequency stream interact.

    Args:
        alpha: Share of frequency channels, in [0, 1].
        beta: Scale of the frequency stream's sides, in (0, 1]; less is cheaper and less accurate.
        kernel_size: Side of the constrained kernel, in pixels; odd, at least 3.
        num_classes: Number of logits; 2 for real and fake.
        frozen: Make the constrained kernel a constant, as in released checkpoints.
    """
    return _resnet(26, alpha, beta, kernel_size, num_classes, frozen)


def sfi_resnet50(
    *,
    alpha: float = 0.5,
    beta: float = 1.0,
    kernel_size: int = 5,
    num_classes: int = 2,
    frozen: bool = False,
) -> ResNet:
    """ResNet50 in space-frequency form; arguments as in :func:`sfi_resnet26`."""
    return _resnet(50, alpha, beta, kernel_size, num_classes, frozen)


def sfi_resnet101(
    *,
    alpha: float = 0.5,
    beta: float = 1.0,
    kernel_size: int = 5,
    num_classes: int = 2,
    frozen: bool = False,
) -> ResNet:
    """ResNet101 in space-frequency form; arguments as in :func:`sfi_resnet26`."""
    return _resnet(101, alpha, beta, kernel_size, num_classes, frozen)


def sfi_resnet152(
    *,
    alpha: float = 0.5,
    beta: float = 1.0,
    kernel_size: int = 5,
    num_classes: int = 2,
    frozen: bool = False,
) -> ResNet:
    """ResNet152 in space-frequency form; arguments as in :func:`sfi_resnet26`."""
    return _resnet(152, alpha, beta, kernel_size, num_classes, frozen)


def sfi_vgg13(
    *, alpha: float = 0.5, beta: float = 1.0, kernel_size: int = 5, num_classes: int = 2
) -> VGG:
    """VGG13 in space-frequency form; arguments as in :func:`sfi_resnet26`."""
    return _vgg(13, alpha, beta, kernel_size, num_classes)


def sfi_vgg16(
    *, alpha: float = 0.5, beta: float = 1.0, kernel_size: int = 5, num_classes: int = 2
) -> VGG:
    """VGG16 in space-frequency form; arguments as in :func:`sfi_resnet26`."""
    return _vgg(16, alpha, beta, kernel_size, num_classes)


def sfi_vgg19(
    *, alpha: float = 0.5, beta: float = 1.0, kernel_size: int = 5, num_classes: int = 2
) -> VGG:
    """VGG19 in space-frequency form; arguments as in :func:`sfi_resnet26`."""
    return _vgg(19, alpha, beta, kernel_size, num_classes)


def sfi_mobilenet(
    *, alpha: float = 0.5, beta: float = 1.0, kernel_size: int = 5, num_classes: int = 2
) -> MobileNet:
    """MobileNet v1 in space-frequency form; arguments as in :func:`sfi_resnet26`."""
    form = SpaceFrequency(alpha, beta, kernel_size)
    return MobileNet(num_classes=num_classes, form=form)
