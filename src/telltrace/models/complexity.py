"""What a network costs: parameters, multiply-accumulates by two counts, and memory."""

import copy
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from telltrace.errors import OptionError, check_positive
from telltrace.layers import SFIConv2d


@dataclass(frozen=True)
class Complexity:
    """The cost of judging one image."""

    parameters: int
    """Learnable numbers."""
    paper_macs: int
    """Multiply-accumulates in the convention of ptflops, the SFIConv paper's counter."""
    executed_macs: int
    """Multiply-accumulates of the convolutions and matrix products that really run."""
    peak_activation_bytes: int
    """Most memory that images, maps and temporary tensors hold at one time during inference in
    float32, without parameters and the workspace of the kernels."""


def complexity(model: nn.Module, image_size: int | tuple[int, int] = 256) -> Complexity:
    """Count what a network of images (B, 3, H, W) costs on one; a copy runs, on its device, once.

    ``image_size`` is the side of the image, or its height and width, in pixels; one that the
    network cannot take is an OptionError.

    References:
        Guo et al., IEEE TIFS 2024, Tables II, III and V.

    Examples:
        >>> from telltrace.models import create_detector
        >>> cost = complexity(create_detector("resnet26"), 256)
        >>> f"{cost.parameters / 1e6:.2f} M, {cost.paper_macs / 1e9:.2f} GMac"
        '13.95 M, 3.08 GMac'
    """
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    twin = copy.deepcopy(model).float().eval()
    paper = 0

    def count(module: nn.Module, inputs: tuple[Any, ...], answer: Any) -> None:
        nonlocal paper
        paper += _count_as_paper(module, inputs[0] if inputs else (), answer)

    for module in twin.modules():
        module.register_forward_hook(count)
    check_positive(image_size=min(height, width))
    image = torch.zeros(1, 3, height, width, device=next(twin.parameters(), torch.empty(0)).device)
    try:
        with torch.no_grad(), _Meter(twin) as meter:
            twin(image)
    except RuntimeError as error:
        reason = f"The network takes no images of {width} x {height} pixels ({error})"
        raise OptionError(reason, remedy="Give another image_size.") from None
    return Complexity(
        parameters=sum(p.numel() for p in model.parameters()),
        paper_macs=paper,
        executed_macs=meter.operations // 2,
        peak_activation_bytes=meter.peak,
    )


def _count_as_paper(module: nn.Module, given: Any, answer: Any) -> int:
    """Multiply-accumulates of one module as ptflops has them.

    The counter saw modules only. The released constrained kernel, the nearest resampling and
    the residual sums are calls of functions, hence not in the paper's tables and not here.
    """
    if isinstance(module, SFIConv2d):
        return _count_stage(module, given)
    read, written = _numel(given), _numel(answer)
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
        return written * (module.weight[0].numel() + (module.bias is not None))
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
        return 2 * read
    pools = nn.MaxPool2d | nn.AvgPool2d | nn.AdaptiveMaxPool2d | nn.AdaptiveAvgPool2d
    if isinstance(module, pools):
        return read
    others = nn.ReLU | nn.ReLU6 | nn.PReLU | nn.LeakyReLU | nn.ELU | nn.Upsample
    return written if isinstance(module, others) else 0


def _numel(values: Any) -> int:
    """Values in a tensor or in both streams."""
    return sum(leaf.numel() for leaf in tree_leaves(values) if isinstance(leaf, Tensor))


def _count_stage(layer: SFIConv2d, given: Any) -> int:
    """The paper's four convolutions, S->F and Stage 1 at full size, and the pooling in front."""
    parts = [given] if isinstance(given, Tensor) else list(given)
    pooled = [layer.geometry.pool(part) for part in parts]
    sizes = [layer.geometry.output((part.shape[-2], part.shape[-1])) for part in pooled]
    large, small = prod(sizes[0]), prod(sizes[-1])
    total = 0 if layer.geometry.pooling == (1, 1) else _numel(given)
    for blocks, positions in ((layer.s2s + layer.s2f, large), (layer.f2s + layer.f2f, small)):
        total += positions * sum(layer.weight[b.outputs, b.columns].numel() for b in blocks)
    if layer.bias is not None:
        frequency = layer.out_channels - layer.out_cut
        total += layer.out_cut * large + frequency * (large if layer.stage == 1 else small)
    return total


class _Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operations as torch does, and follows which storages are alive."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        tensors = (*model.parameters(), *model.buffers())
        self.constant = {tensor.untyped_storage()._cdata for tensor in tensors}
        self.alive: dict[int, tuple[Any, int]] = {}
        self.peak = self.operations = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # True would import torch's compiler, for seconds

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        answer = func(*args, **(kwargs or {}))
        if count := flop_registry.get(func.overloadpacket):
            self.operations += count(*args, **(kwargs or {}), out_val=answer)
        self.alive = {key: entry for key, entry in self.alive.items() if not entry[0].expired()}
        for leaf in tree_leaves((args, answer)):
            if isinstance(leaf, Tensor):
                storage = leaf.untyped_storage()
                if storage._cdata not in self.constant:
                    weak: Any = StorageWeakRef
                    self.alive[storage._cdata] = (weak(storage), storage.nbytes())
        self.peak = max(self.peak, sum(size for _, size in self.alive.values()))
        return answer
