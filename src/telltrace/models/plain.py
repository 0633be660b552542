"""Networks made for other pictures, as plain detectors: any that timm knows."""

import difflib

import timm
from torch import nn

PREFIX = "timm:"
"""What a detector's name begins with where the rest is timm's name of a network."""


def timm_detector(
    backbone: str,
    *,
    num_classes: int = 2,
    pretrained: bool = False,
    drop_rate: float = 0.0,
    drop_path_rate: float | None = None,
    image_size: int | None = None,
) -> nn.Module:
    """A network of timm with a fresh classifier.

    Args:
        backbone: timm's name of it.
        num_classes: K; 2 for real and fake.
        pretrained: Whether it starts from timm's ImageNet weights, from its cache or over the
            network.
        drop_rate: Dropout before the classifier.
        drop_path_rate: How often a training image skips a residual block; None for networks
            that know no such thing, and for timm's own choice.
        image_size: Side of the image, in pixels, for networks made for one size (transformers);
            None for all others.

    Shape:
        The network maps (B, 3, H, W) to (B, K) logits, class 1 is fake.

    Raises:
        ValueError: If timm knows no such network; the message names the closest.

    Examples:
        >>> import torch
        >>> timm_detector("resnet10t").eval()(torch.rand(1, 3, 64, 64)).shape
        torch.Size([1, 2])
    """
    if not timm.is_model(backbone):
        close = difflib.get_close_matches(backbone, timm.list_models())
        raise ValueError(
            f"timm has no network {backbone!r}. "
            f"Did you mean {', '.join(close) or 'one of timm.list_models()'}?"
        )
    return timm.create_model(
        backbone,
        pretrained=pretrained,
        num_classes=num_classes,
        drop_rate=drop_rate,
        drop_path_rate=drop_path_rate,
        img_size=image_size,
    )


def efficientnet_b4(
    *,
    num_classes: int = 2,
    pretrained: bool = False,
    drop_rate: float = 0.4,
    drop_path_rate: float = 0.2,
) -> nn.Module:
    """EfficientNet-B4 as TensorFlow pads and normalises it, the form that benchmarks run.

    Args:
        num_classes: K; 2 for real and fake.
        pretrained: Whether it starts from timm's ImageNet weights.
        drop_rate: Dropout before the classifier.
        drop_path_rate: How often a training image skips the last residual block; less for the
            blocks before.

    References:
        Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
        ICML 2019.
    """
    return timm_detector(
        "tf_efficientnet_b4",
        num_classes=num_classes,
        pretrained=pretrained,
        drop_rate=drop_rate,
        drop_path_rate=drop_path_rate,
    )
