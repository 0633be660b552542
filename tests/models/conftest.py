"""Golden numbers of published networks, and the tensors they were computed with."""

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor


@dataclass(frozen=True)
class Golden:
    """What a published network computes, and from what."""

    numbers: dict[str, Any]
    state: dict[str, Tensor]
    images: Tensor


def fill(name: str, shape: tuple[int, ...]) -> Tensor:
    """The tensor that the golden file's ``fill`` makes from a name, in float64."""
    seed = zlib.crc32(name.encode()) & 0x7FFFFFFF
    noise = np.random.RandomState(seed).standard_normal(shape)
    if name.endswith("num_batches_tracked"):
        return torch.tensor(0)
    if name.endswith("running_var"):
        noise = 1 + 0.5 * np.tanh(noise)
    elif len(shape) >= 2:
        noise = noise * np.sqrt(2 / np.prod(shape[1:]))
    elif name.rsplit(".", 1)[-1] == "weight":
        noise = 0.8 + 0.1 * noise
    else:
        noise = 0.1 * noise
    return torch.as_tensor(noise)


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Golden]:
    """Reads a golden file by name; constants of the architecture are not in its state."""

    def read(name: str) -> Golden:
        path = Path(__file__).parents[1] / "golden" / f"{name}.json"
        numbers = json.loads(path.read_text())
        state = {
            row["name"]: fill(row["name"], tuple(row["shape"]))
            for row in numbers["state_dict"]
            if "fill" not in row
        }
        rng = np.random.RandomState(numbers["input"]["seed"])
        images = torch.as_tensor(rng.standard_normal(numbers["input"]["shape"]))
        return Golden(numbers, state, images)

    return read
