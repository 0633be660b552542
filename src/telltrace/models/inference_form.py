"""The form of a network that only answers: the same logits with less work."""

import copy
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from telltrace.layers import SFIConv2d
from telltrace.layers.blocks import Geometry
from telltrace.layers.constrained import ConstrainedConv2d

SIDE = 64
"""Side of the example image for networks that take any, in pixels."""
LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
PADDED = ("Conv2dSame", "PaddedConv2d")
"""Convolutions that pad in their own way, and do nothing else of their own."""
NORMS = ("BatchNorm1d", "BatchNorm2d", "BatchNormAct2d", "StreamBatchNorm2d", "SyncBatchNorm")
"""Batch normalisations whose computation is known, timm's with an activation among them."""


def inference_form(network: nn.Module, image_size: int | None = None) -> nn.Module:
    """A copy of a detector that gives the same logits faster, and cannot be trained.

    Batch normalisations are folded into the layers before them, or behind them where nothing is
    padded; an SFIConv that reads one tensor is one convolution; constrained kernels are
    constants; weights lie channels_last. Which layers follow each other is seen in a run on an
    example image. The methods of the network, such as ``localize``, stay.

    Logits differ by rounding: by 1e-10 of the largest in float64, by 1e-5 in float32 (where a
    network rounds more than that, as F3-Net's softmax can, by what it does).

    Args:
        network: Of images (B, 3, H, W); it is left untouched.
        image_size: Side of the example, in pixels; by default what the network says that it
            reads, or 64. The form reads other sizes if the network does.

    Returns:
        The copy, in evaluation mode, on the same device.
    """
    with torch.inference_mode(False), torch.no_grad():
        form = copy.deepcopy(network).eval()
        for part in form.modules():
            if isinstance(part, ConstrainedConv2d) and part.kind == "constrained":
                part.weight = _constant(part.kernel())
                part.kind = "unconstrained"  # which is used as it stands
        image = example_image(form, image_size)
        steps = _Steps(form)
        expected = steps.watch(image)
        form = _replace(form, steps.fold() | steps.join_stages())
        if not torch.allclose(form(image), expected, 1e-3, 1e-3 * float(expected.abs().max())):
            form = copy.deepcopy(network).eval()  # it does what is not seen: slow, but not wrong
        for tensor in form.requires_grad_(False).parameters():
            if tensor.ndim == 4:
                tensor.data = tensor.contiguous(memory_format=torch.channels_last)
    return form


def example_image(network: nn.Module, image_size: int | None = None) -> Tensor:
    """One image such as the network reads, on its device and in its precision."""
    config = getattr(network, "pretrained_cfg", None) or {"input_size": (3, SIDE, SIDE)}
    side = image_size or getattr(network, "image_size", None) or config["input_size"][-1]
    like = next(network.parameters(), torch.empty(0))
    image = torch.rand((1, 3, side, side), generator=torch.Generator().manual_seed(0))
    return image.to(like.device, like.dtype)


class PooledConv2d(nn.Conv2d):
    """A convolution behind the average pooling that stands for its stride."""

    geometry: Geometry

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(self.geometry.pool(input))


class TracedConv2d(nn.Module):
    """Stage 1 on one map: an ordinary convolution, and one of the map's traces, side by side."""

    def __init__(self, layer: SFIConv2d) -> None:
        super().__init__()
        self.geometry, at = layer.geometry, layer.geometry
        last = at if not at.is_pointwise else Geometry.of(1, 1, 0, 1, "stride")
        side = layer.traces.kernel_size
        step = at.stride if at.is_pointwise else 1
        traced = Geometry.of(side, step, side // 2, 1, "stride")
        cut, kernel = layer.out_cut, layer.traces.kernel()
        biases = (None, None) if layer.bias is None else (layer.bias[:cut], layer.bias[cut:])
        self.spatial = _convolution(at, layer.weight[:cut], biases[0])
        self.traces = _convolution(traced, kernel, None, groups=len(kernel))
        self.frequency = _convolution(last, layer.weight[cut:], biases[1])

    def forward(self, x: Tensor) -> Tensor:
        x = self.geometry.pool(x)
        return torch.cat([self.spatial(x), self.frequency(self.traces(x))], 1)


class _Steps(TorchFunctionMode):
    """Which layers read what other layers gave; only those that can be folded are followed."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.active: list[nn.Module] = []
        self.given: Any = WeakTensorKeyDictionary()
        """Tensors by what gave them and the list of what read them; None is anything else."""
        self.readers: dict[nn.Module, list[list[nn.Module | None]]] = {}
        self.sources: dict[nn.Module, list[list[nn.Module | None]]] = {}
        """Of each call of a layer: what gave the tensors that it read."""

    def watch(self, image: Tensor) -> Tensor:
        """Run the network on an image."""
        hooks = []
        for part in self.network.modules():
            if _is_layer(part) or _is_norm(part):
                hooks.append(part.register_forward_pre_hook(self._enter))
                hooks.append(part.register_forward_hook(self._leave))
        with self:
            answer: Tensor = self.network(image)
        for hook in hooks:
            hook.remove()
        return answer

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        answer = func(*args, **(kwargs or {}))
        if any(isinstance(leaf, Tensor) for leaf in tree_leaves(answer)):  # else asks for a shape
            reader = self.active[-1] if self.active else None
            for leaf in tree_leaves((args, kwargs)):
                if isinstance(leaf, Tensor) and leaf in self.given:
                    self.given[leaf][1].append(reader)
        return answer

    def _enter(self, module: nn.Module, inputs: Any) -> None:
        self.active.append(module)
        found = [self.given.get(leaf, (None,))[0] for leaf in tree_leaves(inputs)]
        self.sources.setdefault(module, []).append(found)

    def _leave(self, module: nn.Module, inputs: Any, answer: Any) -> None:
        self.active.pop()
        for leaf in tree_leaves(answer):
            readers: list[nn.Module | None] = []
            self.readers.setdefault(module, []).append(readers)
            if not isinstance(module, nn.Linear) or leaf.ndim == 2:
                self.given[leaf] = (module, readers)

    def _only(self, module: nn.Module, reader: nn.Module) -> bool:
        return all(readers == [reader] for readers in self.readers.get(module, [[]]))

    def fold(self) -> dict[nn.Module, nn.Module]:
        """Fold normalisations into layers; what is left of them, by what they were."""
        left: dict[nn.Module, nn.Module] = {}
        for norm in [part for part in self.sources if _is_norm(part)]:
            before = {source for call in self.sources[norm] for source in call}
            behind = {reader for call in self.readers[norm] for reader in call}
            after = next(iter(behind), None)
            if all(part and _is_layer(part) and self._only(part, norm) for part in before):
                for part in before:
                    _scale_rows(part, norm)
            elif after and self._only(norm, after) and self._feeds(norm, after):
                _scale_columns(after, norm)
            else:
                continue
            children = OrderedDict(norm.named_children())
            left[norm] = nn.Sequential(children) if _has_activation(norm) else nn.Identity()
            for name, child in children.items():
                left[norm].add_module(name, child)
        return left

    def _feeds(self, norm: nn.Module, layer: nn.Module) -> bool:
        """Whether all that a layer without padding reads is from a mere normalisation."""
        bare = type(layer) is nn.Linear or (type(layer) is nn.Conv2d and not any(layer.padding))
        alone = all(call == [norm] for call in self.sources.get(layer, [[]]))
        return bare and alone and not _has_activation(norm)

    def join_stages(self) -> dict[nn.Module, nn.Module]:
        """What an SFIConv that reads, and gives, one tensor comes to."""
        found: dict[nn.Module, nn.Module] = {}
        for layer, calls in self.sources.items():
            if not isinstance(layer, SFIConv2d) or any(len(call) > 1 for call in calls):
                continue
            _hold_weight(layer)
            if layer.stage != 1 or (layer.beta == 1 and not hasattr(layer, "traces")):
                kind = nn.Conv2d if layer.geometry.pooling == (1, 1) else PooledConv2d
                found[layer] = _convolution(
                    layer.geometry, layer.weight, layer.bias, layer.groups, kind
                )
            elif layer.beta == 1 and layer.groups == 1 and layer.out_cut:
                found[layer] = TracedConv2d(layer)
        return found


def _is_layer(part: nn.Module) -> bool:
    known = any(type(part).forward is kind.forward for kind in LAYERS)
    return known or type(part).__name__ in PADDED or isinstance(part, SFIConv2d)


def _is_norm(part: nn.Module) -> bool:
    return type(part).__name__ in NORMS and part.running_mean is not None


def _has_activation(norm: nn.Module) -> bool:
    return type(norm).__name__ == "BatchNormAct2d"


def _constant(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor.detach().clone(), requires_grad=False)


def _scale_rows(layer: Any, norm: Any) -> None:
    """Fold a normalisation into the layer before it."""
    if isinstance(layer, SFIConv2d):
        _hold_weight(layer)
    like, weight = layer.weight, layer.weight.double()
    bias = None if layer.bias is None else layer.bias.double()
    scale, shift = (None if t is None else t.double() for t in (norm.weight, norm.bias))
    mean, var = norm.running_mean.double(), norm.running_var.double()
    turned = isinstance(layer, nn.ConvTranspose2d)
    fused = fuse_conv_bn_weights(weight, bias, mean, var, norm.eps, scale, shift, turned)
    layer.weight, layer.bias = (_constant(tensor.to(like.dtype)) for tensor in fused)


def _scale_columns(layer: Any, norm: Any) -> None:
    """Fold a normalisation into the layer behind it, which pads nothing."""
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    scale = scale if norm.weight is None else scale * norm.weight
    shift = -norm.running_mean * scale
    shift = shift if norm.bias is None else shift + norm.bias
    like, weight = layer.weight, layer.weight.double()
    groups = getattr(layer, "groups", 1)
    rows = weight.unflatten(0, (groups, -1)).flatten(3)  # groups, rows, columns, taps
    scale, shift = (t.view(groups, 1, -1, 1) for t in (scale, shift))
    bias = (rows * shift).sum((2, 3)).flatten()
    bias = bias if layer.bias is None else bias + layer.bias
    layer.weight = _constant((rows * scale).reshape(like.shape).to(like.dtype))
    layer.bias = _constant(bias.to(like.dtype))


def _hold_weight(layer: SFIConv2d) -> None:
    """Let a stage whose weight is computed of parameters hold it."""
    weight, bias = layer.weight, layer.bias
    layer.__class__ = SFIConv2d
    layer._modules.pop("derive", None)
    layer._buffers.pop("order", None)
    layer._parameters = {"weight": _constant(weight)}
    layer.bias = bias


def _convolution(
    at: Geometry,
    weight: Tensor,
    bias: Tensor | None,
    groups: int = 1,
    kind: type[nn.Conv2d] = nn.Conv2d,
) -> nn.Conv2d:
    """A convolution of these numbers; its pooling is for others unless ``kind`` does it."""
    inputs, outputs = weight.shape[1] * groups, weight.shape[0]
    shape = (at.kernel_size, at.stride, at.padding, at.dilation, groups)
    conv = kind(inputs, outputs, *shape, bias=bias is not None, device="meta")
    conv.weight = _constant(weight)
    conv.bias = None if bias is None else _constant(bias)
    if isinstance(conv, PooledConv2d):
        conv.geometry = at
    return conv.eval()


def _replace(network: nn.Module, new: dict[nn.Module, nn.Module]) -> nn.Module:
    """Put modules in the place of others, wherever these are."""
    for part in list(network.modules()):
        part._modules.update({n: new[m] for n, m in part._modules.items() if m in new})
    return new.get(network, network)
