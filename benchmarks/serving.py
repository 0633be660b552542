"""Does the service keep up with `telltrace scan --out`, keep its memory, and survive a kill?

Draws pictures of a face, one in ten of them damaged, and sends them to a service of its own:

  speed  1,000 uploads, 16 at a time: times to an answer, pictures a second beside `scan --out` on
         the same files, and memory of all processes after 100 and at the end
  kill   20 jobs, of which the service has begun some when it is killed with SIGKILL; started again

In both the verdicts must be those of the scan, byte for byte, and each file must have one.

    python benchmarks/serving.py speed kill --workers 2
"""

import argparse
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from results import write
from scan_material import family, held_by, load, pictures, watch

from telltrace.client import Client, ServiceError

TELLTRACE = [sys.executable, "-m", "telltrace"]
SIZE = (360, 480)


def main() -> int:
    """Run what is asked for; 1 if an answer is lost or another than the scan's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["speed", "kill"])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--at-a-time", type=int, default=16)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    args = parser.parse_args()
    tables, sound, busy = {}, True, load()
    with tempfile.TemporaryDirectory() as name:
        for what in args.what:
            folder = Path(name) / what
            rows, same = (speed if what == "speed" else kill)(folder, args)
            tables[what], sound = rows, sound and same
    settings = {"files": args.files, "at a time": args.at_a_time, "workers": args.workers}
    write("serving", tables, **settings, before=busy, after=load())
    return int(not sound)


def speed(folder: Path, args: argparse.Namespace) -> tuple[list[dict[str, Any]], bool]:
    """Uploads of many clients at a time, beside a scan of the same files."""
    files = make_pictures(folder / "in", args.files)
    with service(folder, args.workers) as (client, process, _):
        warm(client, files)
        memory, times, verdicts = dict[int, float](), [], {}
        start, own = time.perf_counter(), time.process_time()
        with watch() as use, ThreadPoolExecutor(args.at_a_time) as many:
            for seconds, path, verdict in many.map(lambda path: timed(client, path), files):
                times.append(seconds)
                verdicts[path.name] = verdict
                if len(times) == 100:
                    memory[100] = megabytes(process.pid)
        spent = time.perf_counter() - start
        own = time.process_time() - own
        memory[len(files)] = megabytes(process.pid)
    with watch() as theirs:
        lines, scanned = scan(folder, files, args.workers)
    lost = sum(verdict is None for verdict in verdicts.values())
    other = sum(json.dumps(verdicts[name]) != line for name, line in lines.items())
    p50, p99 = np.percentile(times, [50, 99])
    rate, usual = len(files) / spent, len(files) / scanned
    row = {
        "pictures": len(files),
        "no answer": lost,
        "other verdicts": other,
        "p50 s": float(p50),
        "p99 s": float(p99),
        "pictures/s": rate,
        "scan --out pictures/s": usual,
        "share": rate / usual,
        "processor ms each": 1000 * (use.processor - own) / len(files),
        "scan --out processor ms each": 1000 * theirs.processor / len(files),
        "MiB after 100": memory.get(100),
        "MiB at the end": memory[len(files)],
    }
    return [row], not lost and not other


def kill(folder: Path, args: argparse.Namespace) -> tuple[list[dict[str, Any]], bool]:
    """Jobs that wait when their service is killed."""
    files = make_pictures(folder / "in", 20)
    with service(folder, args.workers) as (client, process, _):
        warm(client, files)
        jobs = {path.name: client.submit(path)["id"] for path in files}
        states = [client.job(job)["state"] for job in jobs.values()]
        process.send_signal(signal.SIGKILL)
        process.wait()
    start = time.perf_counter()
    with service(folder, args.workers) as (client, _, log):
        done = {name: client.wait(job, seconds=200) for name, job in jobs.items()}
        spent = time.perf_counter() - start
    lines, _ = scan(folder, files, args.workers)
    other = sum(json.dumps(done[name]["verdict"]) != line for name, line in lines.items())
    told = re.findall(r'"event": "judged", "job": "(\w+)"', log.read_text())
    waiting = states.count("queued") + states.count("running")
    row = {
        "jobs": len(jobs),
        "not over at the kill": waiting,
        "ended": sum(job["state"] == "done" for job in done.values()),
        "ended more than once": len(told) - len(set(told)),
        "other verdicts": other,
        "seconds from start to last": spent,
    }
    return [row], not other and len(told) == len(set(told))


@contextmanager
def service(folder: Path, workers: int) -> Iterator[tuple[Client, subprocess.Popen[bytes], Path]]:
    """A service, a client of it, its process and its log; it ends with the block."""
    log = folder / "log.jsonl"
    options = ["--port", "0", "--data", folder / "data", "--workers", workers, "--max-uploads", 64]
    options += ["--uploads-per-minute", 10**6, "--device", "cpu"]
    command = [*TELLTRACE, "serve", *map(str, options)]
    with log.open("ab") as out:
        start = out.tell()
        process = subprocess.Popen(command, stderr=out, stdout=subprocess.DEVNULL)
        try:
            while not (found := re.search(r'"url": "([^"]+)"', log.read_text()[start:])):
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
            client = Client(found[1], retries=9)
            client._get("/readyz")
            yield client, process, log
        finally:
            process.terminate()
            process.wait(20)


def warm(client: Client, files: list[Path]) -> None:
    """Every process has judged something."""
    with ThreadPoolExecutor(8) as many:
        list(many.map(lambda path: timed(client, path), files[:8]))


def timed(client: Client, path: Path) -> tuple[float, Path, dict[str, Any] | None]:
    """Seconds to a verdict, and the verdict; None if there was none."""
    start = time.perf_counter()
    try:
        verdict = client.scan(path)
    except ServiceError as error:
        print(path.name, error, file=sys.stderr)
        verdict = None
    return time.perf_counter() - start, path, verdict


def scan(folder: Path, files: list[Path], workers: int) -> tuple[dict[str, str], float]:
    """The verdicts of a scan by the names of the files, and the seconds that it says it took."""
    (folder / "all.txt").write_text("".join(f"{path.name}\n" for path in files))
    options = ["--out", str(folder / "out"), "--workers", str(workers), "--device", "cpu"]
    command = [*TELLTRACE, "scan", str(folder / "all.txt"), *options]
    done = subprocess.run(command, cwd=folder / "in", capture_output=True, text=True, check=True)
    print(done.stdout.strip())
    lines = (folder / "out" / "verdicts.jsonl").read_text().splitlines()
    return {json.loads(line)["path"]: line for line in lines}, float(
        re.search(r"([\d.]+) s,", done.stdout)[1]
    )


def make_pictures(folder: Path, number: int) -> list[Path]:
    """JPEGs of a face, each of its own colours and cut; every tenth breaks off or is none."""
    folder.mkdir(parents=True)
    files = []
    for index in range(number):
        content = io.BytesIO()
        Image.fromarray(pictures(1, SIZE, seed=index)[0]).save(content, "JPEG", quality=90)
        data = content.getvalue()
        if index % 10 == 9:
            data = data[: len(data) // 3] if index % 20 == 9 else os.urandom(2000)
        files.append(folder / f"{index:04d}.jpg")
        files[-1].write_bytes(data)
    return files


def megabytes(root: int) -> float:
    """Memory of a process and all that it has started, in MiB."""
    return sum(held_by(process) for process in family(root))


if __name__ == "__main__":
    sys.exit(main())
