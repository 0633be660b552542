"""How fast does training go, as torch computes it by itself and with our defaults, and where to?

Detectors train on noise crops from memory through the whole loop. "eager" is float32 with channels
first and a plain optimiser; "ours" is what ``auto`` chooses; "compiled" adds torch.compile. The
variants of a group take turns; the first steps, many times slower, are not counted. On a GPU, also
the share of time in which it waited for data. ``--processes 2`` compares one and two processes."""

import argparse
import ctypes
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from results import spread, write

from telltrace.data.manifest import check_manifest
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.training.config import DataConfig, HardwareConfig, OptimConfig, Settings
from telltrace.training.feed import Feed
from telltrace.training.hardware import keep_freed_memory, resolve_hardware, resolve_precision
from telltrace.training.initialize import initialize
from telltrace.training.loop import State, fit
from telltrace.training.processes import create_fabric

DETECTORS: dict[str, dict[str, Any]] = {
    "sfi_resnet26": {},
    "resnet26": {},
    "sfi_mobilenet": {},
    "two_stream_xception": {"image_size": 256},
    "ib_resnet34": {"num_blocks": 4},
}
GROUPS = (("sfi_resnet26", "resnet26"),)
"""Detectors that are compared with each other; all others are by themselves."""
EAGER = ("32-true", HardwareConfig(layout="contiguous"))
PARTS = ("data", "forward", "loss", "backward", "optimiser", "other")
BARS = [
    ("sfi_resnet26 ours", "resnet26 ours", "at most", 1.02),
    ("resnet26 eager", "resnet26 ours", "at least", 1.3),
]
"""Whose time, over whose, and the bar for the ratio."""


class EnoughError(Exception):
    """The steps that were asked for are done."""


def write_crops(folder: Path, size: int, number: int) -> pd.DataFrame:
    """Noise crops as PNG, half of them fake."""
    import cv2

    rng, rows = np.random.default_rng(0), []
    for i in range(number):
        rows.append((str(folder / f"{i:05d}.png"), i % 2, f"v{i}"))
        cv2.imwrite(rows[-1][0], rng.integers(0, 256, (size, size, 3), dtype=np.uint8))
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
        name: str = "ours",
    ) -> None:
        self.name = f"{detector} {name}"
        size, batch = arguments.size, arguments.batch
        data = DataConfig(image_size=size, batch_size=batch, workers=arguments.workers)
        own = DETECTORS[detector]
        self.hardware = resolve_hardware(hardware)
        self.settings = Settings(
            detector=detector,
            options=own | ({"image_size": size} if "image_size" in own else {}),
            data=data,
            optim=OptimConfig(epochs=10**6),
            hardware=self.hardware,
            seed=7,
            precision=resolve_precision(precision, arguments.device),
        )
        self.fabric = create_fabric(self.hardware, arguments.device, self.settings.precision)
        self.state = initialize(self.settings, self.fabric)
        self.size = Preprocessing(FaceCrop(size=size), size)
        shard = (self.fabric.global_rank, self.fabric.world_size)
        pin = self.fabric.device.type == "cuda"
        both = pd.concat([crops.assign(split=split) for split in ("train", "val")])
        cuts = [self.size.crop] * len(both)
        self.feed = Feed(both, cuts, self.size, data, 7, shard=shard, pin=pin)
        self.wall: list[float] = []
        self.waiting: list[float] = []
        self.parts: Counter[str] = Counter()
        self.is_eager = name == "eager"
        if name == "ours":
            self._time_parts()

    def _time_parts(self) -> None:
        """Count the seconds of each part of a step; the network's are within the objective's."""
        network, objective = self.state.plain, self.state.objective
        method = str(getattr(objective, "method", "forward"))
        places = {"forward": (network, method), "loss": (objective, "forward")}
        places |= {"backward": (self.fabric, "backward")}
        places |= {"optimiser": (self.state.optimizer, "step")}
        for part, (owner, name) in places.items():
            setattr(owner, name, self._timed(part, getattr(owner, name)))

    def _timed(self, part: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            answer = act(*args, **kwargs)
            self.parts[part] += time.perf_counter() - start
            return answer

        return run

    def train(self, steps: int, *, counted: bool = True) -> None:
        """Some steps in a row."""
        (return_freed_memory if self.is_eager else keep_freed_memory)()
        done, waited = count(1), [0.0]
        channels_last = self.hardware.layout == "channels_last"
        order = torch.channels_last if channels_last else torch.contiguous_format
        self.parts.clear() if not self.wall else None
        last = [time.perf_counter()]

        def watch(epoch: int, step: int) -> Iterator[Any]:
            source = iter(self.feed.batches(epoch, step))
            while True:
                asked = time.perf_counter()
                batch = next(source, None)
                waited[0] = time.perf_counter() - asked
                self.parts["data"] += waited[0]
                if batch is None:
                    return
                yield batch

        def after(state: State, loss: float) -> None:
            now = time.perf_counter()
            if counted:
                self.wall.append(now - last[0])
                self.waiting.append(waited[0] / (now - last[0]))
            last[0] = now
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

    def row(self) -> dict[str, Any]:
        """Speed, and on a GPU how long it waited for data."""
        batch = self.settings.data.batch_size
        median, iqr = (value / batch for value in spread(self.wall))
        row = {"variant": self.name, "images/s": 1 / median}
        row |= {"ms an image": 1e3 * median, "iqr ms": 1e3 * iqr}
        if self.fabric.device.type == "cuda":
            row["waiting"] = statistics.median(self.waiting)
            row["GiB at most"] = torch.cuda.max_memory_allocated() / 2**30
        return row

    def shares(self) -> dict[str, Any]:
        """The share of each part of a step."""
        whole, parts = sum(self.wall), dict(self.parts)
        parts["loss"] -= parts["forward"]
        parts["other"] = whole - sum(parts.values())
        return {"variant": self.name} | {part: parts[part] / whole for part in PARTS}


def return_freed_memory() -> None:
    """What glibc does by itself, after :func:`keep_freed_memory`."""
    trim_threshold, top_pad, mmap_threshold, mmap_max = -1, -2, -3, -4
    settings = ((trim_threshold, 2**26), (top_pad, 2**17), (mmap_threshold, 2**25))
    for setting in (*settings, (mmap_max, 65536)):
        ctypes.CDLL(None).mallopt(*setting)


def compare(arguments: argparse.Namespace, crops: pd.DataFrame) -> None:
    """The variants of every detector, in turns."""
    gpu = arguments.device != "cpu" and torch.cuda.is_available()
    chosen = {"eager": EAGER, "ours": ("auto", HardwareConfig())}
    if gpu or arguments.compile:
        chosen["compiled"] = ("auto", HardwareConfig(compile=True))
    groups = [group for group in GROUPS if set(group) <= set(arguments.detectors)]
    paired = {name for group in groups for name in group}
    groups += [(name,) for name in arguments.detectors if name not in paired]
    variants: list[Variant] = []
    for group in groups:
        ways = [(name, way) for name in group for way in chosen]
        mine = [Variant(name, *chosen[way], crops, arguments, way) for name, way in ways]
        for variant in mine:
            variant.train(arguments.warm, counted=False)
        for turn in range(arguments.rounds):
            for variant in mine if turn % 2 else reversed(mine):
                variant.train(arguments.steps)
        for variant in mine:
            print(variant.row(), flush=True)
            del variant.state, variant.feed
        variants += mine
    tables = {"Bars": ratios(variants), "Training": [v.row() for v in variants]}
    tables["Parts of a step"] = [v.shares() for v in variants if v.name.endswith(" ours")]
    about = {"pixels": arguments.size, "batch": arguments.batch, "warm": arguments.warm}
    write("training", tables, **about, rounds=arguments.rounds, steps=arguments.steps)


def ratios(variants: list[Variant]) -> list[dict[str, Any]]:
    """Times over each other, round by round, where there is a bar for them."""
    times = {variant.name: variant.wall for variant in variants}
    found = []
    for above, below, how, bar in BARS:
        if above in times and below in times:
            both = zip(times[above], times[below], strict=True)
            median, iqr = spread([a / b for a, b in both])
            met = median <= bar if how == "at most" else median >= bar
            row = {"time of": above, "over": below, "ratio": median, "iqr": iqr}
            found.append(row | {"bar": f"{how} {bar}", "is": "met" if met else "missed"})
    return found


def processes(arguments: argparse.Namespace, crops: Path) -> None:
    """One process and several, one thread each, in turns."""
    rates: dict[int, list[float]] = {1: [], arguments.processes: []}
    for _ in range(arguments.rounds):
        for number, found in rates.items():
            command = [sys.executable, __file__, "--worker", str(number), "--crops", str(crops)]
            for name in ("size", "batch", "steps"):
                command += [f"--{name}", str(getattr(arguments, name))]
            command += ["--detectors", arguments.detectors[0]]
            alone = {**os.environ, "OMP_NUM_THREADS": "1"}
            done = subprocess.run(command, env=alone, capture_output=True, text=True, check=True)
            found.append(float(done.stdout.split("rate")[1].split()[0]))
    one, many = (statistics.median(found) for found in rates.values())
    for number, found in rates.items():
        speed = f"{statistics.median(found):.1f} images/s ({min(found):.1f} to {max(found):.1f})"
        print(f"{arguments.detectors[0]}, {number} process(es) of one thread: {speed}")
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
    parser.add_argument("--warm", type=int, default=4, help="Steps not counted.")
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


if __name__ == "__main__":
    main()
