"""How long does evaluating ten million scores take, and how much memory?

    python benchmarks/evaluate.py --videos 100000 --frames 100 --format csv

Writes a scores table to disk, evaluates it with `telltrace evaluate` in a fresh process, and prints
its wall and processor seconds and its peak memory. The table has three datasets: in the first,
forgeries join two people each; in the second they join everybody; in the third actors have many
videos. Frames of a video are alike, one in a hundred has no score, and some videos have none.
"""

import argparse
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

Video = tuple[str, int, str, str, str]
"""Dataset, label, method, name and people."""

_HEAD = "path,dataset,label,method,compression,video,identity,split,frame,time,score,status"


def videos(count: int) -> Iterator[Video]:
    """The videos of the table, about as many as asked."""
    ring = count // 10  # people in pairs, each with one real video and four forgeries
    for person in range(ring):
        yield "pairs", 0, "real", f"{person:05d}", f"{person:05d}"
    for method in ("deepfakes", "face2face", "faceswap", "neuraltextures"):
        for person in range(ring):
            name = f"{person:05d}_{person ^ 1:05d}"
            yield "pairs", 1, method, name, name.replace("_", "+")
    known = max(2, count // 500)  # people who are all swapped with all
    for number in range(count // 5):
        first, second = number % known, (number * 7 + 1) % known
        if number % 10 == 0:
            yield "celebrities", 0, "real", f"id{first}_{number:06d}", f"id{first}"
        else:
            name = f"id{first}_id{second}_{number:06d}"
            yield "celebrities", 1, "faceswap", name, f"id{first}+id{second}"
    for number in range(count - 5 * ring - count // 5):
        method = ("real", "faceswap", "reenactment")[number % 3]
        actor = f"actor{number // 24:05d}"
        yield "actors", int(method != "real"), method, f"{number:07d}", actor


def lines(video: Video, frames: int, rng: random.Random) -> Iterator[str]:
    """Rows of one video, as `telltrace predict` writes them."""
    dataset, label, method, name, people = video
    luck, none = rng.gauss(1.2 * label - 0.6, 0.9), rng.random() < 0.002
    before = f",{dataset},{label},{method},c23,{name},{people},test,"
    for frame in range(frames):
        place = f"crops/{dataset}/{method}/{name}/{frame:04d}.png{before}{8 * frame},{0.32 * frame}"
        if none or rng.random() < 0.01:
            yield f"{place},,NO_FACE\n"
        else:
            yield f"{place},{1 / (1 + math.exp(-luck - rng.gauss(0, 0.5)))!r},\n"


def write_csv(path: Path, count: int, frames: int) -> None:
    """Stream the table to disk; the same arguments give the same bytes."""
    rng = random.Random(0)
    with path.open("w") as file:
        file.write(_HEAD + "\n")
        for video in videos(count):
            file.writelines(lines(video, frames, rng))


def write_parquet(path: Path, count: int, frames: int) -> None:
    """The same table as parquet."""
    import pyarrow
    from pyarrow import csv, parquet

    whole = path.with_suffix(".csv")
    write_csv(whole, count, frames)
    texts = {name: pyarrow.string() for name in _HEAD.split(",")}
    kinds = texts | {"label": pyarrow.int64(), "frame": pyarrow.int64()}
    kinds |= {"time": pyarrow.float64(), "score": pyarrow.float64()}
    options = csv.ConvertOptions(column_types=kinds)
    blocks = csv.ReadOptions(block_size=2**24)
    with (
        csv.open_csv(whole, blocks, convert_options=options) as parts,
        parquet.ParquetWriter(path, parts.schema) as file,
    ):
        for part in parts:
            file.write_batch(part)
    whole.unlink()


WRITERS = {"csv": write_csv, "parquet": write_parquet}


def timed(path: Path) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak MB of `telltrace evaluate` in its own process."""
    command = [sys.executable, "-m", "telltrace", "evaluate", str(path), "--json"]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    wall = time.perf_counter() - start
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--format", choices=("csv", "parquet"), default="csv")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    settings = parser.parse_args()
    kind: str = settings.format
    path: Path = settings.folder / f"scores_{settings.videos}_{settings.frames}.{kind}"
    if not path.exists():  # written by another process: what this one holds the child inherits
        unfinished = path.with_name("unfinished_" + path.name)
        task = (unfinished, settings.videos, settings.frames)
        writer = get_context("spawn").Process(target=WRITERS[kind], args=task)
        writer.start()
        writer.join()
        unfinished.rename(path)
    size = path.stat().st_size / 1e6
    print(f"{path}: {settings.videos * settings.frames} scores, {size:.0f} MB")
    print(", ".join(f"{name} {version(name)}" for name in ("pandas", "numpy", "scipy")))
    found = [timed(path) for _ in range(settings.repeats)]
    columns = zip(*found, strict=True)
    for name, values in zip(("wall s", "processor s", "peak MB"), columns, strict=True):
        middle, spread = statistics.median(values), max(values) - min(values)
        print(f"{name:12} {middle:8.1f}  spread {spread:.1f}")


if __name__ == "__main__":
    main()
