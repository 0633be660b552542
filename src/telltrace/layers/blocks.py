"""Parts of a convolution: some of its channels, at some of its output positions."""

from dataclasses import dataclass
from typing import Literal

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

        Nearest resampling only picks positions. A 1x1 kernel therefore meets the picked pixels
        alone, and evenly spaced picks are a stride: both spend no product on an output that is
        dropped. Unevenly spaced picks are taken from the whole output; gathering the window of
        each costs more time and memory than it saves.
        """
        full = self.output((x.shape[-2], x.shape[-1]))
        if size is None or size == full:
            return F.conv2d(x, weight, bias, self.stride, self.padding, self.dilation, groups)
        if self.is_pointwise:
            x = resample(x[..., :: self.stride[0], :: self.stride[1]], size)
            return F.conv2d(x, weight, bias, groups=groups)
        picks = [nearest(n, target) for n, target in zip(full, size, strict=True)]
        steps = [step_of(p) for p in picks]
        if steps[0] is not None and steps[1] is not None:
            return self._strided(x, weight, bias, groups, (steps[0], steps[1]), size)
        x = F.conv2d(x, weight, bias, self.stride, self.padding, self.dilation, groups)
        return resample(x, size)

    def _strided(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int, steps: Pair, size: Pair
    ) -> Tensor:
        stride = (self.stride[0] * steps[0], self.stride[1] * steps[1])
        spare = [
            (target - 1) * s + r + 1 - 2 * p - n
            for target, s, r, p, n in zip(
                size, stride, self.reach, self.padding, x.shape[-2:], strict=True
            )
        ]
        if all(-s < step for s, step in zip(spare, stride, strict=True)):
            return F.conv2d(x, weight, bias, stride, self.padding, self.dilation, groups)
        top, left = self.padding
        x = F.pad(x, (left, spare[1] + left, top, spare[0] + top))
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


def blocks_between(channels: Pair, groups: int, inputs: range, outputs: range) -> tuple[Block, ...]:
    """The blocks of a kernel that lead from channels ``inputs`` to ``outputs`` of two streams.

    ``channels`` are all that the convolution reads and writes. With one group there is one
    block; a depthwise kernel has one or none.
    """
    per_in, per_out = channels[0] // groups, channels[1] // groups
    blocks: list[Block] = []
    for g in range(groups):
        a, b = max(inputs.start, g * per_in), min(inputs.stop, (g + 1) * per_in)
        c, d = max(outputs.start, g * per_out), min(outputs.stop, (g + 1) * per_out)
        if a < b and c < d:
            read = slice(a - inputs.start, b - inputs.start)
            columns = slice(a - g * per_in, b - g * per_in)
            blocks.append(Block(read, slice(c, d), columns, 1))
    return tuple(_joined(blocks))


def _joined(blocks: list[Block]) -> list[Block]:
    """Turn neighbouring groups of equal shape into one block of several groups."""
    runs: list[Block] = []
    for block in blocks:
        last = runs[-1] if runs else None
        if (
            last is None
            or (last.columns, last.rows) != (block.columns, block.rows)
            or (last.inputs.stop, last.outputs.stop) != (block.inputs.start, block.outputs.start)
        ):
            runs.append(block)
            continue
        read = slice(last.inputs.start, block.inputs.stop)
        written = slice(last.outputs.start, block.outputs.stop)
        runs[-1] = Block(read, written, last.columns, last.groups + 1)
    return runs
