"""The space-frequency interactive convolution (SFIConv): its three stages.

A stage stores the weight of the ordinary convolution it replaces and nothing else, but for
Stage 1's constrained kernel: a vanilla weight IS the four blocks of Stage 2. With both streams
equally large (beta = 1) Stage 2 and Stage 3 are that one convolution of one tensor.
"""

from functools import reduce
from typing import Any, Literal, Self, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import OptionError

from .blocks import Blocks, Geometry, Pair, blocks_between
from .constrained import ConstrainedConv2d
from .streams import Streams, check_beta, each, resample, shrink, split_channels

Stage = Literal[1, 2, 3]
Traces = Literal["constrained", "constant", "unconstrained", "none"]


class SFIConv2d(nn.Module):
    """One SFIConv, in place of one ``nn.Conv2d`` of the same arguments.

    Stage 1 makes two streams of one tensor: the spatial stream by an ordinary convolution, the
    frequency stream by one that sees the traces a constrained kernel leaves (MCSConv). Stage 2
    updates both and lets them interact, Stage 3 fuses them into one (B, C, H, W). Channels are
    grouped as in the convolution replaced, so a depthwise Stage 2 keeps its streams apart. No
    product is computed that the paper's shrinking of S->F would throw away.

    Args:
        stage: 1, 2 or 3; the next eight are those of ``nn.Conv2d``.
        alpha: Share of frequency channels, in [0, 1].
        beta: Scale of the frequency stream's sides, in (0, 1].
        downsample: What a stride becomes: ``"pool"``, average pooling and a convolution without
            stride, as in the released networks; or ``"stride"``. The output shape is the same.
        trace_kernel_size: Stage 1: side of the constrained kernel, odd, in pixels.
        traces: Stage 1: the kind of :class:`ConstrainedConv2d`, or ``"none"``: the frequency
            stream sees the input itself.

    Raises:
        OptionError: If an option is out of range, or the channels cannot be split at alpha.

    References:
        Guo et al., IEEE TIFS 2024, Eq. 2 to 8.

    Examples:
        >>> first = SFIConv2d(1, 16, 32, 3, padding=1, beta=0.5)
        >>> last = SFIConv2d(3, 32, 64, 3, stride=2, padding=1, beta=0.5)
        >>> spatial, frequency = first(torch.rand(1, 16, 15, 15))
        >>> spatial.shape, frequency.shape
        (torch.Size([1, 16, 15, 15]), torch.Size([1, 16, 7, 7]))
        >>> last((spatial, frequency)).shape
        torch.Size([1, 64, 8, 8])
    """

    def __init__(
        self,
        stage: Stage,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] | str = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        alpha: float = 0.5,
        beta: float = 1.0,
        downsample: Literal["pool", "stride"] = "pool",
        trace_kernel_size: int = 5,
        traces: Traces = "constrained",
    ) -> None:
        super().__init__()
        if stage not in (1, 2, 3):
            raise OptionError(f"SFIConv has stages 1, 2 and 3, got {stage!r}.")
        self.geometry = Geometry.of(kernel_size, stride, padding, dilation, downsample)
        self.stage, self.groups, self.alpha, self.beta = stage, groups, alpha, check_beta(beta)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.in_cut = in_channels if stage == 1 else split_channels(in_channels, alpha)[0]
        self.out_cut = out_channels if stage == 3 else split_channels(out_channels, alpha)[0]
        side = self.geometry.kernel_size
        plain = nn.Conv2d(in_channels, out_channels, side, groups=groups, bias=bias)
        self.weight, self.bias = plain.weight, plain.bias
        self._find_blocks()
        if traces not in get_args(Traces):
            raise OptionError(f"traces is one of {', '.join(get_args(Traces))}, got {traces!r}.")
        if stage == 1 and self.s2f and traces != "none":
            self._trace_inputs(trace_kernel_size, traces)

    @classmethod
    def from_conv(
        cls, stage: Stage, conv: nn.Conv2d, padding: int | Pair | str | None = None, **options: Any
    ) -> Self:
        """The stage that replaces ``conv``, has its weights and, unless given, its padding.

        Raises:
            OptionError: If its own padding is not of zeros; others as of the class, as the options.
        """
        if (conv.padding_mode != "zeros" and padding is None) or conv.transposed:
            raise OptionError(
                f"SFIConv replaces convolutions padded with zeros, got {conv}; pad its input "
                "beforehand and set padding=0."
            )
        new = cls(
            stage, conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride,
            conv.padding if padding is None else padding, conv.dilation, conv.groups,
            conv.bias is not None, **options,
        )  # fmt: skip
        new = new.to(conv.weight.device, conv.weight.dtype).train(conv.training)
        new.weight, new.bias = conv.weight, conv.bias
        return new

    def forward(self, x: Streams) -> Streams:
        x = each(self.geometry.pool, x)
        if self.stage == 1:
            assert isinstance(x, Tensor)
            return self._generate(x)
        if isinstance(x, Tensor):
            return self.geometry.conv(x, self.weight, self.bias, self.groups)
        return self._interact(*x)

    def _find_blocks(self) -> None:
        """Find which parts of the weight join which streams; the names say from and to."""
        self._outputs = range(self.out_cut), range(self.out_cut, self.out_channels)
        inputs = range(self.in_cut), range(self.in_cut, self.in_channels)
        self.s2s, self.s2f = (self._between(inputs[0], out) for out in self._outputs)
        self.f2s, self.f2f = (self._between(inputs[1], out) for out in self._outputs)

    def _between(self, inputs: range, outputs: range) -> Blocks:
        channels = (self.in_channels, self.out_channels)
        return blocks_between(channels, self.groups, inputs, outputs)

    def _trace_inputs(
        self, kernel_size: int, kind: Literal["constrained", "constant", "unconstrained"]
    ) -> None:
        """Stage 1: give the input channels that the frequency stream reads their kernels."""
        read = range(self.s2f[0].inputs.start, self.s2f[-1].inputs.stop)
        self.traced, self.s2f = slice(read.start, read.stop), self._between(read, self._outputs[1])
        self.traces = ConstrainedConv2d(len(read), kernel_size, kind=kind)

    def _generate(self, x: Tensor) -> Streams:
        """Stage 1: the spatial stream from ``x``, the frequency stream from its traces."""
        full = self.geometry.output((x.shape[-2], x.shape[-1]))
        size = shrink(full, self.beta)
        spatial = self._sum(x, 0, full, self._run(self.s2s, x, 0, full))
        frequency = self._sum(x, 1, size, self._aggregate(x, size))
        if self.beta == 1:
            return torch.cat([part for part in (spatial, frequency) if part.shape[1] > 0], dim=1)
        return spatial, frequency

    def _aggregate(self, x: Tensor, size: Pair) -> Tensor | None:
        """Stage 1: f(MCSConv(x)) at ``size``; a 1x1 f needs the traces at its picks only."""
        if not hasattr(self, "traces"):
            return self._run(self.s2f, x, 1, size)
        x, traces = x[:, self.traced], self.traces
        if not self.geometry.is_pointwise:
            return self._run(self.s2f, traces(x), 1, size)
        k = traces.kernel_size
        around = Geometry.of(k, self.geometry.stride, k // 2, 1, "stride")
        kernel, groups = traces.taps(x)
        x = around.conv(x, kernel, None, groups, size)
        return self._run(self.s2f, x, 1, size, Geometry.of(1, 1, 0, 1, "stride"))

    def _interact(self, spatial: Tensor, frequency: Tensor) -> Streams:
        """Stage 2 and 3 on streams of different sizes; Stage 3 writes no frequency channels."""
        large = self.geometry.output((spatial.shape[-2], spatial.shape[-1]))
        small = self.geometry.output((frequency.shape[-2], frequency.shape[-1]))
        f2s, f2f = self._from_frequency(frequency, small)
        f2s = None if f2s is None else resample(f2s, large)
        new_spatial = self._sum(spatial, 0, large, self._run(self.s2s, spatial, 0, large), f2s)
        if self.stage == 3:
            return new_spatial
        s2f = self._run(self.s2f, spatial, 1, small)
        return new_spatial, self._sum(frequency, 1, small, f2f, s2f)

    def _from_frequency(self, x: Tensor, size: Pair) -> tuple[Tensor | None, Tensor | None]:
        """What the frequency stream gives to both, in one convolution where groups allow."""
        if self.groups == 1 and self.f2s and self.f2f:
            both = self.geometry.conv(x, self.weight[:, self.in_cut :])
            return both[:, : self.out_cut], both[:, self.out_cut :]
        return self._run(self.f2s, x, 0, size), self._run(self.f2f, x, 1, size)

    def _run(
        self, blocks: Blocks, x: Tensor, stream: int, size: Pair, geometry: Geometry | None = None
    ) -> Tensor | None:
        """Convolve ``x`` with ``blocks`` into a stream (0 spatial, 1 frequency) of ``size``."""
        outputs, parts, geometry = self._outputs[stream], [], geometry or self.geometry
        for block in blocks:
            weight = self.weight[block.outputs, block.columns]
            part = geometry.conv(x[:, block.inputs], weight, groups=block.groups, size=size)
            before, after = block.outputs.start - outputs.start, outputs.stop - block.outputs.stop
            if before or after:
                part = F.pad(part, (0, 0, 0, 0, before, after))
            parts.append(part)
        return reduce(torch.add, parts) if parts else None

    def _sum(self, like: Tensor, stream: int, size: Pair, *parts: Tensor | None) -> Tensor:
        """Add what reached a stream (0 spatial, 1 frequency), and its part of the bias."""
        outputs, found = self._outputs[stream], [part for part in parts if part is not None]
        total = reduce(torch.add, found or [like.new_zeros(like.shape[0], len(outputs), *size)])
        if self.bias is None or not outputs:
            return total
        return total + self.bias[outputs.start : outputs.stop].view(1, -1, 1, 1)
