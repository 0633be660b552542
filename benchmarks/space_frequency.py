"""What does space-frequency interaction cost beside an ordinary network and the paper's form?

Four ResNet26 on the same images: ours at alpha 0.5 and beta 1; its vanilla twin; the form that the
paper writes (four convolutions and two streams, as the tests' oracle has it) with our weights; and
that form in the memory layout of the released code, channels first. The others are channels last.
A round times each of them once in every mode, so that a busy neighbour slows all alike; a figure
is the median of the rounds with their interquartile range, a ratio the median of the rounds'
ratios. bfloat16 is autocast; a training step is forward, backward and Adam. On a shared machine
``--clock cpu`` counts processor time instead of the clock on the wall; use one thread then.

    python benchmarks/space_frequency.py --device cpu --threads 2 --json results.json
"""

import argparse
import copy
import importlib.util
import json
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.models import create_detector

ORACLE = Path(__file__).parents[1] / "tests" / "layers" / "four_convolutions.py"
BARS = [
    ("inference", ("float32", "ours"), ("float32", "vanilla"), 1.05),
    ("inference", ("bfloat16", "ours"), ("bfloat16", "vanilla"), 1.05),
    ("training", ("float32", "paper"), ("float32", "ours"), 2.0),
    ("training", ("float32", "released"), ("float32", "ours"), 2.0),
    ("training", ("float32", "paper"), ("bfloat16", "ours"), 3.5),
    ("training", ("float32", "released"), ("bfloat16", "ours"), 3.5),
]
"""Mode, numerator, denominator, bar for their ratio: at most in inference, else at least."""


def networks(device: torch.device) -> dict[str, nn.Module]:
    """The three networks; ours and the paper's form answer alike."""
    spec = importlib.util.spec_from_file_location("four_convolutions", ORACLE)
    assert spec is not None
    assert spec.loader is not None
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    torch.manual_seed(0)
    ours = create_detector("sfi_resnet26")
    paper = oracle.in_paper_form(copy.deepcopy(ours))
    image = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(paper.eval()(image), ours.eval()(image), rtol=1e-4, atol=1e-4)
    built = {"ours": ours, "vanilla": create_detector("resnet26"), "paper": paper}
    built = {k: net.to(device, memory_format=torch.channels_last) for k, net in built.items()}
    released = copy.deepcopy(paper).to(memory_format=torch.contiguous_format)
    return built | {"released": released}


def step(
    network: nn.Module, images: Tensor, labels: Tensor, low: bool, train: bool
) -> Callable[[], Any]:
    """One inference, or one training step, to be timed."""
    optimizer = torch.optim.Adam(network.parameters(), 1e-4) if train else None
    kind = images.device.type

    def infer() -> None:
        network.eval()
        with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=low):
            network(images)

    def learn() -> None:
        assert optimizer is not None
        network.train()
        optimizer.zero_grad()
        with torch.autocast(kind, torch.bfloat16, enabled=low):
            loss = F.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()

    return learn if train else infer


def timed(run: Callable[[], Any], device: torch.device, clock: Callable[[], float]) -> float:
    """Milliseconds of one call, the device waited for."""
    start = clock()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return 1e3 * (clock() - start)


def spread(values: list[float]) -> tuple[float, float]:
    """Median and interquartile range."""
    low, _, high = statistics.quantiles(values, n=4)
    return statistics.median(values), high - low


def environment(device: torch.device) -> dict[str, str]:
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True
    ).stdout.strip()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "commit": commit, "device": name, "threads": str(torch.get_num_threads()),
        "torch": torch.__version__, "python": platform.python_version(),
    }  # fmt: skip


def build_runs(args: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    """Everything to be timed, by mode, precision and network."""
    size = (args.batch_size, 3, args.image_size, args.image_size)
    images = torch.rand(size, device=args.device)
    last = images.contiguous(memory_format=torch.channels_last)
    labels = torch.arange(args.batch_size, device=args.device) % 2
    runs = {}
    for name, network in networks(args.device).items():
        given = images if name == "released" else last
        for dtype in ("float32", "bfloat16"):
            for mode in ("inference", "training"):
                run = step(network, given, labels, dtype == "bfloat16", mode == "training")
                runs[f"{mode} {dtype} {name}"] = run
    return dict(sorted(runs.items()))


def report(rounds: list[dict[str, float]]) -> dict[str, Any]:
    """Print and return the figures of all rounds."""
    results: dict[str, Any] = {"milliseconds": {}, "ratios": {}}
    for key in rounds[0]:
        median, iqr = spread([times[key] for times in rounds])
        results["milliseconds"][key] = {"median": median, "iqr": iqr}
        print(f"{key:28} {median:9.2f} ± {iqr:.2f} ms")
    for mode, above, below, bar in BARS:
        names = [f"{dtype} {name}" for dtype, name in (above, below)]
        ratios = [times[f"{mode} {names[0]}"] / times[f"{mode} {names[1]}"] for times in rounds]
        median, iqr = spread(ratios)
        met = median <= bar if mode == "inference" else median >= bar
        title = f"{mode}: {names[0]} / {names[1]}"
        results["ratios"][title] = {"median": median, "iqr": iqr, "bar": bar, "met": met}
        print(f"{title:48} {median:6.3f} ± {iqr:.3f}  bar {bar}: {'met' if met else 'missed'}")
    return results


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    clock = time.perf_counter if args.clock == "wall" else time.process_time
    runs = build_runs(args)
    for run in (*runs.values(), *runs.values()):
        timed(run, args.device, clock)
    rounds = [
        {key: timed(run, args.device, clock) for key, run in runs.items()}
        for _ in range(args.rounds)
    ]
    setting = f"batch {args.batch_size}, {args.image_size} pixels, {args.clock} clock"
    about = environment(args.device) | {"setting": f"{setting}, {args.rounds} rounds"}
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    results = {"environment": about} | report(rounds)
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
