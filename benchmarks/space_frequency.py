"""What does space-frequency interaction cost beside an ordinary network and the paper's form?

Four ResNet26 on the same images: ours at alpha 0.5 and beta 1; its vanilla twin; the form that the
paper writes (four convolutions and two streams, as the tests' oracle has it) with our weights; and
that form in the memory layout of the released code, channels first. The others are channels last.
A round times each of them once in every mode, so that a busy neighbour slows all alike; a figure
is the median of the rounds with their interquartile range, a ratio the median of the rounds'
ratios. bfloat16 is autocast; a training step is forward, backward and Adam. On a shared machine
``--clock cpu`` counts processor time instead of the clock on the wall; use one thread then.
``networks.py`` has the inference form in every backend.

    python benchmarks/space_frequency.py --device cpu --threads 2
"""

import argparse
import copy
import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from results import in_turns, spread, write
from torch import Tensor, nn

from telltrace.models import create_detector

ORACLE = Path(__file__).parents[1] / "tests" / "layers" / "four_convolutions.py"
BARS = [
    (mode, (dtype, "ours"), (dtype, "vanilla"), bar)
    for mode, bar in (("inference", 1.05), ("training", 1.02))
    for dtype in ("float32", "bfloat16")
]
"""Mode, numerator, denominator, largest ratio of their times."""


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
    wait = torch.cuda.synchronize if kind == "cuda" else lambda: None

    def infer() -> None:
        network.eval()
        with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, enabled=low):
            network(images)
        wait()

    def learn() -> None:
        assert optimizer is not None
        network.train()
        optimizer.zero_grad()
        with torch.autocast(kind, torch.bfloat16, enabled=low):
            loss = F.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        wait()

    return learn if train else infer


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


def tables(times: dict[str, list[float]]) -> dict[str, Any]:
    """Milliseconds of every run, and the ratios that have a bar, round by round."""
    both = {key: spread([1e3 * value for value in values]) for key, values in times.items()}
    rows = [{"run": key, "ms": median, "iqr": iqr} for key, (median, iqr) in both.items()]
    ratios = []
    for mode, above, below, bar in BARS:
        names = [f"{mode} {' '.join(side)}" for side in (above, below)]
        pairs = zip(*(times[name] for name in names), strict=True)
        median, iqr = spread([a / b for a, b in pairs])
        met = "met" if median <= bar else "missed"
        ratios.append({"time of": names[0], "over": names[1], "ratio": median, "iqr": iqr})
        ratios[-1] |= {"bar": bar, "is": met}
    return {"Ratios": ratios, "Times": rows}


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
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    clock = time.perf_counter if args.clock == "wall" else time.process_time
    times = in_turns(build_runs(args), args.rounds, warm=3, clock=clock)
    settings = {name: getattr(args, name) for name in ("batch_size", "image_size", "clock")}
    write("space_frequency", tables(times), device=str(args.device), **settings)


if __name__ == "__main__":
    main()
