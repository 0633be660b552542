"""The oracle: SFIConv as the paper writes it, four convolutions and then resampling."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.layers import SFIConv2d, StreamBatchNorm2d


def dense(weight: Tensor, groups: int) -> Tensor:
    """A grouped kernel as an ordinary one, with zeros between the groups."""
    rows, columns = weight.shape[0] // groups, weight.shape[1]
    full = weight.new_zeros(weight.shape[0], columns * groups, *weight.shape[2:])
    for g in range(groups):
        of = slice(g * rows, (g + 1) * rows)
        full[of, g * columns : (g + 1) * columns] = weight[of]
    return full


def nearest(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Nearest resampling with the picks that F.interpolate makes in float32."""
    for dim in (-2, -1):
        if x.shape[dim] == size[dim]:
            continue
        ramp = torch.arange(x.shape[dim], dtype=torch.float32).view(1, 1, -1)
        picks = F.interpolate(ramp, size=size[dim], mode="nearest").long().flatten()
        x = x.index_select(dim, picks)
    return x


@dataclass
class Kernels:
    """The blocks of one weight: from and to the spatial (s) and the frequency (f) stream."""

    s2s: Tensor
    s2f: Tensor
    f2s: Tensor
    f2f: Tensor

    @classmethod
    def of(cls, layer: SFIConv2d) -> "Kernels":
        weight = dense(layer.weight, layer.groups)
        out_s, in_s = layer.out_cut, layer.in_cut
        if layer.stage == 1:
            nothing = weight[:0]
            return cls(weight[:out_s], nothing, nothing, weight[out_s:])
        left, right = weight[:, :in_s], weight[:, in_s:]
        return cls(left[:out_s], left[out_s:], right[:out_s], right[out_s:])


def paper_form(
    layer: SFIConv2d, kernels: Kernels, x: Tensor | tuple[Tensor, Tensor]
) -> Tensor | tuple[Tensor, Tensor]:
    """What ``layer`` should answer, with every convolution at full size before resampling."""
    geometry = layer.geometry

    def conv(x: Tensor, weight: Tensor) -> Tensor:
        if 0 in (x.shape[1], weight.shape[0]):
            size = geometry.output((x.shape[-2], x.shape[-1]))
            return x.new_zeros(x.shape[0], weight.shape[0], *size)
        return F.conv2d(x, weight, None, geometry.stride, geometry.padding, geometry.dilation)

    def offset(x: Tensor, channels: slice) -> Tensor:
        return x if layer.bias is None else x + layer.bias[channels].view(1, -1, 1, 1)

    own, gift = slice(layer.out_cut), slice(layer.out_cut, None)
    if layer.stage == 1:
        x = geometry.pool(x)
        spatial = offset(conv(x, kernels.s2s), own)
        if layer.s2f and layer.traced == slice(0, layer.in_channels):
            traced = layer.traces(x)
        else:  # the other channels meet zeros of the kernel
            traced = torch.zeros_like(x)
            if layer.s2f:
                traced[:, layer.traced] = layer.traces(x[:, layer.traced])
        frequency = conv(traced, kernels.f2f)
        size = [max(1, int(n * layer.beta)) for n in frequency.shape[-2:]]
        return spatial, offset(nearest(frequency, (size[0], size[1])), gift)
    s, f = (geometry.pool(part) for part in x)
    s2s, f2s = conv(s, kernels.s2s), conv(f, kernels.f2s)
    large = (s2s.shape[-2], s2s.shape[-1])
    spatial = offset(s2s + nearest(f2s, large), own)
    if layer.stage == 3:
        return spatial
    f2f = conv(f, kernels.f2f)
    small = (f2f.shape[-2], f2f.shape[-1])
    return spatial, offset(f2f + nearest(conv(s, kernels.s2f), small), gift)


class FourConvolutions(nn.Module):
    """A layer in the paper's form, with weights of its own."""

    def __init__(self, layer: SFIConv2d) -> None:
        super().__init__()
        self.layer = [layer]  # in a list, so that its parameters are not ours
        self.traces = layer.traces if layer.stage == 1 else None
        kernels = Kernels.of(layer)
        self.kernels = nn.ParameterList(
            nn.Parameter(getattr(kernels, name).detach().clone())
            for name in ("s2s", "s2f", "f2s", "f2f")
        )

    def forward(self, x: Tensor | tuple[Tensor, Tensor]) -> Tensor | tuple[Tensor, Tensor]:
        return paper_form(self.layer[0], Kernels(*self.kernels), x)


class TwoNorms(nn.Module):
    """One batch normalisation per stream."""

    def __init__(self, norm: StreamBatchNorm2d, spatial: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList()
        for channels in (slice(spatial), slice(spatial, None)):
            part = nn.BatchNorm2d(len(norm.weight[channels]))
            part.load_state_dict(
                {k: t[channels] if t.ndim else t for k, t in norm.state_dict().items()}
            )
            self.parts.append(part)

    def forward(self, x: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return self.parts[0](x[0]), self.parts[1](x[1])


def in_paper_form(network: nn.Module, alpha: float = 0.5) -> nn.Module:
    """Rebuild ``network`` in place, layer by layer, with a pair of streams throughout."""
    for name, module in list(network.named_modules()):
        if isinstance(module, SFIConv2d):
            network.set_submodule(name, FourConvolutions(module))
        elif isinstance(module, StreamBatchNorm2d):
            spatial = module.num_features - int(alpha * module.num_features)
            network.set_submodule(name, TwoNorms(module, spatial))
    return network
