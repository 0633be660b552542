"""What does an audit cost, file by file and for many people?

Run: ``python benchmarks/audit.py``. Pictures are smooth random colours with grain. Time is the
processor's, on one thread, so that other work on the machine does not count as ours.
"""

import platform
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import sklearn
from PIL import Image

from telltrace.auditing.leaks import find_leaks
from telltrace.auditing.media import THUMB, Look, Medium, look_at
from telltrace.auditing.shortcuts import find_shortcuts
from telltrace.data.manifest import check_manifest

ROUNDS = 5
MANY = 20_000


def seconds(work: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Median, least and most processor time of the rounds."""
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return statistics.median(spent), min(spent), max(spent)


def reading(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for name, side, options in (
        ("256x256 PNG crop", 256, {"format": "PNG"}),
        ("1920x1920 JPEG", 1920, {"format": "JPEG", "quality": 90}),
    ):
        coarse = rng.uniform(30, 220, (12, 12, 3)).astype(np.float32)
        smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
        picture = np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
        path = folder / str(side)
        Image.fromarray(picture).save(path, **options)
        count = 50 if side == 256 else 5
        took = seconds(lambda path=path, count=count: [look_at(str(path), 4) for _ in range(count)])
        middle, low, high = (1000 * t / count for t in took)
        print(f"look_at, {name}: {middle:.1f} ms ({low:.1f} to {high:.1f})")


def many_media() -> tuple[pd.DataFrame, dict[str, Medium]]:
    """People of four crops each, half of them fake, as if all had been looked at."""
    rng = np.random.default_rng(0)
    person = np.arange(MANY) // 4
    labels = np.arange(MANY) % 2
    paths = [f"/nowhere/{i}.png" for i in range(MANY)]
    names = [f"p{p}" for p in person]
    sides = np.where(person % 5 == 0, "test", "train")
    columns = {"path": paths, "label": labels, "identity": names, "video": names, "split": sides}
    table = check_manifest(pd.DataFrame(columns))
    media = {}
    for path in paths:
        thumb = rng.integers(0, 256, THUMB**2, dtype=np.uint8).tobytes()
        look = Look(0, rng.bytes(16), int(rng.integers(2**63)), thumb, 100.0, 100.0)
        traits = {"width": float(rng.integers(100, 200)), "bits_per_pixel": float(rng.random())}
        spectrum = rng.normal(size=128).astype(np.float32)
        media[path] = Medium(path, "image", traits=traits, looks=(look,), spectrum=spectrum)
    return table.assign(side=table.split, manifest="m.csv"), media


def main() -> None:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        reading(Path(folder))
    tracemalloc.start()
    rows, media = many_media()
    print(f"memory: {tracemalloc.get_traced_memory()[0] / MANY / 1000:.1f} kB a file looked at")
    tracemalloc.stop()
    for name, work in (("find_leaks", find_leaks), ("find_shortcuts", find_shortcuts)):
        middle, low, high = seconds(lambda work=work: work(rows, media), rounds=3)
        print(f"{name}, {MANY} files, {MANY // 4} people: {middle:.1f} s ({low:.1f} to {high:.1f})")
    versions = f"numpy {np.__version__}, scikit-learn {sklearn.__version__}"
    print(f"python {platform.python_version()}, {versions}, opencv {cv2.__version__}")


if __name__ == "__main__":
    main()
