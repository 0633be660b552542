"""Parts of a convolution: some of its channels, at some of its output positions."""

from dataclasses import dataclass
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor

from telltrace.errors import OptionError

from .streams import nearest, resample, step_of

Pair = tuple[int, int]
"""Height, then width."""


def pair(value: int | tuple[int, ...]) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


@dataclass(frozen=True)
class Geometry:
    """Where a convolution looks, and the average pooling that may stand for its stride."""

    kernel_size: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    pooling: Pair
    """Sides of the average pooling before the convolution; (1, 1) for none."""

    @classmethod
    def of(
        cls,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...],
        padding: int | tuple[int, ...] | str,
        dilation: int | tuple[int, ...],
        downsample: Literal["pool", "stride"],
    ) -> "Geometry":
        """Read the arguments of ``nn.Conv2d``; ``downsample`` says what becomes of the stride."""
        if downsample not in ("pool", "stride"):
            raise OptionError(f'downsample is "pool" or "stride", got {downsample!r}.')
        kernel, strides, dilations = pair(kernel_size), pair(stride), pair(dilation)
        if isinstance(padding, str):
            reach = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
            if padding != "valid" and (padding != "same" or any(r % 2 for r in reach)):
                raise OptionError(
                    f"padding={padding!r} is not symmetric for kernel {kernel}: pad the input "
                    "beforehand and give padding=0."
                )
            padding = (reach[0] // 2, reach[1] // 2) if padding == "same" else 0
        pads, one = pair(padding), (1, 1)
        if downsample == "pool":
            return cls(kernel, one, pads, dilations, pooling=strides)
        return cls(kernel, strides, pads, dilations, pooling=one)

    @property
    def reach(self) -> Pair:
        """Distance between the first and the last tap, in pixels."""
        (kh, kw), (dh, dw) = self.kernel_size, self.dilation
        return dh * (kh - 1), dw * (kw - 1)

    @property
    def is_pointwise(self) -> bool:
        """Whether every output sees one input position, and all of them are inside."""
        return max(self.kernel_size) == 1 and max(self.padding) == 0

    def output(self, size: Pair) -> Pair:
        """Output size of the convolution, pooling aside, on an input of ``size``."""
        h, w = (
            (n + 2 * p - r - 1) // s + 1
            for n, p, r, s in zip(size, self.padding, self.reach, self.stride, strict=True)
        )
        return h, w

    def pool(self, x: Tensor) -> Tensor:
        """Shrink ``x`` (B, C, H, W) so that the convolution then has a strided one's shape.

        That is 2x2 average pooling for stride 2 and the usual paddings; where it is not, the
        windows adapt.
        """
        if self.pooling == (1, 1):
            return x
        size = (x.shape[-2], x.shape[-1])
        h, w = (
            (n + 2 * p - r - 1) // s + 1 + r - 2 * p
            for n, p, r, s in zip(size, self.padding, self.reach, self.pooling, strict=True)
        )
        if min(h, w) < 1:
            raise OptionError(
                f"No pooling of a {size} map gives the shape of a convolution with stride "
                f'{self.pooling} and padding {self.padding}; use downsample="stride".'
            )
        if x.shape[1] == 0:
            return x.new_empty(x.shape[0], 0, h, w)
        if (h, w) == tuple(-(-n // s) for n, s in zip(size, self.pooling, strict=True)):
            if (h * self.pooling[0], w * self.pooling[1]) == size:
                return F.avg_pool2d(x, self.pooling)  # OpenVINO does this, not the next, in int8
            return F.avg_pool2d(x, self.pooling, ceil_mode=True, count_include_pad=False)
        return F.adaptive_avg_pool2d(x, (h, w))

    def conv(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        groups: int = 1,
        size: Pair | None = None,
    ) -> Tensor:
        """Convolve, then resample to ``size``.

        Nearest resampling picks positions. A 1x1 kernel therefore meets the picked pixels alone,
        and evenly spaced picks are a stride: no product is spent on what is dropped. Other picks
        are taken from the whole output; gathering their windows costs more than it saves.
        """
        full = self.output((x.shape[-2], x.shape[-1]))
        plain: Any = (self.stride, self.padding, self.dilation, groups)
        if size is None or size == full:
            return F.conv2d(x, weight, bias, *plain)
        if self.is_pointwise:
            x = resample(x[..., :: self.stride[0], :: self.stride[1]], size)
            return F.conv2d(x, weight, bias, groups=groups)
        height, width = (step_of(nearest(n, target)) for n, target in zip(full, size, strict=True))
        if height is None or width is None:
            return resample(F.conv2d(x, weight, bias, *plain), size)
        stride, (top, left) = (self.stride[0] * height, self.stride[1] * width), self.padding
        spare = [  # pixels behind the last window; a whole step of them would make another output
            n + 2 * p - r - 1 - (target - 1) * s
            for target, s, r, p, n in zip(
                size, stride, self.reach, self.padding, x.shape[-2:], strict=True
            )
        ]
        if spare[0] < stride[0] and spare[1] < stride[1]:
            return F.conv2d(x, weight, bias, stride, self.padding, self.dilation, groups)
        x = F.pad(x, (left, left - spare[1], top, top - spare[0]))
        return F.conv2d(x, weight, bias, stride, 0, self.dilation, groups)


@dataclass(frozen=True)
class Block:
    """A run of whole or cut groups of a kernel that joins two sets of channels."""

    inputs: slice
    """Channels read, counted within their stream."""
    outputs: slice
    """Channels written, which are rows of the weight."""
    columns: slice
    """Second dimension of the weight."""
    groups: int

    @property
    def rows(self) -> int:
        """Channels that each group writes."""
        return (self.outputs.stop - self.outputs.start) // self.groups


Blocks = tuple[Block, ...]


def blocks_between(channels: Pair, groups: int, inputs: range, outputs: range) -> Blocks:
    """The blocks of a kernel that lead from channels ``inputs`` to ``outputs`` of two streams.

    ``channels`` are all that the convolution reads and writes. Neighbouring groups of equal shape
    are one block: with one group there is one, a depthwise kernel has one or none.
    """
    per_in, per_out = channels[0] // groups, channels[1] // groups
    blocks: list[Block] = []
    for g in range(groups):
        a, b = max(inputs.start, g * per_in), min(inputs.stop, (g + 1) * per_in)
        c, d = max(outputs.start, g * per_out), min(outputs.stop, (g + 1) * per_out)
        if a >= b or c >= d:
            continue
        read, columns = (slice(a - at, b - at) for at in (inputs.start, g * per_in))
        last = blocks[-1] if blocks else Block(slice(0, 0), slice(0, 0), slice(0, 0), 1)
        shape = (last.inputs.stop, last.outputs.stop, last.columns, last.rows)
        if shape == (read.start, c, columns, d - c):
            reads = slice(last.inputs.start, read.stop)
            writes = slice(last.outputs.start, d)
            blocks[-1] = Block(reads, writes, columns, last.groups + 1)
        else:
            blocks.append(Block(read, slice(c, d), columns, 1))
    return tuple(blocks)
