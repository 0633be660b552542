"""Backbones in the space-frequency form of Guo et al., by the names of their paper."""

from typing import Any, Literal

from torch import nn

from telltrace.layers.space_frequency import Traces

from .mobilenet import MobileNet
from .resnet import ResNet
from .vgg import VGG

FAMILY, PAPER = "sfi", "Guo et al., IEEE TIFS 2024"
BACKBONES: dict[str, Any] = {"mobilenet": MobileNet, "resnet": ResNet, "vgg": VGG}


def space_frequency(
    backbone: Literal["mobilenet", "resnet", "vgg"],
    depth: tuple[int, ...],
    *,
    alpha: float = 0.5,
    beta: float = 1.0,
    kernel_size: int = 5,
    num_classes: int = 2,
    traces: Traces = "constrained",
) -> nn.Module:
    """A backbone, of that depth if it has several, in space-frequency form.

    ``alpha`` is the share of frequency channels, in [0, 1], ``beta`` the scale of their stream's
    sides, in (0, 1]; less is cheaper and less accurate. ``kernel_size`` is the side of Stage 1's
    constrained kernel, in pixels, odd and at least 3. ``traces`` says what becomes of it: learnt
    under its constraint or without, a constant as in the released code, or none at all.

    References:
        Guo et al., "Constructing New Backbone Networks via Space-Frequency Interactive Convolution
        for Deepfake Detection", IEEE TIFS 2024, https://doi.org/10.1109/TIFS.2023.3324739.
    """
    form = {"alpha": alpha, "beta": beta, "trace_kernel_size": kernel_size, "traces": traces}
    network: nn.Module = BACKBONES[backbone](*depth, num_classes=num_classes, form=form)
    return network
