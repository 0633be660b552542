"""Does a training that is killed 20 times end with the weights of one that never was?

Run: ``python benchmarks/training_killed.py``. A small run on noise is trained once in peace and
then, for 0, 1 and 2 loader workers, killed by SIGKILL at random moments, in its start, between
two steps or while it writes, and started again each time. The hash of all final tensors, with
the optimiser's, and metrics.csv must be those of the run in peace.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from telltrace.checkpoint import read_tensors
from telltrace.data.manifest import write_manifest
from telltrace.faces.align import FaceCrop

SIZE = 32


def write_crops(folder: Path) -> Path:
    """Noise that is brighter where it is fake: 96 crops to train on, 32 to validate on."""
    rng, rows = np.random.default_rng(0), []
    for i in range(128):
        path = str(folder / f"{i:03d}.png")
        pixels = rng.integers(0, 156, (SIZE, SIZE, 3)) + 100 * (i % 2)
        cv2.imwrite(path, pixels.astype(np.uint8))
        rows.append((path, i % 2, f"v{i}", "train" if i < 96 else "val"))
    table = pd.DataFrame(rows, columns=["path", "label", "video", "split"])
    write_manifest(table, folder / "manifest.csv")
    about = {"crop": FaceCrop(size=SIZE).to_dict()}
    (folder / "prepare.json").write_text(json.dumps(about))
    return folder / "manifest.csv"


def run(manifest: str, out: str, workers: int, epochs: int) -> None:
    """The training that is killed; it runs in a process of its own."""
    from telltrace.training import DataConfig, ObjectiveConfig, OptimConfig, train

    sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    train(
        manifest=[Path(manifest)],
        out=Path(out),
        detector="mobilenet",
        data=DataConfig(image_size=SIZE, batch_size=8, augmentation="strong", workers=workers),
        objective=ObjectiveConfig(mixup=0.2, cutmix=1.0, label_smoothing=0.1),
        optim=OptimConfig(epochs=epochs, lr=1e-3, schedule="cosine", ema=0.9, warmup_steps=5),
        device="cpu",
        save_every=3,
        keep=2,
    )


def fingerprint(out: Path) -> str:
    """SHA-256 of every tensor at the end, and of the table of epochs."""
    found = hashlib.sha256((out / "metrics.csv").read_bytes())
    tensors, _ = read_tensors(out / "last.safetensors")
    for name in sorted(tensors):
        found.update(name.encode() + tensors[name].numpy().tobytes())
    best, _ = read_tensors(out / "best.safetensors")
    for name in sorted(best):
        found.update(best[name].numpy().tobytes())
    return found.hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    context, rng = multiprocessing.get_context("forkserver"), random.Random(arguments.seed)
    context.set_forkserver_preload(["telltrace.training.trainer"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = write_crops(folder)

        def live(out: Path, workers: int, seconds: float | None) -> bool:
            """One life of the run; whether it came to its end."""
            job = (str(manifest), str(out), workers, arguments.epochs)
            process = context.Process(target=run, args=job)
            process.start()
            process.join(seconds)
            if process.is_alive():
                os.kill(process.pid or 0, signal.SIGKILL)
                process.join()
            return process.exitcode == 0

        started = time.perf_counter()
        assert live(folder / "peace", 0, None), "the run in peace failed"
        whole = time.perf_counter() - started
        expected, right = fingerprint(folder / "peace"), 0
        print(f"in peace: {whole:.1f} s, {expected[:16]}", flush=True)
        for workers in (0, 1, 2):
            kills, ends, patience = 0, [], 0.0
            while patience is not None:
                out = folder / f"killed{workers}-{len(ends)}"
                patience = rng.uniform(0, 0.5 * whole) if kills < arguments.kills else None
                if live(out, workers, patience):
                    ends.append(fingerprint(out) == expected)  # the next life begins another run
                else:
                    kills += 1
            right += all(ends)
            print(f"{workers} workers: {kills} kills, runs that ended equal: {ends}", flush=True)
    print("all equal" if right == 3 else "DIFFERENT")
    return 0 if right == 3 else 1


if __name__ == "__main__":
    sys.exit(main())
