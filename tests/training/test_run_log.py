"""What a run shows, what it leaves, and what it needs: speed, memory, the batch that broke it."""

import json
import logging
import os
import sys
import time
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from telltrace.checkpoint import read_tensors
from telltrace.cli import main
from telltrace.data.loader import batches
from telltrace.training import DataConfig, HardwareConfig, OptimConfig, train
from telltrace.training import feed as feed_room
from telltrace.training import run as run_room
from telltrace.training import run_log as run_log_room
from telltrace.training import trainer as trainer_room
from telltrace.training.hardware import resolve_hardware, resolve_precision
from telltrace.training.loop import State
from telltrace.training.run_log import RunLogger

from .conftest import SMALL, SMALL_COMMAND

DATA = DataConfig(image_size=32, batch_size=4, augmentation="none")


def test_waiting_for_data_is_told_from_computing(tmp_path: Path) -> None:
    def slow() -> Any:
        for _ in range(4):
            time.sleep(0.05)
            yield (torch.zeros(1),)

    with RunLogger(tmp_path, 1, 4, 8) as log:
        state = State(torch.nn.Linear(1, 1), torch.nn.Identity(), None)  # type: ignore[arg-type]
        state.optimizer = torch.optim.SGD(state.network.parameters(), lr=0.1)
        log.start(state, "begins")
        for _ in log.timed(slow()):
            time.sleep(0.15)
            log.step(state, 0.5)
        speed = log.speed()
    assert speed["seconds"] == pytest.approx(0.8, abs=0.3)
    assert speed["waiting"] == pytest.approx(0.25, abs=0.12)
    assert speed["images_per_second"] == pytest.approx(32 / speed["seconds"], rel=0.02)


def test_speed_has_a_row_an_epoch_also_after_a_resume(crops: Path, tmp_path: Path) -> None:
    for epochs in (2, 3):
        if epochs == 3:  # go on from the second epoch as if the recipe had said so
            tensors, metadata = read_tensors(tmp_path / "last.safetensors")
            state = json.loads(metadata["state"])
            state["recipe"]["optim"]["epochs"] = 3
            from telltrace.checkpoint import write_tensors

            write_tensors(tmp_path / "last.safetensors", tensors, {"state": json.dumps(state)})
        optim = OptimConfig(epochs=epochs, schedule="constant")
        train(manifest=[crops], out=tmp_path, data=DATA, optim=optim, **SMALL)
    speed = pd.read_csv(tmp_path / "speed.csv")
    assert speed.epoch.tolist() == [1, 2, 3]
    assert (speed[["seconds", "images_per_second", "peak_mib"]] > 0).all(axis=None)
    assert speed.waiting.between(0, 1).all()


def test_without_tensorboard_the_rest_is_there(
    crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = run_log_room.importlib.util.find_spec
    monkeypatch.setattr(
        run_log_room.importlib.util, "find_spec", lambda n: None if n == "tensorboard" else find(n)
    )
    optim = OptimConfig(epochs=1)
    train(manifest=[crops], out=tmp_path, data=DATA, optim=optim, **SMALL)
    assert not list(tmp_path.glob("events*"))
    assert (tmp_path / "metrics.csv").is_file()


def test_without_the_extra_the_package_is_named(
    crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_room, "find_spec", lambda _: None)
    assert main(["train", "--manifest", str(crops), "--out", str(tmp_path)]) == 2
    assert "Run: pip install 'telltrace[train]'." in capsys.readouterr().err


class FakeMlflow(ModuleType):
    """Notes what it is told, as the package of that name would send it."""

    def __init__(self) -> None:
        super().__init__("mlflow")
        self.__spec__ = ModuleSpec("mlflow", None)
        self.runs: list[str | None] = []
        self.told: list[tuple[int, dict[str, float]]] = []

    def start_run(self, run_id: str | None, run_name: str) -> SimpleNamespace:
        self.runs.append(run_id)
        return SimpleNamespace(info=SimpleNamespace(run_id=run_id or f"id of {run_name}"))

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        self.told.append((step, values))

    def end_run(self) -> None:
        self.runs.append("end")


def test_mlflow_gets_every_epoch_and_a_resumed_run_is_the_same_one(
    crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, out = FakeMlflow(), tmp_path / "first"
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    optim = OptimConfig(epochs=1)
    train(manifest=[crops], out=tmp_path / "silent", data=DATA, optim=optim, **SMALL)
    assert fake.runs == []  # nobody said where to
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file:mlruns")
    monkeypatch.setattr(os, "environ", {**os.environ})
    os.environ.pop("MLFLOW_DISABLE_TELEMETRY", None)
    for _ in range(2):
        train(manifest=[crops], out=out, data=DATA, optim=optim, **SMALL)
    assert fake.runs == [None, "end", "id of first", "end"]
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    ((step, values),) = fake.told
    assert step == 1
    metrics = pd.read_csv(out / "metrics.csv")
    assert values["loss"] == pytest.approx(metrics.loss[0])
    assert values["images_per_second"] > 0


@pytest.mark.parametrize("broken", ["start_run", "log_metrics", "end_run"])
def test_an_mlflow_that_fails_ends_no_training(
    broken: str,
    crops: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> None:
        asked.append(broken)
        raise ConnectionError("no route to host")

    asked: list[str] = []
    fake = FakeMlflow()
    monkeypatch.setattr(fake, broken, fail)
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:9")
    train(manifest=[crops], out=tmp_path, data=DATA, optim=OptimConfig(epochs=2), **SMALL)
    assert asked == [broken]
    (said,) = [one.getMessage() for one in caplog.records if "MLflow" in one.getMessage()]
    assert "ConnectionError: no route to host" in said
    assert len(pd.read_csv(tmp_path / "metrics.csv")) == 2


def test_the_batch_that_broke_a_run_is_kept(
    crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def poisoned(self: Any, images: Any) -> torch.Tensor:
        tensor = tensors(self, images)
        seen.append(torch.as_tensor(images))
        return tensor * np.nan if len(seen) == 2 else tensor

    seen: list[torch.Tensor] = []
    tensors = trainer_room.Preprocessing.tensor
    monkeypatch.setattr(trainer_room.Preprocessing, "tensor", poisoned)
    command = [
        *("train", "--manifest", str(crops), "--out", str(tmp_path), *SMALL_COMMAND),
        *("--data.image_size", "32", "--data.batch_size", "4"),
    ]
    assert main(command) == 2
    message = capsys.readouterr().err
    assert "not finite at epoch 0, step 1" in message
    assert f"The batch lies in {tmp_path / 'nonfinite.safetensors'}" in message
    kept, metadata = read_tensors(tmp_path / "nonfinite.safetensors")
    assert torch.equal(kept["images"], seen[1])
    assert kept["labels"].shape == (4,)
    assert json.loads(metadata["nonfinite"])["step"] == 1


def test_the_recipe_of_a_run_is_a_call_that_repeats_it(crops: Path, tmp_path: Path) -> None:
    def weights(out: Path) -> dict[str, torch.Tensor]:
        return read_tensors(out / "best.safetensors")[0]

    optim = OptimConfig(epochs=1, ema=0.5, betas=(0.8, 0.99))
    train(manifest=[crops], out=tmp_path / "a", data=DATA, optim=optim, **SMALL)
    recipe = str(tmp_path / "a" / "recipe.json")
    command = ["train", "--config", recipe, "--out", str(tmp_path / "b"), "--device", "cpu"]
    assert main(command) == 0
    first, again = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(torch.equal(first[key], again[key]) for key in first)


def test_auto_is_what_the_device_is_good_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from telltrace.training import hardware

    for flags, expected in (
        ("flags : fpu avx512_bf16 sse", "bf16-mixed"),
        ("flags : amx_bf16", "bf16-mixed"),
        ("flags : fpu avx2", "32-true"),
    ):
        (tmp_path / "cpuinfo").write_text(flags)
        monkeypatch.setattr(hardware, "CPU_INFO", tmp_path / "cpuinfo")
        assert resolve_precision("auto", "cpu") == expected
    assert resolve_precision("16-mixed", "cpu") == "16-mixed"
    assert resolve_hardware(HardwareConfig()).layout == "channels_last"


def test_what_was_chosen_is_said(
    crops: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "telltrace")
    train(
        manifest=[crops],
        out=tmp_path,
        detector="mobilenet",
        data=DATA,
        optim=OptimConfig(epochs=1, accumulate=2),
        hardware=HardwareConfig(recompute=True, layout="contiguous"),
        precision="32-true",
        device="cpu",
    )
    assert "32-true, contiguous, activations recomputed, batches in 2 pieces" in caplog.text
    assert "epoch 1/1  loss " in caplog.text


def test_batches_are_made_ahead_by_a_thread(crops: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first batch is in use, the second is being made."""
    made: list[int] = []

    def counted(*args: Any, **options: Any) -> Any:
        for batch in batches(*args, **options):
            made.append(1)
            yield batch

    monkeypatch.setattr(feed_room, "batches", counted)
    table, cuts = trainer_room.read_faces([crops])
    size = trainer_room.Preprocessing(cuts[0], 32)
    data = DataConfig(image_size=32, batch_size=4, workers=1)
    feed = feed_room.Feed(table, cuts, size, data, 7)
    drawn = iter(feed.batches(0, 0))
    next(drawn)
    deadline = time.monotonic() + 20
    while len(made) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(made) == 2
