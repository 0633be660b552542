"""EfficientNet-Lite0 with timm's parameter names, for the detector in the package.

It is timm's ``tf_efficientnet_lite0`` in plain PyTorch: importing timm was a third of the time from
the shell to the verdict on a photograph.
"""

import math
from typing import Final

import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.layers.padding import SamePad2d

STAGES: Final = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip
"""Blocks, kernel, stride, expansion and channels of each stage."""
STEM: Final = 32
"""Channels of the first convolution."""
DEEP: Final = 1280
"""Channels of the last one."""


class Conv2dSame(nn.Conv2d):
    """A convolution that pads as TensorFlow does."""

    def __init__(self, given: int, made: int, kernel: int, stride: int, groups: int) -> None:
        super().__init__(given, made, kernel, stride, groups=groups, bias=False)
        self.same = SamePad2d(self.kernel_size, self.stride, self.dilation)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.same(x))


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; and add the input where the shape stays.

    References:
        Sandler et al., "MobileNetV2", CVPR 2018, section 3.3; without squeeze-and-excitation.
    """

    def __init__(
        self, given: int, made: int, kernel: int, stride: int, times: int, drop_path: float
    ) -> None:
        super().__init__()
        wide, last = given * times, "pwl" if times > 1 else "pw"
        layers: dict[str, nn.Module] = {}
        if times > 1:
            layers["conv_pw"] = nn.Conv2d(given, wide, 1, bias=False)
        layers["conv_dw"] = _convolution(wide, wide, kernel, stride, groups=wide)
        layers[f"conv_{last}"] = nn.Conv2d(wide, made, 1, bias=False)
        self.names = tuple(layers)
        for number, (name, layer) in enumerate(layers.items(), 1):
            self.add_module(name, layer)
            self.add_module(f"bn{number}", _norm(layer.out_channels))  # type: ignore[arg-type]
        self.is_residual = stride == 1 and given == made
        self.drop_path = drop_path

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for number, name in enumerate(self.names, 1):
            y = self.get_submodule(f"bn{number}")(self.get_submodule(name)(y))
            y = F.relu6(y, inplace=True) if number < len(self.names) else y
        if not self.is_residual:
            return y
        if self.training and self.drop_path:
            kept = 1 - self.drop_path
            y = y * y.new_empty(len(y), 1, 1, 1).bernoulli_(kept).div_(kept)
        return y + x


class EfficientNetLite0(nn.Module):
    """The stages alone: (B, 3, H, W) to (B, 112, H / 16, W / 16) and (B, 1280, H / 32, W / 32).

    Args:
        drop_path_rate: How often a training image skips the last block; those before, less often.

    References:
        Tan and Le, "EfficientNet", ICML 2019, Table 1; TensorFlow's EfficientNet-Lite, which
        leaves out squeeze-and-excitation and swish.
    """

    def __init__(self, drop_path_rate: float = 0.0) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = _convolution(3, STEM, 3, 2), _norm(STEM)
        self.blocks = nn.Sequential()
        given, number, total = STEM, 0, sum(stage[0] for stage in STAGES)
        for count, kernel, stride, times, made in STAGES:
            stage = nn.Sequential()
            for place in range(count):
                drop = drop_path_rate * number / total
                stage.append(
                    InvertedResidual(given, made, kernel, 1 if place else stride, times, drop)
                )
                given, number = made, number + 1
            self.blocks.append(stage)
        self.conv_head, self.bn2 = nn.Conv2d(given, DEEP, 1, bias=False), _norm(DEEP)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                fan_out = math.prod(layer.kernel_size) * layer.out_channels // layer.groups
                nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / fan_out))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = F.relu6(self.bn1(self.conv_stem(images)), inplace=True)
        maps = [x := stage(x) for stage in self.blocks]
        return maps[4], F.relu6(self.bn2(self.conv_head(x)), inplace=True)


def _convolution(given: int, made: int, kernel: int, stride: int, groups: int = 1) -> nn.Conv2d:
    """TensorFlow's padding, which is the usual one where the stride is 1."""
    if stride == 1:
        return nn.Conv2d(given, made, kernel, padding=kernel // 2, groups=groups, bias=False)
    return Conv2dSame(given, made, kernel, stride, groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    """TensorFlow's batch normalisation."""
    return nn.BatchNorm2d(channels, eps=1e-3)
