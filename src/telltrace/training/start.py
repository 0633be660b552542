"""What a run starts with: network, objective and optimiser, on their device and in their layout."""

import copy
from dataclasses import dataclass
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from telltrace.models.registry import create_detector
from telltrace.training.config import DataConfig, HardwareConfig, ObjectiveConfig, OptimConfig
from telltrace.training.loop import State
from telltrace.training.objective import create_objective
from telltrace.training.processes import together_in
from telltrace.training.recompute import recompute_blocks


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that settles a run's outcome; a resumed run must have the same."""

    manifest: tuple[str, ...]
    detector: str
    options: dict[str, Any]
    data: DataConfig
    objective: ObjectiveConfig
    optim: OptimConfig
    hardware: HardwareConfig
    seed: int
    precision: str


def start(settings: Settings, fabric: Fabric) -> State:
    """A run before its first step.

    Args:
        settings: Of the run, with nothing left to choose.
        fabric: Owns device, precision and processes.

    Raises:
        ValueError: If there is no such detector, or the objective does not fit it.
    """
    torch.manual_seed(settings.seed)
    network = create_detector(settings.detector, **settings.options)
    if settings.hardware.layout == "channels_last":
        network = convert_conv2d_weight_memory_format(network, torch.channels_last)
    average = copy.deepcopy(network).eval() if settings.optim.ema else None
    paired = settings.data.task in ("blend", "mixed")
    objective = create_objective(network, settings.objective, paired=paired).to(fabric.device)
    _hasten(network, getattr(objective, "method", "forward"), settings.hardware, fabric)
    wrapped = fabric.setup_module(network)
    if hasattr(objective, "method"):
        wrapped.mark_forward_method(str(objective.method))
    kind = torch.optim.Adam if settings.optim.coupled else torch.optim.AdamW
    optimizer = kind(
        _groups(wrapped, objective),
        lr=settings.optim.lr,
        betas=settings.optim.betas,
        weight_decay=settings.optim.weight_decay,
    )
    owned = cast(torch.optim.Optimizer, fabric.setup_optimizers(optimizer))
    return State(wrapped, objective, owned, _set_up_average(average, fabric))


def _hasten(network: nn.Module, method: str, hardware: HardwareConfig, fabric: Fabric) -> None:
    """Recompute blocks, and compile what the objective calls, where the settings say so."""
    if hardware.recompute and not recompute_blocks(network, together_in(fabric)):
        raise ValueError(
            f"{type(network).__name__} has no repeated blocks to recompute. Leave out "
            "--hardware.recompute, and use --optim.accumulate to need less memory."
        )
    if hardware.compile:
        setattr(network, method, torch.compile(getattr(network, method)))


def _groups(network: nn.Module, objective: nn.Module) -> list[dict[str, Any]]:
    """The network's weights and the objective's apart: processes may share the first."""
    groups = [list(module.parameters()) for module in (network, objective)]
    return [{"params": group} for group in groups if group]


def _set_up_average(average: nn.Module | None, fabric: Fabric) -> nn.Module | None:
    """The average on its device, and shared among processes just as the network is."""
    if average is None:
        return None
    if hasattr(fabric.strategy, "device_mesh"):
        average = fabric.setup_module(average)
    return average.to(fabric.device).requires_grad_(False)
