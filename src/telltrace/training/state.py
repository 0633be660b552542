"""The state of a run as one file of tensors and JSON: written atomically, read without pickle."""

import json
import os
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from telltrace.checkpoint import read_tensors, write_tensors
from telltrace.errors import CheckpointError, OptionError
from telltrace.files.plain import flatten

from .config import HardwareConfig, Settings, SourceConfig, by_content
from .hardware import resolve_hardware
from .loop import State

COUNTED = ("epoch", "step", "loss_sum", "history")
"""What a state holds beside tensors."""


def save_state(
    path: Path, state: State, recipe: dict[str, Any], *, keep: int = 1, writes: bool = True
) -> None:
    """Write everything that a resumed run needs; the file before it moves to ``NAME-1``, and so on.

    Nothing is moved or overwritten before the new file lies on the disk, whole; ``keep`` files
    stay. Where processes share the weights, all must call, and one of them ``writes``. A full disk
    is an OSError.
    """
    tensors: dict[str, Tensor] = {}
    optimizer = state.optimizer.state_dict()
    for part, module in _modules(state).items():
        tensors |= {f"{part}/{name}": tensor for name, tensor in full_tensors(module).items()}
    for index, entries in optimizer["state"].items():
        tensors |= {f"optimizer/{index}/{k}": _full(v) for k, v in entries.items()}
    if not writes:
        return
    counted = {name: getattr(state, name) for name in COUNTED}
    numbers = {"recipe": recipe, "groups": optimizer["param_groups"], **counted}
    coming = path.with_name(f".coming-{path.name}")
    write_tensors(coming, tensors, {"state": json.dumps(numbers)})
    _move_older(path, keep)
    coming.replace(path)


def _modules(state: State) -> dict[str, nn.Module]:
    """What has tensors to save, by its name in the file."""
    modules = {"network": state.plain, "objective": state.objective}
    return modules if state.average is None else {**modules, "average": state.evaluated}


def _move_older(path: Path, keep: int) -> None:
    """NAME to NAME-1, NAME-1 to NAME-2; NAME itself stays in place until it is replaced."""
    names = [path.with_name(f"{path.stem}-{i}{path.suffix}") for i in range(1, keep)]
    for newer, older in reversed(list(pairwise(names))):
        if newer.exists():
            newer.replace(older)
    if names and path.exists():
        names[0].unlink(missing_ok=True)
        os.link(path, names[0])


def full_tensors(module: nn.Module) -> dict[str, Tensor]:
    """All tensors of a module by name, whole and no two of them the same memory."""
    return {name: _full(tensor) for name, tensor in module.state_dict().items()}


def _full(value: Any) -> Tensor:
    if isinstance(value, DTensor):
        return value.full_tensor().detach()
    return torch.as_tensor(value).detach().clone()


def restore_state(path: Path, state: State, recipe: dict[str, Any]) -> None:
    """Put a saved run back into freshly built network and optimiser.

    A file that is damaged or of another kind is a CheckpointError; one of a run with other settings
    an OptionError that names the setting.
    """
    tensors, metadata = read_tensors(path)
    if "state" not in metadata:
        remedy = "Remove it or give another --out."
        raise CheckpointError("holds no training state", remedy=remedy, path=path)
    numbers = json.loads(metadata["state"])
    _check_recipe(path, numbers["recipe"], recipe)
    for part, module in _modules(state).items():
        own = module.state_dict()
        saved = _under(tensors, f"{part}/")
        module.load_state_dict({k: _share(v, own[k]) if k in own else v for k, v in saved.items()})
    weights = [p for group in state.optimizer.param_groups for p in group["params"]]
    entries: dict[int, dict[str, Tensor]] = {}
    for key, value in _under(tensors, "optimizer/").items():
        index, name = key.split("/")
        entries.setdefault(int(index), {})[name] = _share(value, weights[int(index)])
    state.optimizer.load_state_dict({"state": entries, "param_groups": numbers["groups"]})
    for name in COUNTED:
        setattr(state, name, numbers[name])


def _share(value: Tensor, like: Tensor) -> Tensor:
    """This process's share of a tensor, where processes share the one it belongs to."""
    if isinstance(like, DTensor) and value.shape == like.shape:
        return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)
    return value


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _check_recipe(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Everything but the number of workers must be as it was; a new setting had its default."""

    def plain(recipe: dict[str, Any]) -> dict[str, Any]:
        return flatten(json.loads(json.dumps(by_content(recipe))))

    source = asdict(SourceConfig(name="", datasets=(), pairs=0))
    default = plain(asdict(Settings(hardware=resolve_hardware(HardwareConfig()))))
    old, new = default | plain(before), default | plain(now)
    old["data.sources"] = [{**source, **given} for given in old["data.sources"]]
    for key in sorted((old.keys() | new.keys()) - {"data.workers"}):
        if (was := old.get(key)) != (now_is := new.get(key)):
            reason = f"this run was started with {key} = {was!r}, now it is {now_is!r}"
            remedy = "Give the same settings to resume it, or another --out."
            raise OptionError(reason, remedy=remedy, path=path)
