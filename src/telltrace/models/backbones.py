"""What the backbones are made of: convolutions in their vanilla or their space-frequency form."""

from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from telltrace.layers import SFIConv2d, StreamBatchNorm2d, Streams, each

Stage = Literal[0, 1, 2, 3]
"""Stage of an SFIConv; 0 where a convolution stays as it is."""


@dataclass(frozen=True)
class SpaceFrequency:
    """How a backbone becomes a space-frequency network."""

    alpha: float = 0.5
    """Share of frequency channels, in [0, 1]."""
    beta: float = 1.0
    """Scale of the frequency stream's sides, in (0, 1]."""
    kernel_size: int = 5
    """Side of Stage 1's constrained kernel, in pixels; odd."""
    frozen: bool = False
    """Whether that kernel is a constant, as in released checkpoints."""


def conv(
    form: SpaceFrequency | None,
    stage: Stage,
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    *,
    stride: int = 1,
    groups: int = 1,
    bias: bool = False,
) -> nn.Module:
    """The convolution of a backbone at ``stage``: vanilla if ``form`` is None.

    It keeps the size of its input, or divides it by ``stride``.
    """
    pad = kernel_size // 2
    if form is None or stage == 0:
        return nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, pad, groups=groups, bias=bias
        )
    return SFIConv2d(
        stage,
        in_channels,
        out_channels,
        kernel_size,
        stride,
        pad,
        groups=groups,
        bias=bias,
        alpha=form.alpha,
        beta=form.beta,
        trace_kernel_size=form.kernel_size,
        frozen=form.frozen,
    )


def norm(form: SpaceFrequency | None, stage: Stage, channels: int) -> nn.Module:
    """Batch normalisation of what a convolution at ``stage`` gives."""
    streams = form is not None and stage in (1, 2)
    return StreamBatchNorm2d(channels) if streams else nn.BatchNorm2d(channels)


class ConvNormReLU(nn.Module):
    """Arguments as of :func:`conv`; batch normalisation and ReLU behind it, streams or not."""

    def __init__(
        self,
        form: SpaceFrequency | None,
        stage: Stage,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        **how: Any,
    ) -> None:
        super().__init__()
        self.conv = conv(form, stage, in_channels, out_channels, kernel_size, **how)
        self.norm = norm(form, stage, out_channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Streams) -> Streams:
        return each(self.relu, self.norm(self.conv(x)))


def initialise(network: nn.Module) -> None:
    """Draw convolutions from He's normal distribution, so that gradients keep their variance.

    Its fan counts the outputs that one input reaches within its group; otherwise the features
    of a fresh depthwise network fade to nothing.

    References:
        He et al., "Delving Deep into Rectifiers", ICCV 2015, Eq. 14.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | SFIConv2d):
            rows, _, height, width = module.weight.shape
            fan = rows // module.groups * height * width
            nn.init.normal_(module.weight, std=(2 / fan) ** 0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
