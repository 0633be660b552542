"""The state of a run as one file of tensors and JSON: written atomically, read without pickle."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from telltrace.checkpoint import read_tensors, write_tensors
from telltrace.train.loop import State


def save_state(path: Path, state: State, recipe: dict[str, Any]) -> None:
    """Write everything that a resumed run needs.

    Args:
        path: File to replace.
        state: The run as it stands between two steps.
        recipe: The settings it runs under; a resumed run must have the same.
    """
    tensors = {f"network/{k}": v for k, v in state.network.state_dict().items()}
    tensors |= {f"objective/{k}": v for k, v in state.objective.state_dict().items()}
    if state.average is not None:
        tensors |= {f"average/{k}": v for k, v in state.average.state_dict().items()}
    optimizer = state.optimizer.state_dict()
    for index, entries in optimizer["state"].items():
        tensors |= {f"optimizer/{index}/{k}": torch.as_tensor(v) for k, v in entries.items()}
    numbers = {
        "recipe": recipe,
        "groups": optimizer["param_groups"],
        "epoch": state.epoch,
        "step": state.step,
        "loss_sum": state.loss_sum,
        "history": state.history,
    }
    # A tensor that two names share is written twice: safetensors refuses aliases.
    write_tensors(
        path, {k: v.detach().clone() for k, v in tensors.items()}, {"state": json.dumps(numbers)}
    )


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
    state.network.load_state_dict(_under(tensors, "network/"))
    state.objective.load_state_dict(_under(tensors, "objective/"))
    if state.average is not None:
        state.average.load_state_dict(_under(tensors, "average/"))
    entries: dict[int, dict[str, Tensor]] = {}
    for key, value in _under(tensors, "optimizer/").items():
        index, name = key.split("/")
        entries.setdefault(int(index), {})[name] = value
    state.optimizer.load_state_dict({"state": entries, "param_groups": numbers["groups"]})
    state.epoch, state.step = numbers["epoch"], numbers["step"]
    state.loss_sum, state.history = numbers["loss_sum"], numbers["history"]


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _check_recipe(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    changed = [k for k in sorted(before.keys() | now.keys()) if before.get(k) != now.get(k)]
    if changed:
        key = changed[0]
        raise ValueError(
            f"{path}: this run was started with {key} = {before.get(key)!r}, now it is "
            f"{now.get(key)!r}. Give the same settings to resume it, or another --out."
        )
