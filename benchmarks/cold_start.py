"""How long is it from the shell to a verdict on one photograph, and how much memory does it take?

Each backend that is installed judges the astronaut of scikit-image in a process of its own, after
one process that prepares what is prepared once on a machine.

    python benchmarks/cold_start.py [--rounds 7] [--photograph FILE]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import results
from PIL import Image
from skimage.data import astronaut

from telltrace.backends import installed

CODE = """
import resource, sys
from telltrace.cli import main
code = main(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
torch = "torch" in sys.modules
print(peak, torch, file=sys.stderr)
sys.exit(code)
"""


def judge(photograph: Path, backend: str) -> dict[str, Any]:
    """Judge it in a fresh process: megabytes at the peak, and whether torch was imported."""
    call = ["scan", str(photograph), "--backend", backend]
    done = subprocess.run([sys.executable, "-c", CODE, *call], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    peak, torch = done.stderr.split()[-2:]
    return {"backend": backend, "MB": int(peak), "imports torch": torch == "True"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--photograph", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photograph = args.photograph or Path(folder) / "astronaut.png"
        if args.photograph is None:
            Image.fromarray(astronaut()).save(photograph)
        rows = {name: judge(photograph, name) for name in installed()}
        runs = {name: lambda name=name: judge(photograph, name) for name in rows}  # type: ignore[misc]
        times = results.in_turns(runs, args.rounds)
    for name, row in rows.items():
        row["seconds"], row["spread"] = results.spread(times[name])
    results.write("cold_start", {"From the shell to a verdict": [*rows.values()]})


if __name__ == "__main__":
    main()
