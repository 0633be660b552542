"""Runs in processes of their own: killed at random moments, asked to stop, and measured.

These are few kills; benchmarks/training_killed.py has many.
"""

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from telltrace.checkpoint import read_tensors
from telltrace.cli import main
from telltrace.training import DataConfig, ObjectiveConfig, OptimConfig, train
from telltrace.training.run_log import RunLogger

from .conftest import SMALL, SMALL_COMMAND

KILLS = 4


def call(crops: Path, out: Path, workers: int) -> dict[str, Any]:
    return {
        "manifest": [crops],
        "out": out,
        **SMALL,
        "data": DataConfig(image_size=32, batch_size=4, augmentation="strong", workers=workers),
        "objective": ObjectiveConfig(mixup=0.2, cutmix=1.0, label_smoothing=0.1),
        "optim": OptimConfig(epochs=8, lr=1e-3, schedule="cosine", ema=0.9),
        "precision": "32-true",
        "save_every": 2,
        "keep": 2,
    }


@pytest.fixture(scope="module")
def uninterrupted(crops: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The run that is not killed, and the seconds that it took."""
    out, started = tmp_path_factory.mktemp("runs") / "uninterrupted", time.perf_counter()
    train(**call(crops, out, 0))
    return out, time.perf_counter() - started


@pytest.mark.parametrize("workers", [0, 2])
def test_kills_change_no_bit(
    context: Any, uninterrupted: tuple[Path, float], crops: Path, tmp_path: Path, workers: int
) -> None:
    rng = random.Random(workers)
    expected, seconds = uninterrupted
    begun = 0
    for _ in range(KILLS):
        life = context.Process(target=train, kwargs=call(crops, tmp_path, workers))
        life.start()
        deadline = time.monotonic() + 60
        before = _written(tmp_path)
        while _written(tmp_path) == before and life.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)  # some step has been saved, so every life gets further
        life.join(rng.uniform(0, seconds / KILLS))
        begun += life.is_alive()
        life.kill()
        life.join()
    assert begun > 0  # someone was killed at work
    train(**call(crops, tmp_path, workers))
    for name in ("last.safetensors", "last-1.safetensors", "best.safetensors"):
        theirs, ours = (read_tensors(out / name)[0] for out in (expected, tmp_path))
        assert theirs.keys() == ours.keys()
        for key, tensor in ours.items():
            assert torch.equal(tensor, theirs[key]), (name, key)
    metrics = [(out / "metrics.csv").read_bytes() for out in (expected, tmp_path)]
    assert metrics[0] == metrics[1]


def test_sigterm_saves_and_leaves_with_0(context: Any, crops: Path, tmp_path: Path) -> None:
    command = [
        *("train", "--manifest", str(crops), "--out", str(tmp_path), *SMALL_COMMAND),
        *("--data.image_size", "32", "--data.batch_size", "4", "--optim.epochs", "10000"),
    ]
    process = context.Process(target=main, args=(command,))
    process.start()
    deadline = time.monotonic() + 120
    while not (tmp_path / "metrics.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    process.join(60)
    assert process.exitcode == 0
    assert (tmp_path / "last.safetensors").exists()


def test_ctrl_c_saves_and_says_how_to_go_on(
    crops: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["train", "--manifest", str(crops), "--out", str(tmp_path), *SMALL_COMMAND]
    monkeypatch.setattr(RunLogger, "step", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    assert main([*command, "--data.image_size", "32", "--data.batch_size", "4"]) == 130
    assert capsys.readouterr().err.endswith(
        "Stopping after the current step.\n"
        "telltrace: interrupted. The same command goes on where it was.\n"
    )
    assert (tmp_path / "last.safetensors").exists()


def test_memory_stays_flat_over_epochs(context: Any, crops: Path, tmp_path: Path) -> None:
    """More than 2 % from epoch 2 to 10 would be a leak."""
    options = call(crops, tmp_path, 1) | {"optim": OptimConfig(epochs=10, ema=0.9)}
    process = context.Process(target=train, kwargs=options)
    process.start()
    process.join(240)
    peaks = pd.read_csv(tmp_path / "speed.csv").peak_mib
    assert peaks[9] <= 1.02 * peaks[1]


def _written(out: Path) -> int:
    """When the state was last saved."""
    file = out / "last.safetensors"
    return file.stat().st_mtime_ns if file.is_file() else 0
