"""Does a preparation that is killed again and again end with the bytes of one that never was?

Prepares FaceForensics++ (c23 and c40, or what --compressions names) three times: twice without a
break, and once killed with SIGKILL and started again each time. A kill comes at a random moment
after the run has begun its first medium, so that it finds it at work. Compares the manifests, the
settings and every crop.

    python benchmarks/prepare_killed.py FaceForensics++ --frames 2 --kills 10
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> int:
    """Run the three preparations, print what was found; 1 if a byte differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", nargs="?", help="folder of FaceForensics++")
    parser.add_argument("--compressions", nargs="+", default=["c23", "c40"])
    parser.add_argument("--frames", type=int, default=2, help="frames of each video")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.root is None:
        print("This needs FaceForensics++: name its folder.")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        outs = [Path(folder) / name for name in ("first", "second", "killed")]
        seconds = [run_whole(args, out) for out in outs[:2]]
        print(f"uninterrupted: {seconds[0]:.1f} s and {seconds[1]:.1f} s", flush=True)
        run_killed(args, outs[2], seconds[0])
        found = [contents(out) for out in outs]
    crops = sum(name.endswith(".png") for name in found[0])
    print(f"{len(found[0])} files, {crops} of them crops")
    same = [other == found[0] for other in found[1:]]
    print(f"second run identical: {same[0]}; killed run identical: {same[1]}")
    for other in found[1:]:
        for name in sorted(found[0].keys() | other.keys()):
            if found[0].get(name) != other.get(name):
                print(f"  differs: {name}")
    return int(not all(same))


def start(args: argparse.Namespace, out: Path) -> "subprocess.Popen[bytes]":
    """One preparation, as the command line does it, in a process group of its own."""
    call = [sys.executable, "-m", "telltrace", "prepare", args.root, "--layout", "ffpp"]
    call += ["--compressions", *args.compressions, "--frames", str(args.frames)]
    call += ["--workers", str(args.workers), "--protocol", "ffpp-pairs", "--out", str(out)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(call, stdout=quiet, stderr=quiet, start_new_session=True)


def run_whole(args: argparse.Namespace, out: Path) -> float:
    """Seconds of a preparation that is left alone."""
    started = time.perf_counter()
    process = start(args, out)
    if process.wait() != 0:
        raise SystemExit(f"prepare failed with exit code {process.returncode}")
    return time.perf_counter() - started


def run_killed(args: argparse.Namespace, out: Path, seconds: float) -> None:
    """Kill again and again, each time at a random moment of its work, then let it end."""
    chance, killed = random.Random(args.seed), 0
    for _ in range(args.kills):
        process = start(args, out)
        at_work(process, out)
        moment = chance.uniform(0, 1.5 * seconds / args.kills)
        try:
            process.wait(timeout=moment)
            told = "ended before its moment"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
            told = f"killed after {moment:.1f} s of work"
        begun = len(list(out.glob(".unfinished/*")))
        print(f"{told}: {done(out)} media done, {begun} begun", flush=True)
    print(f"{killed} kills; then left alone for {run_whole(args, out):.1f} s", flush=True)


def at_work(process: "subprocess.Popen[bytes]", out: Path) -> None:
    """Wait until a run that goes on has begun a medium."""
    before = {p.name for p in out.glob(".unfinished/*")}
    while process.poll() is None and {p.name for p in out.glob(".unfinished/*")} <= before:
        time.sleep(0.005)


def done(out: Path) -> int:
    """Media whose crops are all there."""
    return sum(".unfinished" not in mark.parts for mark in out.rglob("faces.json"))


def contents(out: Path) -> dict[str, str]:
    """The hash of every file, by its path; the marks' time stamps are of the media, not ours."""
    files = (path for path in out.rglob("*") if path.is_file())
    return {
        p.relative_to(out).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }


if __name__ == "__main__":
    sys.exit(main())
