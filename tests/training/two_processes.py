"""Trainings of ten steps whose losses and weights are written down; run by test_processes.py.

The network computes in float64 and drops nothing out, so that what differs between one process
and two is their number and not how rounding grows from step to step. It has what processes treat
in a way of their own: batch normalisation, repeated blocks, and a stage of a million weights.
"""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from telltrace.data.crops import read_faces
from telltrace.data.transforms import Preprocessing
from telltrace.training import initialize as initialize_room
from telltrace.training.config import (
    DataConfig,
    HardwareConfig,
    OptimConfig,
    Settings,
)
from telltrace.training.feed import Feed
from telltrace.training.hardware import resolve_hardware
from telltrace.training.initialize import initialize
from telltrace.training.loop import State, fit
from telltrace.training.processes import create_fabric, gather, is_first
from telltrace.training.state import full_tensors, restore_state, save_state

STEPS = 10


class Block(nn.Module):
    """(B, 16, H, W) to the same: a residual block."""

    def __init__(self, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        convolution = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.layers = nn.Sequential(convolution, norm(16), nn.ReLU())

    def forward(self, features: Tensor) -> Tensor:
        return features + self.layers(features)


def create_network(name: str, *, alone: bool = False) -> nn.Module:
    """(B, 3, 32, 32) to logits (B, 2); ``alone`` normalises each image by itself."""
    norm = partial(nn.GroupNorm, 1) if alone else nn.BatchNorm2d
    network = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), norm(16), nn.ReLU()),
        nn.Sequential(Block(norm), Block(norm)),
        nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(1024, 1024), nn.ReLU()),
        nn.Linear(1024, 2),
    ).double()
    network.register_forward_pre_hook(lambda module, images: (images[0].double(),))
    return network


def main(crops: Path, out: Path, choices: dict[str, Any]) -> None:
    hardware = resolve_hardware(HardwareConfig(**choices.pop("hardware")))
    data = DataConfig(image_size=32, batch_size=8, **choices.pop("data", {}))
    optim = OptimConfig(epochs=1, ema=0.9, clip_norm=1.0, **choices.pop("optim", {}))
    settings = Settings(
        data=data,
        optim=optim,
        hardware=hardware,
        **choices,
    )
    initialize_room.create_detector = create_network
    table, cuts = read_faces([crops])
    fabric = create_fabric(hardware, "cpu", settings.precision)
    state, size = initialize(settings, fabric), Preprocessing(cuts[0], 32)
    shard = fabric.global_rank, fabric.world_size
    feed = Feed(table, cuts, size, data, 7, shard=shard)
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
    crops, out, runs, environment = CALL  # type: ignore[name-defined]  # noqa: F821
    os.environ.update(environment)
    for name, choices in runs.items():
        (out / name).mkdir(parents=True, exist_ok=True)
        main(crops, out / name, choices)
