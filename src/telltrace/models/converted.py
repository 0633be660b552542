"""Any convolutional network that timm knows, in space-frequency form."""

from typing import Literal

from torch import nn

from telltrace.conversion import convert

from .plain import timm_detector


def sfi_detector(
    backbone: str,
    *,
    alpha: float = 0.5,
    beta: float = 1.0,
    downsample: Literal["pool", "stride"] = "pool",
    kernel_size: int = 5,
    num_classes: int = 2,
    pretrained: bool = False,
    drop_rate: float = 0.0,
    drop_path_rate: float | None = None,
    image_size: int | None = None,
) -> nn.Module:
    """A network of timm whose convolutions let a spatial and a frequency stream interact.

    Args:
        backbone: timm's name of it.
        alpha: Share of frequency channels, in [0, 1].
        beta: Scale of the frequency stream's sides, in (0, 1].
        downsample: What strides become: ``"pool"``, average pooling before a convolution; or
            ``"stride"``.
        kernel_size: Side of the constrained kernels, in pixels; odd, at least 3.
        num_classes: K; 2 for real and fake.
        pretrained: Whether all weights but the constrained kernels start from timm's.
        drop_rate: Dropout before the classifier.
        drop_path_rate: How often a training image skips a residual block.
        image_size: Side of the image, in pixels, for networks that decide by it; by default the
            size timm made it for. Others run at any size.

    Raises:
        OptionError: If timm has no such network, or it cannot be converted.

    References:
        Guo et al., IEEE TIFS 2024, Fig. 2 and Table III.

    Examples:
        >>> import torch
        >>> sfi_detector("resnet10t", alpha=0.25).eval()(torch.rand(1, 3, 64, 64)).shape
        torch.Size([1, 2])
    """
    network = timm_detector(
        backbone,
        num_classes=num_classes,
        pretrained=pretrained,
        drop_rate=drop_rate,
        drop_path_rate=drop_path_rate,
    )
    return convert(
        network, alpha, beta,
        downsample=downsample, kernel_size=kernel_size, image_size=image_size,
    )  # fmt: skip
