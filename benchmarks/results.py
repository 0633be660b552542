"""What benchmarks share: taking turns, and a result as JSON and a table under ``results/``.

    from results import in_turns, spread, write

    write("frames", {"Reading 32 frames": [{"library": "decord", "seconds": 1.2}]}, threads=2)

prints the tables and writes ``results/frames.json`` and ``results/frames.md``, both with the
command, the machine, the versions and the date. ``python benchmarks/results.py`` is ``make bench``:
it runs every benchmark to its end, and fails if one of them does. A benchmark that wants data
which it was not given says so and ends without an error.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from operator import itemgetter
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from telltrace.backends import Runner, settle

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PACKAGES = (
    "telltrace", "torch", "torchvision", "timm", "numpy", "opencv-python-headless", "av",
    "onnxruntime", "openvino",
)  # fmt: skip
Rows = Sequence[Mapping[str, Any]]


def write(name: str, tables: Mapping[str, Rows], **settings: Any) -> None:
    """Print the tables, rows of figures by title, and write them as JSON and as Markdown."""
    about = {
        "command": command(), "date": datetime.now(UTC).date().isoformat(), "commit": commit(),
        "machine": machine(), "versions": versions(), "settings": settings,
    }  # fmt: skip
    flat = about["machine"] | about["versions"] | settings
    head = [f"`{about['command']}`, {about['date']}, commit {about['commit']}"]
    head.append(", ".join(f"{key} {value}" for key, value in flat.items()))
    body = [f"## {title}\n\n{markdown(rows)}" for title, rows in tables.items()]
    text = "\n\n".join([f"# {name}", *head, *body]) + "\n"
    print(text)
    RESULTS.mkdir(exist_ok=True)
    plain = {title: [dict(row) for row in rows] for title, rows in tables.items()}
    content = json.dumps({"name": name, **about, "tables": plain}, indent=1)
    (RESULTS / f"{name}.json").write_text(content + "\n", encoding="utf-8")
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")


def with_earlier(
    name: str, table: str, key: str, rows: Rows, measured: Collection[str]
) -> list[Mapping[str, Any]]:
    """Rows by ``key``, with those of the last result for what is not ``measured`` now."""
    path = RESULTS / f"{name}.json"
    last = json.loads(path.read_text())["tables"].get(table, []) if path.is_file() else []
    return sorted([*(row for row in last if row[key] not in measured), *rows], key=itemgetter(key))


def markdown(rows: Rows) -> str:
    """Rows as a table; a column that some rows lack is empty there."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns, ["---"] * len(columns)]
    cells += [[_cell(row.get(column)) for column in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return "" if value is None else str(value)


def command() -> str:
    """The command that runs, without the folders of this machine."""
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *words])


def commit() -> str:
    """The commit, marked if the checkout differs from it; results aside."""
    line = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(line, cwd=HERE, capture_output=True, text=True)
    return done.stdout.strip()


def machine() -> dict[str, Any]:
    """The processor, its cores and its instructions for networks; the GPU if torch sees one."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    fields = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    flags = fields.get("flags", "").split()
    known = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    found: dict[str, Any] = {
        "processor": fields.get("model name", platform.machine()),
        "cores": os.cpu_count(),
        "instructions": " ".join(flag for flag in known if flag in flags),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        found["threads"] = torch.get_num_threads()
        if torch.cuda.is_available():
            found["gpu"] = torch.cuda.get_device_name()
    return found


def versions() -> dict[str, str]:
    """Of Python and of the packages that compute, where they are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def in_turns(
    runs: Mapping[str, Callable[[], Any]],
    rounds: int,
    *,
    warm: int = 1,
    rest: float = 0.02,
    least: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each run in every round; a round runs each once, so a busy machine slows all.

    The first ``warm`` rounds are not counted, and every second round goes backwards. Before each
    run are ``rest`` seconds of sleep: threads of the one before it may still spin. A run is called
    again until ``least`` seconds are over, and the mean of its calls counts.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for i in range(warm + rounds):
        for name in runs if i % 2 else reversed(runs):
            time.sleep(rest)
            start, calls = clock(), 1
            runs[name]()
            while least and clock() - start < least:
                runs[name]()
                calls += 1
            if i >= warm:
                times[name].append((clock() - start) / calls)
    return times


def steady(run: Runner, images: NDArray[Any]) -> Callable[[], Any]:
    """Computes a batch of images with a backend at its fastest."""
    settle(run, images)
    return partial(run, images)


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Median and interquartile range."""
    if len(values) < 2:
        return values[0], 0.0
    low, middle, high = statistics.quantiles(values, n=4)
    return middle, high - low


def main() -> None:
    parser = argparse.ArgumentParser(description="Run every benchmark, or those named, in turn.")
    parser.add_argument("names", nargs="*", help="such as networks; by default all")
    names = parser.parse_args().names or sorted(path.stem for path in HERE.glob("*.py"))
    rows = []
    for name in names:
        if name == Path(__file__).stem:
            continue
        print(f"== {name}", flush=True)
        start = time.perf_counter()
        done = subprocess.run([sys.executable, str(HERE / f"{name}.py")])
        seconds = time.perf_counter() - start
        rows.append({"benchmark": name, "seconds": seconds, "exit code": done.returncode})
    print(markdown(rows))
    raise SystemExit(max((abs(row["exit code"]) for row in rows), default=0))


if __name__ == "__main__":
    main()
