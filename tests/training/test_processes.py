"""Two processes on a CPU, talking over gloo, against one."""

import json
import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from telltrace.cli import main
from telltrace.training import DataConfig, HardwareConfig
from telltrace.training.feed import Feed
from telltrace.training.hardware import resolve_hardware
from telltrace.training.processes import SyncedBatchNorm

from .conftest import SMALL_COMMAND, write_crops

SCRIPT = Path(__file__).parent / "two_processes.py"


class Trained(NamedTuple):
    losses: list[float]
    labels: list[list[int]]
    state: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 training crops: 10 steps of 8."""
    return write_crops(tmp_path_factory.mktemp("many"), 8, 10)


def begin(
    context: Any, crops: Path, out: Path, number: int, runs: dict[str, Any]
) -> list[multiprocessing.Process]:
    """Several trainings, one after the other, in so many processes."""
    usual = {"detector": "small", "precision": "32-true", "options": {}}
    hardware = {"devices": number, "layout": "contiguous"}
    chosen = {
        name: {**usual, **run, "hardware": hardware | run.get("hardware", {})}
        for name, run in runs.items()
    }
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    group = {"MASTER_ADDR": "localhost", "MASTER_PORT": port, "WORLD_SIZE": str(number)}
    processes = []
    for rank in map(str, range(number)):
        environment = {**group, "LOCAL_RANK": rank, "NODE_RANK": "0"} if number > 1 else {}
        call = {"CALL": (crops, out, chosen, environment)}
        processes.append(
            context.Process(target=runpy.run_path, args=(str(SCRIPT), call, "__main__"))
        )
        processes[-1].start()
    return processes


def read(out: Path) -> Trained:
    written = json.loads((out / "losses.json").read_text())
    return Trained(
        written["losses"],
        written["labels"],
        load_file(out / "last.safetensors"),
        torch.load(out / "average.pt", weights_only=True),
    )


@pytest.fixture(scope="module")
def learnt(
    context: Any, many: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Trained]:
    """What one process learns, and two."""
    out, alone = tmp_path_factory.mktemp("learnt"), {"options": {"alone": True}}
    one = {"one": {}, "one alone": alone}
    two = {
        "ddp": {"hardware": {"strategy": "ddp"}},
        "recompute": {"hardware": {"recompute": True}},
        "accumulate alone": {**alone, "optim": {"accumulate": 2}},
        "fsdp": {"hardware": {"strategy": "fsdp"}},
    }
    for process in [*begin(context, many, out, 1, one), *begin(context, many, out, 2, two)]:
        process.join(280)
        assert process.exitcode == 0
    return {name: read(out / name) for name in (*one, *two)}


def assert_equal(one: Trained, two: Trained) -> None:
    assert len(one.losses) == 10
    assert two.losses == pytest.approx(one.losses, abs=1e-5)
    for mine, theirs in ((one.state, two.state), (one.average, two.average)):
        assert mine.keys() == theirs.keys()
        for name, tensor in mine.items():
            torch.testing.assert_close(theirs[name], tensor, rtol=0, atol=1e-5, msg=name)


@pytest.mark.parametrize("name", ["ddp", "fsdp", "recompute"])
def test_two_processes_learn_what_one_does(learnt: dict[str, Trained], name: str) -> None:
    assert_equal(learnt["one"], learnt[name])
    labels = [label for part in learnt[name].labels for label in part]
    assert sorted(labels) == [0] * 20 + [1] * 20


def test_a_batch_in_pieces_is_shared_like_a_whole_one(learnt: dict[str, Trained]) -> None:
    """Each piece has batch statistics of its own, so here each image is normalised alone."""
    assert_equal(learnt["one alone"], learnt["accumulate alone"])
    assert learnt["one alone"].losses != learnt["one"].losses


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(6, 3, 4, 5), (6, 3), (6, 3, 4)])
def test_batch_normalisation_of_one_process_is_torchs(
    dtype: torch.dtype, shape: tuple[int, ...], tmp_path: Path
) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1
    )
    try:
        results = []
        for synced in (False, True):
            torch.manual_seed(0)
            inputs = (3 + torch.randn(shape)).to(dtype).requires_grad_()
            weight, bias = torch.rand(3, requires_grad=True), torch.rand(3, requires_grad=True)
            if dtype == torch.float64:
                weight, bias = (x.detach().double().requires_grad_() for x in (weight, bias))
            mean, var = torch.zeros(3, dtype=weight.dtype), torch.ones(3, dtype=weight.dtype)
            if synced:
                with SyncedBatchNorm():
                    out = F.batch_norm(inputs, mean, var, weight, bias, training=True)
            else:
                out = F.batch_norm(inputs, mean, var, weight, bias, training=True)
            (out.to(weight.dtype) * torch.arange(out.numel()).reshape(shape)).sum().backward()
            results.append((out, inputs.grad, weight.grad, bias.grad, mean, var))
        loose = {torch.float64: 1e-9, torch.float32: 2e-3, torch.bfloat16: 5e-2}[dtype]
        for theirs, ours in zip(*results, strict=True):
            assert ours.dtype == theirs.dtype
            torch.testing.assert_close(ours, theirs, rtol=loose, atol=loose * 2)
    finally:
        torch.distributed.destroy_process_group()


def test_the_command_starts_its_processes(many: Path, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "telltrace", "train", "--manifest", str(many)),
        *("--out", str(tmp_path), *SMALL_COMMAND),
        *("--data.image_size", "32", "--data.batch_size", "16", "--optim.epochs", "1"),
        *("--hardware.devices", "2"),
    ]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=alone, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("Best epoch") == 1
    assert "2 processes (ddp, batch normalisation shared)" in done.stderr
    assert (tmp_path / "best.safetensors").is_file()


def test_batches_that_cannot_be_shared_are_refused() -> None:
    for data, message in (
        (DataConfig(batch_size=9), "Batches of 9 images cannot be shared among 2 processes"),
        (DataConfig(batch_size=6, task="blend"), "Batches of 3 pairs cannot be shared among 2"),
    ):
        with pytest.raises(ValueError, match=message):
            Feed(None, None, None, data, 7, shard=(0, 2))  # type: ignore[arg-type]


def test_choices_that_exclude_each_other_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="cannot lie channels_last"):
        resolve_hardware(HardwareConfig(devices=2, strategy="fsdp", layout="channels_last"))
    assert resolve_hardware(HardwareConfig(devices=2, strategy="fsdp")).layout == "contiguous"
    assert resolve_hardware(HardwareConfig(devices=2)).strategy == "ddp"
    with pytest.raises(ValueError, match="devices must be at least 1, got 0"):
        HardwareConfig(devices=0)
    assert (
        main(["train", "--manifest", "none.csv", "--out", "none", "--optim.accumulate", "2"]) == 2
    )
    assert "none.csv" in capsys.readouterr().err
