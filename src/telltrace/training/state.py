"""The state of a run as one file of tensors and JSON: written atomically, read without pickle."""

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from telltrace.checkpoint import read_tensors, write_tensors
from telltrace.files import check_disk_space
from telltrace.training.loop import State


def save_state(
    path: Path, state: State, recipe: dict[str, Any], *, keep: int = 1, writes: bool = True
) -> None:
    """Write everything that a resumed run needs; the file before it moves to ``NAME-1``, and so on.

    Nothing is moved or overwritten before the new file lies on the disk, whole.

    Args:
        path: File to replace.
        state: The run as it stands between two steps.
        recipe: The settings it runs under; a resumed run must have the same.
        keep: States to keep, this one among them.
        writes: Whether this process writes; where processes share the weights, all must call.

    Raises:
        OSError: If the disk is full; what was saved before is untouched.
    """
    tensors = {f"network/{k}": v for k, v in whole(state.plain).items()}
    tensors |= {f"objective/{k}": v for k, v in whole(state.objective).items()}
    if state.average is not None:
        tensors |= {f"average/{k}": v for k, v in whole(state.answering).items()}
    optimizer = state.optimizer.state_dict()
    for index, entries in optimizer["state"].items():
        tensors |= {f"optimizer/{index}/{k}": _whole(v) for k, v in entries.items()}
    if not writes:
        return
    numbers = {
        "recipe": recipe,
        "groups": optimizer["param_groups"],
        "epoch": state.epoch,
        "step": state.step,
        "loss_sum": state.loss_sum,
        "history": state.history,
    }
    check_room(path, tensors)
    coming = path.with_name(f".{path.stem}.coming{path.suffix}")
    write_tensors(coming, tensors, {"state": json.dumps(numbers)})
    _move_older(path, keep)
    coming.replace(path)


def check_room(path: Path, tensors: dict[str, Tensor]) -> None:
    """Refuse to begin a file that the disk cannot take.

    Raises:
        OutputError: If there is less room than the tensors need.
    """
    check_disk_space(path, sum(tensor.nbytes for tensor in tensors.values()))


def _move_older(path: Path, keep: int) -> None:
    """NAME to NAME-1, NAME-1 to NAME-2; NAME itself stays in place until it is replaced."""
    names = [path, *(path.with_name(f"{path.stem}-{i}{path.suffix}") for i in range(1, keep))]
    for newer, older in reversed(list(pairwise(names[1:]))):
        if newer.exists():
            newer.replace(older)
    if path.exists() and keep > 1:
        names[1].unlink(missing_ok=True)
        os.link(path, names[1])


def whole(module: nn.Module) -> dict[str, Tensor]:
    """All tensors of a module by name; those that processes share are put together.

    A tensor that two names share is given twice: safetensors refuses aliases.
    """
    return {name: _whole(tensor) for name, tensor in module.state_dict().items()}


def _whole(value: Any) -> Tensor:
    if isinstance(value, DTensor):
        return value.full_tensor().detach()
    return torch.as_tensor(value).detach().clone()


def restore_state(path: Path, state: State, recipe: dict[str, Any]) -> None:
    """Put a saved run back into freshly built network and optimiser.

    Raises:
        ValueError: If the file is damaged or belongs to a run with other settings; the message
            names the setting.
    """
    tensors, metadata = read_tensors(path)
    if "state" not in metadata:
        raise ValueError(f"{path}: holds no training state. Remove it or give another --out.")
    numbers = json.loads(metadata["state"])
    _check_recipe(path, numbers["recipe"], json.loads(json.dumps(recipe)))
    _load(state.plain, _under(tensors, "network/"))
    _load(state.objective, _under(tensors, "objective/"))
    if state.average is not None:
        _load(state.answering, _under(tensors, "average/"))
    weights = [p for group in state.optimizer.param_groups for p in group["params"]]
    entries: dict[int, dict[str, Tensor]] = {}
    for key, value in _under(tensors, "optimizer/").items():
        index, name = key.split("/")
        entries.setdefault(int(index), {})[name] = _share(value, weights[int(index)])
    state.optimizer.load_state_dict({"state": entries, "param_groups": numbers["groups"]})
    state.epoch, state.step = numbers["epoch"], numbers["step"]
    state.loss_sum, state.history = numbers["loss_sum"], numbers["history"]


def _load(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    own = module.state_dict()
    module.load_state_dict({k: _share(v, own[k]) if k in own else v for k, v in tensors.items()})


def _share(value: Tensor, like: Tensor) -> Tensor:
    """This process's share of a tensor, where processes share the one it belongs to."""
    if isinstance(like, DTensor) and value.shape == like.shape:
        return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)
    return value


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _check_recipe(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Everything but the number of workers, which changes no batch, must be as it was."""
    flat = [
        flat_settings({**r, "data": {**r.get("data", {}), "workers": 0}}) for r in (before, now)
    ]
    for key in sorted(flat[0].keys() | flat[1].keys()):
        was, is_ = (values.get(key) for values in flat)
        if was != is_:
            raise ValueError(
                f"{path}: this run was started with {key} = {was!r}, now it is {is_!r}. "
                "Give the same settings to resume it, or another --out."
            )


def flat_settings(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their dotted names, as the command line spells them."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= flat_settings(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
