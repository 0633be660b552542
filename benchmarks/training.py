"""How fast does training go: float32 as torch computes it by itself, and with our defaults?

Run: ``python benchmarks/training.py``. Four detectors train on noise crops from memory through
the whole loop (loader with the recipe's augmentation, objective, backward pass, AdamW). "plain"
is float32 with channels first; "ours" is what ``auto`` chooses for the device; "compiled" adds
torch.compile, on a GPU or with ``--compile``. The variants take turns, so that other work on the
machine falls on all of them; the first steps of each, which warm up, are not counted. On a GPU,
also the share of the time in which it waited for data, with ``--workers`` threads.

With ``--processes 2``, one process with one thread and two processes with one thread each train
the first detector on the same batches: the gain of a second core.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from telltrace.data.manifest import check_manifest
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.training.config import (
    DataConfig,
    HardwareConfig,
    OptimConfig,
    Settings,
)
from telltrace.training.feed import Feed
from telltrace.training.hardware import describe_hardware, resolve_hardware, resolve_precision
from telltrace.training.initialize import initialize
from telltrace.training.loop import State, fit
from telltrace.training.processes import create_fabric

DETECTORS: dict[str, dict[str, Any]] = {
    "sfi_mobilenet": {},
    "sfi_resnet26": {},
    "two_stream_xception": {"image_size": 256},
    "ib_resnet34": {"num_blocks": 4},
}
PLAIN = ("32-true", HardwareConfig(layout="contiguous"))


class EnoughError(Exception):
    """The steps that were asked for are done."""


def write_crops(folder: Path, size: int, number: int) -> pd.DataFrame:
    """Noise crops as PNG, half of them fake."""
    import cv2

    rng, rows = np.random.default_rng(0), []
    for i in range(number):
        path = str(folder / f"{i:05d}.png")
        cv2.imwrite(path, rng.integers(0, 256, (size, size, 3), dtype=np.uint8))
        rows.append((path, i % 2, f"v{i}"))
    return check_manifest(pd.DataFrame(rows, columns=["path", "label", "video"]))


class Variant:
    """One detector under one choice of arithmetic and layout, trained a few steps at a time."""

    def __init__(
        self,
        detector: str,
        precision: str,
        hardware: HardwareConfig,
        crops: pd.DataFrame,
        arguments: argparse.Namespace,
    ) -> None:
        data = DataConfig(
            image_size=arguments.size,
            batch_size=arguments.batch,
            workers=arguments.workers,
        )
        self.hardware = resolve_hardware(hardware)
        self.settings = Settings(
            detector=detector,
            options={
                k: arguments.size if k == "image_size" else v
                for k, v in DETECTORS[detector].items()
            },
            data=data,
            optim=OptimConfig(epochs=10**6),
            hardware=self.hardware,
            seed=7,
            precision=resolve_precision(precision, arguments.device),
        )
        self.fabric = create_fabric(self.hardware, arguments.device, self.settings.precision)
        self.state = initialize(self.settings, self.fabric)
        self.size = Preprocessing(FaceCrop(size=arguments.size), arguments.size)
        shard = (self.fabric.global_rank, self.fabric.world_size)
        pin = self.fabric.device.type == "cuda"
        both = pd.concat([crops.assign(split=split) for split in ("train", "val")])
        cuts = [self.size.crop] * len(both)
        self.feed = Feed(both, cuts, self.size, data, 7, shard=shard, pin=pin)
        self.wall: list[float] = []
        self.processor: list[float] = []
        self.waiting: list[float] = []

    def train(self, steps: int, *, counted: bool = True) -> None:
        """Some steps in a row."""
        done, waited = count(1), [0.0]
        channels_last = self.hardware.layout == "channels_last"
        order = torch.channels_last if channels_last else torch.contiguous_format
        last = [time.perf_counter(), time.process_time()]

        def watch(epoch: int, step: int) -> Iterator[Any]:
            source = iter(self.feed.batches(epoch, step))
            while True:
                asked = time.perf_counter()
                batch = next(source, None)
                waited[0] = time.perf_counter() - asked
                if batch is None:
                    return
                yield batch

        def after(state: State, loss: float) -> None:
            now = [time.perf_counter(), time.process_time()]
            if counted:
                self.wall.append(now[0] - last[0])
                self.processor.append(now[1] - last[1])
                self.waiting.append(waited[0] / (now[0] - last[0]))
            last[:] = now
            if next(done) == steps:
                raise EnoughError

        try:
            fit(
                *(self.state, watch, self.fabric),
                optim=self.settings.optim,
                steps=self.feed.steps,
                to_input=lambda images: self.size.tensor(images).contiguous(memory_format=order),
                after_step=after,
            )
        except EnoughError:
            return

    def report(self, name: str) -> str:
        """Images a second, by the clock and by the processor."""
        batch = self.settings.data.batch_size
        rates = [batch / seconds for seconds in self.wall]
        text = (
            f"{self.settings.detector:20}{name:9}{statistics.median(rates):8.1f} images/s "
            f"({min(rates):.1f} to {max(rates):.1f})"
        )
        if self.fabric.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated() / 2**30
            return f"{text}  waiting {statistics.median(self.waiting):.1%}  {peak:.1f} GiB at most"
        per_cpu = batch / statistics.median(self.processor)
        return f"{text}  {per_cpu:8.1f} per CPU second"


def compare(arguments: argparse.Namespace, crops: pd.DataFrame) -> None:
    """The variants of every detector, in turns."""
    gpu = arguments.device != "cpu" and torch.cuda.is_available()
    for detector in arguments.detectors:
        chosen = {"plain": PLAIN, "ours": ("auto", HardwareConfig())}
        if gpu or arguments.compile:
            chosen["compiled"] = ("auto", HardwareConfig(compile=True))
        variants = {k: Variant(detector, p, h, crops, arguments) for k, (p, h) in chosen.items()}
        for variant in variants.values():
            variant.train(arguments.warm, counted=False)
        for _ in range(arguments.rounds):
            for variant in variants.values():
                variant.train(arguments.steps)
        for name, variant in variants.items():
            print(variant.report(name), flush=True)
    ours = variants["ours"]
    print(describe_hardware(ours.settings, ours.fabric.device))


def processes(arguments: argparse.Namespace, crops: Path) -> None:
    """One process and several, one thread each, in turns."""
    rates: dict[int, list[float]] = {1: [], arguments.processes: []}
    for _ in range(arguments.rounds):
        for number, found in rates.items():
            command = [sys.executable, __file__, "--worker", str(number), "--crops", str(crops)]
            command += ["--size", str(arguments.size), "--batch", str(arguments.batch)]
            command += ["--steps", str(arguments.steps), "--detectors", arguments.detectors[0]]
            alone = {**os.environ, "OMP_NUM_THREADS": "1"}
            done = subprocess.run(command, env=alone, capture_output=True, text=True, check=True)
            found.append(float(done.stdout.split("rate")[1].split()[0]))
    one, many = (statistics.median(found) for found in rates.values())
    for number, found in rates.items():
        print(
            f"{arguments.detectors[0]}, {number} process(es) of one thread: "
            f"{statistics.median(found):.1f} images/s ({min(found):.1f} to {max(found):.1f})"
        )
    print(f"gain {many / one:.2f}")


def worker(arguments: argparse.Namespace) -> None:
    """One of the processes that are compared; the first prints its speed."""
    crops = check_manifest(pd.read_csv(arguments.crops))
    hardware = HardwareConfig(devices=arguments.worker)
    variant = Variant(arguments.detectors[0], "auto", hardware, crops, arguments)
    variant.train(3, counted=False)
    variant.train(arguments.steps)
    if variant.fabric.is_global_zero:
        print("rate", arguments.batch / statistics.median(variant.wall), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--detectors", nargs="+", default=list(DETECTORS), choices=DETECTORS)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=2, help="Steps in a row.")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--warm", type=int, default=1, help="Steps that are not counted.")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--crops", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments)
        return
    with tempfile.TemporaryDirectory() as name:
        table = write_crops(Path(name), arguments.size, 4 * arguments.batch)
        table.to_csv(Path(name) / "crops.csv", index=False)
        if arguments.processes > 1:
            processes(arguments, Path(name) / "crops.csv")
        else:
            compare(arguments, table)
    print(
        f"python {platform.python_version()}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, {arguments.size}x{arguments.size}, "
        f"batches of {arguments.batch}"
    )


if __name__ == "__main__":
    main()
