"""What networks share: convolutions, vanilla or in space-frequency form, and checks of sizes."""

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn

from telltrace.errors import OptionError
from telltrace.layers import SFIConv2d, StreamBatchNorm2d, Streams, each

Stage = Literal[0, 1, 2, 3]
"""Stage of an SFIConv; 0 where a convolution stays as it is."""

Form = Mapping[str, Any] | None
"""Options of the SFIConvs that make a backbone a space-frequency network; None for vanilla."""


def conv(
    form: Form,
    stage: Stage,
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    *,
    stride: int = 1,
    groups: int = 1,
    bias: bool = False,
) -> nn.Module:
    """The convolution of a backbone at ``stage``, padded by half its kernel; vanilla if no form."""
    how = (in_channels, out_channels, kernel_size, stride, kernel_size // 2, 1, groups, bias)
    if form is None or stage == 0:
        return nn.Conv2d(*how)
    return SFIConv2d(stage, *how, **form)


def norm(form: Form, stage: Stage, channels: int) -> nn.Module:
    """Batch normalisation of what a convolution at ``stage`` gives."""
    streams = form is not None and stage in (1, 2)
    return StreamBatchNorm2d(channels) if streams else nn.BatchNorm2d(channels)


class ConvNormReLU(nn.Module):
    """Arguments as of :func:`conv`; batch normalisation and ReLU behind it, streams or not."""

    def __init__(self, form: Form, stage: Stage, *shape: int, **how: Any) -> None:
        super().__init__()
        self.conv, self.norm = conv(form, stage, *shape, **how), norm(form, stage, shape[1])
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Streams) -> Streams:
        return each(self.relu, self.norm(self.conv(x)))


def initialise(network: nn.Module) -> None:
    """Draw convolutions from He's normal distribution, so that gradients keep their variance.

    Its fan counts the outputs that one input reaches within its group; otherwise the features of a
    fresh depthwise network fade. The convolutions to either stream have fans of their own, as the
    four convolutions of the released SFIConv have: at alpha .5 twice the variance of the vanilla
    one. He et al., "Delving Deep into Rectifiers", ICCV 2015, Eq. 14.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | SFIConv2d):
            rows, _, height, width = module.weight.shape
            fan = rows // module.groups * height * width
            nn.init.normal_(module.weight, std=(2 / fan) ** 0.5)
            if isinstance(module, SFIConv2d) and module.groups == 1 and module.stage != 3:
                for stream in module.weight.data.tensor_split([module.out_cut]):
                    stream *= (rows / max(1, len(stream))) ** 0.5
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def require_size(image: Tensor, size: int) -> None:
    """Raise an OptionError unless images (..., H, W) have the side that a network was built for."""
    if tuple(image.shape[-2:]) != (size, size):
        raise OptionError(
            f"Expected images of {(size, size)} pixels, got {tuple(image.shape[-2:])}: resize "
            f"them, or build the detector with image_size={image.shape[-1]}."
        )


def require_multiple(image_size: int, unit: int) -> None:
    """Raise an OptionError unless a side, in pixels, is a multiple of ``unit``."""
    if image_size < unit or image_size % unit:
        nearest = max(1, round(image_size / unit)) * unit
        raise OptionError(
            f"image_size must be a multiple of {unit}, got {image_size}; the nearest is {nearest}."
        )
