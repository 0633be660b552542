"""Several processes that train as one: who they are, and what they must share."""

import inspect
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.strategies.model_parallel import ModelParallelStrategy
from lightning_fabric.strategies.strategy import Strategy
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.distributed.device_mesh import DeviceMesh
from torch.nn.parallel import DistributedDataParallel
from torch.overrides import TorchFunctionMode

from telltrace.backends import choose_device
from telltrace.errors import OptionError

from .config import HardwareConfig

Context = Callable[[], AbstractContextManager[object]]


def create_fabric(hardware: HardwareConfig, device: str, precision: str) -> Fabric:
    """Owner of devices, precision and processes, which it starts; OptionError for lack of GPUs."""
    found = torch.cuda.device_count()
    choose_device(device)
    if device != "cpu" and 0 < found < hardware.devices:
        raise OptionError(f"devices is {hardware.devices}, but this machine has {found} GPUs.")
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # the run says it all itself
    how: Any = {"devices": hardware.devices, "num_nodes": hardware.nodes, "precision": precision}
    fabric = Fabric(accelerator=device, strategy=_strategy(hardware), **how)
    fabric.launch()
    return fabric


def _strategy(hardware: HardwareConfig) -> str | Strategy:
    if hardware.processes == 1:
        return "auto"
    if hardware.strategy == "fsdp":
        return ModelParallelStrategy(_shard, hardware.processes, tensor_parallel_size=1)
    # Statistics are shared in every forward pass, so there is nothing left to broadcast.
    known = inspect.signature(DistributedDataParallel.__init__).parameters
    name = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
    return DDPStrategy(**{name: False})  # type: ignore[arg-type]


def _shard(network: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Give each process a share of every large stage, and of what is left over."""
    from torch.distributed.fsdp import fully_shard

    for stage in network.children():
        # Lists are never called themselves, so no hook of theirs would gather their weights.
        is_called = type(stage).forward is not nn.Module.forward
        if is_called and sum(p.numel() for p in stage.parameters()) > 1_000_000:
            fully_shard(stage, mesh=mesh["data_parallel"])
    fully_shard(network, mesh=mesh["data_parallel"])
    return network


def synced_batch_norm(fabric: Fabric) -> Context:
    """The context in which batch normalisation sees the whole batch, not one process's share."""
    return nullcontext if fabric.world_size == 1 else SyncedBatchNorm


class SyncedBatchNorm(TorchFunctionMode):
    """Within it, every batch normalisation takes its statistics over all processes.

    The layers stay what they are, of whatever class, and their weights keep their names. It works
    on any device; torch's own SyncBatchNorm works on GPUs only.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is F.batch_norm:
            return _batch_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _batch_norm(
    inputs: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """F.batch_norm whose statistics are those of equal shares of a batch, one in each process."""
    if not training:
        return F.batch_norm(inputs, running_mean, running_var, weight, bias, False, momentum, eps)
    statistics = torch.float64 if inputs.dtype == torch.float64 else torch.float32
    scale = inputs.new_ones(inputs.shape[1], dtype=statistics) if weight is None else weight
    shift = inputs.new_zeros(inputs.shape[1], dtype=statistics) if bias is None else bias
    out, mean, var = cast(tuple[Tensor, Tensor, Tensor], _Synced.apply(inputs, scale, shift, eps))
    if running_mean is not None and running_var is not None:
        count = dist.get_world_size() * inputs.numel() // inputs.shape[1]
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((var * count / max(count - 1, 1)).to(running_var.dtype), momentum)
    return out


class _Synced(torch.autograd.Function):
    """Batch normalisation by torch's own kernels, each fed the sums of all processes.

    (B, C, ...), (C,), (C,) to (B, C, ...), mean (C,), variance (C,). Ioffe and Szegedy, "Batch
    Normalization", ICML 2015, section 3, for the gradients.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Any:
        statistics = torch.float64 if x.dtype == torch.float64 else torch.float32
        unused = torch.zeros(2, x.shape[1], dtype=statistics, device=x.device)
        mine = torch.batch_norm_update_stats(x, unused[0], unused[1], 0.0)
        rows = unused.new_zeros(dist.get_world_size(), 2, x.shape[1])
        rows[dist.get_rank()] = torch.stack(mine)
        dist.all_reduce(rows)
        means, variances = rows.unbind(1)
        mean = means.mean(0)
        var = variances.mean(0) + (means - mean).square().mean(0)
        ctx.save_for_backward(x, scale, mean, var)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, var)
        return F.batch_norm(x, mean, var, scale, shift, False, 0.0, eps), mean, var

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> Any:
        x, scale, mean, var = ctx.saved_tensors
        of_x, of_scale, of_shift = torch.ops.aten.native_batch_norm_backward(
            grad, x, scale, mean, var, None, None, False, ctx.eps, [True, True, True]
        )
        sums = torch.stack([of_scale, of_shift])
        dist.all_reduce(sums)
        count = dist.get_world_size() * x.numel() // x.shape[1]
        k, m = -sums * (scale * torch.rsqrt(var + ctx.eps) / count)
        through = F.batch_norm(x, mean, var, k, m, False, 0.0, ctx.eps)  # by the statistics
        return of_x.add_(through), of_scale, of_shift, None


def is_first() -> bool:
    """Whether this is the process that prints and writes for all."""
    return not dist.is_initialized() or dist.get_rank() == 0


def gather(fabric: Fabric, value: Any) -> list[Any]:
    """What each process holds, in all of them, in the order of the processes."""
    if fabric.world_size == 1:
        return [value]
    values: list[Any] = [None] * fabric.world_size
    dist.all_gather_object(values, value)
    return values
