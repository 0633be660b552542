"""Trainings of 20 steps whose losses and weights are written down; run by test_processes.py.

The network computes in float64 and drops nothing out, so that what differs between one process
and two is their number and not how rounding grows from step to step.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from telltrace.data.crops import read_crops
from telltrace.data.transforms import Preprocessing
from telltrace.models.registry import create_detector
from telltrace.training import initialize as initialize_room
from telltrace.training.config import (
    DataConfig,
    HardwareConfig,
    ObjectiveConfig,
    OptimConfig,
    Settings,
)
from telltrace.training.feed import create_feed
from telltrace.training.hardware import resolve_hardware
from telltrace.training.initialize import initialize
from telltrace.training.loop import State, fit
from telltrace.training.processes import create_fabric, gather, is_first, synced_batch_norm
from telltrace.training.state import full_tensors, restore_state, save_state

STEPS = 20


def exact(name: str, *, alone: bool = False, **options: Any) -> nn.Module:
    """The detector in float64, without dropout; ``alone`` normalises each image by itself."""
    network = create_detector(name, **options).double()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for part, layer in module.named_children():
            if alone and isinstance(layer, nn.BatchNorm2d):
                setattr(module, part, nn.GroupNorm(1, layer.num_features).double())
    network.register_forward_pre_hook(lambda module, images: (images[0].double(),))
    return network


def main(crops: Path, out: Path, choices: dict[str, Any]) -> None:
    hardware = resolve_hardware(HardwareConfig(**choices.pop("hardware")))
    data = DataConfig(image_size=32, batch_size=8, **choices.pop("data", {}))
    optim = OptimConfig(epochs=1, ema=0.9, clip_norm=1.0, **choices.pop("optim", {}))
    settings = Settings(
        manifest=(),
        data=data,
        objective=ObjectiveConfig(),
        optim=optim,
        hardware=hardware,
        seed=7,
        **choices,
    )
    initialize_room.create_detector = exact
    table, crop = read_crops([crops])
    fabric = create_fabric(hardware, "cpu", settings.precision)
    state, size = initialize(settings, fabric), Preprocessing(crop, 32)
    train, val = (table[table.split == split].reset_index(drop=True) for split in ("train", "val"))
    shard = fabric.global_rank, fabric.world_size
    feed = create_feed(train, val, size, data, 7, shard=shard)
    losses: list[float] = []

    def after_step(state: State, loss: float) -> None:
        losses.append(loss)
        if len(losses) == STEPS // 2:  # saving and restoring changes nothing
            save_state(out / "last.safetensors", state, {}, writes=is_first())
            fabric.barrier()
            restore_state(out / "last.safetensors", state, {})

    fit(
        *(state, feed.batches, fabric),
        optim=optim,
        steps=feed.steps,
        to_input=size.tensor,
        seed=7,
        forward_context=synced_batch_norm(fabric),
        after_step=after_step,
    )
    labels = [
        label
        for part in gather(fabric, [part.labels.tolist() for part in feed.validation()])
        for label in part
    ]
    save_state(out / "last.safetensors", state, {}, writes=is_first())
    kept = full_tensors(state.evaluated)
    if is_first():
        torch.save(kept, out / "average.pt")
        (out / "losses.json").write_text(json.dumps({"losses": losses, "labels": labels}))


if __name__ == "__main__":
    for name, choices in json.loads(sys.argv[3]).items():
        (Path(sys.argv[2]) / name).mkdir(parents=True, exist_ok=True)
        main(Path(sys.argv[1]), Path(sys.argv[2]) / name, choices)
