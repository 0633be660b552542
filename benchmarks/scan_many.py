"""Do two workers judge 1.7 times as fast as one, ten times the videos in ten times the time?

Makes clips of its own and judges them with the detector in the package, each worker on one thread:

  speed   40 clips with 1 and with 2 workers, in processes and on Ray, beside what two processes
          of nothing but arithmetic gain over one on this machine at this moment
  growth  40 and 400 clips: time, processor time and memory
  kill    a driver killed with SIGKILL half-way and called again, beside one that never was
  cost    what a video of --media costs: processor time, share of each stage, bytes of results
  driver  what an answer costs the driver, whoever found it: 5,000 and 50,000 of them
  photos  1,000 photographs of faces a second: those in --media, and 1200 x 900 JPEGs of them

    python benchmarks/scan_many.py speed growth kill driver
    python benchmarks/scan_many.py photos --media lfw_real
    python benchmarks/scan_many.py cost --media FaceForensics++
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch
from results import write
from scan_material import Instant, load, make_photos, pictures, watch, write_clip

from telltrace.batch import batch_scan, run_batch
from telltrace.batch.scan import JOURNAL, Engine
from telltrace.inference import find_paths

ARITHMETIC = """
import torch
torch.set_num_threads(1)
a = torch.rand(600, 600)
input()
for _ in range(int(input())):
    a = torch.tanh(a @ a)
"""


class Run(NamedTuple):
    """What a scan took."""

    seconds: float
    processor: float
    driver: float
    """MiB at most."""
    worker: float
    together: float


def main() -> int:
    """Run what is asked for; 1 if results differ or are lost, while a missed bar is printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["speed", "growth", "kill"])
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--engines", nargs="+", default=["process", "ray"])
    parser.add_argument("--media", type=Path, help="folder of videos for cost, of faces for photos")
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3, help="of each speed; the median counts")
    args = parser.parse_args()
    parts: dict[str, Callable[[Path, argparse.Namespace], bool]]
    parts = {"speed": speed, "growth": growth, "kill": kill, "cost": cost, "driver": driver}
    parts["photos"] = photos
    met = []
    with tempfile.TemporaryDirectory() as folder:
        for what in args.what:
            print(f"\n{what}: {load()}", flush=True)
            met.append(parts[what](Path(folder), args))
    return int(not all(met))


def make_clips(folder: Path, number: int) -> Path:
    """Clips of 3 seconds, 640 x 360, H.264; ten different ones, linked to under other names."""
    if not folder.exists():
        folder.mkdir()
        for seed in range(10):
            write_clip(folder / f".clip{seed}.mp4", pictures(75, (360, 640), seed))
        for i in range(number):
            (folder / f"{i:05d}.mp4").symlink_to(f".clip{i % 10}.mp4")
    return folder


def judge(source: Path, engine: Engine, workers: int, few: bool = False) -> Run:
    """One scan of a folder or file, by the default or with four frames each."""
    settings = {"sample": "spread", "frames": 4} if few else {}
    with tempfile.TemporaryDirectory() as out, watch() as use:
        started = time.perf_counter()
        batch_scan([str(source)], out, device="cpu", engine=engine, workers=workers, **settings)
        seconds = time.perf_counter() - started
    return Run(seconds, use.processor, use.driver, use.largest_worker, use.together)


def speed(folder: Path, args: argparse.Namespace) -> bool:
    """What a second worker gains, and what the machine lets it gain."""
    clips = make_clips(folder / "clips", args.files)
    (folder / "none").mkdir(exist_ok=True)
    for i in range(2):
        (folder / "none" / f"{i}.txt").write_text("no medium")
    for engine in args.engines:
        gains, whole, limits = [], [], []
        for _ in range(args.repeats):
            starts = [judge(folder / "none", engine, n).seconds for n in (1, 2)]
            one, two = (judge(clips, engine, n) for n in (1, 2))
            gains.append((one.seconds - starts[0]) / (two.seconds - starts[1]))
            whole.append(one.seconds / two.seconds)
            limits.append(arithmetic_gain())
            print(
                f"{engine:8} start-up {starts[0]:.1f} and {starts[1]:.1f} s; {args.files} clips: "
                f"1 worker {one.seconds:.1f} s ({one.processor:.1f} s of processors), 2 workers "
                f"{two.seconds:.1f} s ({two.processor:.1f}); gain {gains[-1]:.2f}, with start-up "
                f"{whole[-1]:.2f}; two processes of arithmetic: {limits[-1]:.2f}; {load()}",
                flush=True,
            )
        print(
            f"{engine:8} median gain {median(gains):.2f} ({min(gains):.2f} to {max(gains):.2f}), "
            f"with start-up {median(whole):.2f}, arithmetic {median(limits):.2f}; bar 1.7 "
            + said(median(gains) >= 1.7)
        )
    return True


def arithmetic_gain(rounds: int = 800) -> float:
    """Work a second of two processes that share nothing, over that of one."""
    return 2 * arithmetic(1, rounds) / arithmetic(2, rounds)


def arithmetic(processes: int, rounds: int) -> float:
    """Seconds in which so many processes do ``rounds`` each."""
    call = [sys.executable, "-c", ARITHMETIC]
    team = [subprocess.Popen(call, stdin=subprocess.PIPE, text=True) for _ in range(processes)]
    for member in team:
        assert member.stdin
        member.stdin.write("\n")
        member.stdin.flush()
    time.sleep(4)  # until all have imported
    started = time.perf_counter()
    for member in team:
        member.communicate(f"{rounds}\n")
    return time.perf_counter() - started


def growth(folder: Path, args: argparse.Namespace) -> bool:
    """Ten times the clips."""
    few = make_clips(folder / "few", args.files)
    many = make_clips(folder / "many", 10 * args.files)
    for engine in args.engines:
        small, large = (judge(source, engine, 2, few=True) for source in (few, many))
        for files, run in ((args.files, small), (10 * args.files, large)):
            print(
                f"{engine:8} {files:4} clips: {run.seconds:.1f} s, {run.processor:.1f} s of "
                f"processors; MiB at most: driver {run.driver:.0f}, a worker {run.worker:.0f}, "
                f"all {run.together:.0f}",
                flush=True,
            )
        ratio, memory = large.seconds / small.seconds, large.together / small.together
        print(
            f"{engine:8} time x {ratio:.2f} (bar 10.5), processors x "
            f"{large.processor / small.processor:.2f}, memory x {memory:.2f} (bar 1.1): "
            f"{said(ratio <= 10.5 and memory <= 1.1)}; {load()}",
            flush=True,
        )
    return True


def said(met: bool) -> str:
    """Whether a bar was met. A busy machine misses it too, which must not stop `make bench`."""
    return "met" if met else "MISSED"


def kill(folder: Path, args: argparse.Namespace) -> bool:
    """SIGKILL half-way, then the same call."""
    clips = make_clips(folder / "clips", args.files)
    met = True
    for engine in args.engines:
        outs = [folder / f"{engine}_whole", folder / f"{engine}_killed"]
        call(clips, outs[0], engine).wait()
        process = call(clips, outs[1], engine)
        while process.poll() is None and judged(outs[1]) < args.files // 2:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = judged(outs[1])
        call(clips, outs[1], engine).wait()
        same = all(
            (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()
            for name in ("verdicts.jsonl", "verdicts.csv")
        )
        print(f"{engine:8} killed after {before} of {args.files} files; same bytes: {same}")
        met &= same and before < args.files and process.returncode == -signal.SIGKILL
    return met


def cost(folder: Path, args: argparse.Namespace) -> bool:
    """What a real video costs, of the processors and of the disk."""
    (folder / "none").mkdir()
    (folder / "none" / "0.txt").write_text("no medium")
    start = judge(folder / "none", "process", 1)
    out = folder / "cost"
    with watch() as use:
        done = batch_scan([str(args.media)], out, device="cpu", workers=1)
    spent = (use.processor - start.processor) / done.files
    stages = done.summary["seconds"]
    shares = ", ".join(f"{name} {s / sum(stages.values()):.0%}" for name, s in stages.items())
    print(f"{done}; {done.summary['lost'] or 'nothing'} lost")
    print(f"start-up {start.processor:.1f} s of processors; then {spent:.2f} s a file: {shares}")
    verdicts = [json.loads(line) for line in (out / "verdicts.jsonl").open()]
    print(
        f"a file: {sum(v['duration'] for v in verdicts) / done.files:.1f} s of video, "
        f"{sum(Path(v['path']).stat().st_size for v in verdicts) / done.files / 1e6:.2f} MB, "
        f"{sum(v['frames'] for v in verdicts) / done.files:.1f} frames looked at, "
        f"{sum(len(t['faces']) for v in verdicts for t in v['tracks']) / done.files:.1f} faces"
    )
    for name in (JOURNAL, "verdicts.jsonl", "verdicts.csv", "paths.nul"):
        print(f"{name}: {(out / name).stat().st_size / done.files:.0f} bytes a file")
    print(f"MiB at most: driver {use.driver:.0f}, a worker {use.largest_worker:.0f}; {load()}")
    return not done.summary["lost"]


def driver(folder: Path, args: argparse.Namespace) -> bool:
    """Answers that cost no work, to see what one costs the driver."""
    for engine in args.engines:
        for number in (5_000, 50_000):
            source = folder / f"{number}.txt"
            source.write_text(
                "".join(f"/media/of/some/archive/{i:08d}.mp4\n" for i in range(number))
            )
            started, before = time.perf_counter(), time.process_time()
            with watch() as use:
                out = folder / f"{engine}{number}"
                run_batch([str(source)], out, Instant, {}, engine=engine, workers=2)
            own = time.process_time() - before
            print(
                f"{engine:8} {number} answers: {time.perf_counter() - started:.1f} s, of the "
                f"driver's processor {1000 * own / number:.2f} ms each; MiB at most: driver "
                f"{use.driver:.0f}, all {use.together:.0f}; {load()}",
                flush=True,
            )
    return True


def photos(folder: Path, args: argparse.Namespace) -> bool:
    """Photographs a second, in a worker for each processor, with and without the start-up."""
    sources = {"1200 x 900": make_photos(folder / "photos", args.media, args.photos)}
    if args.media:
        sources["as they are"] = folder / "few"
        sources["as they are"].mkdir()
        for path in [*find_paths([str(args.media)])][: args.photos]:
            (folder / "few" / Path(path).name).symlink_to(Path(path).resolve())
    (folder / "nothing").mkdir()
    (folder / "nothing" / "0.txt").write_text("no medium")
    rows = []
    for size, source in sources.items():
        started, stages, whole, number = [], {}, [], sum(1 for _ in source.iterdir())
        for turn in range(args.repeats):
            started.append(judge(folder / "nothing", "process", 2).seconds)
            with watch() as use:
                out = folder / f"{size}, {turn}"
                done = batch_scan([str(source)], out, device="cpu", workers=2)
            whole.append(done.seconds)
            stages = done.summary["seconds"]
            print(f"{done}; {use.processor / number:.3f} s of processors each")
        after = number / (median(whole) - median(started))
        row = {"photographs": number, "size": size, "seconds": median(whole)}
        row |= {"start-up": median(started), "a second": number / median(whole)}
        row |= {
            "a second after start-up": after,
            "bar": 40,
            "is": "met" if after >= 40 else "missed",
        }
        rows.append(row | {k: f"{s / sum(stages.values()):.0%}" for k, s in stages.items()})
    write("photos", {"Photographs of faces, two workers of one thread": rows})
    return True


def call(source: Path, out: Path, engine: Engine) -> "subprocess.Popen[bytes]":
    """The command line's scan."""
    words = ["scan", str(source), "--out", str(out), "--workers", "2", "--engine", engine]
    command = [sys.executable, "-m", "telltrace", *words, "--frames", "12", "--device", "cpu"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def judged(out: Path) -> int:
    """Lines in the journal."""
    file = out / JOURNAL
    return file.read_bytes().count(b"\n") if file.exists() else 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    raise SystemExit(main())
