"""What does sharing work save in a training step of the two-stream detector?

The rival is a straightforward reading of the released structure: comparisons of all positions
are formed and then passed through the layer over positions, keys and channel attention run once
per input, and a second classifier rides along unused. Both compute the same numbers, which is
checked first. A step is forward, loss and backward. The rounds of both alternate in one run; on
a CPU the time is that of the process, so that other programs on the machine do not count. A lead
smaller than the spread is printed as a tie.

    python benchmarks/two_stream.py --json results.json
"""

import argparse
import copy
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.layers.attention import ChannelAttention, DualCrossAttention
from telltrace.models.two_stream import TwoStreamXception


class PlainCross(DualCrossAttention):
    """Dual cross-modality attention in the order in which it is usually written down."""

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        of_x = self.shared_key(self.key1(x)).flatten(2)
        of_y = self.shared_key(self.key2(y)).flatten(2)
        energy = torch.bmm(of_x.mT, of_y)
        first = self.places1(energy).softmax(-1)
        second = self.places2(energy.mT).softmax(-1)
        to_x = torch.bmm(self.value2(y).flatten(2), first.mT).view_as(x)
        to_y = torch.bmm(self.value1(x).flatten(2), second.mT).view_as(y)
        return self.gate1 * to_x + x, self.gate2 * to_y + y


class PlainChannel(ChannelAttention):
    """Channel attention whose two summaries pass the shared layers one after the other."""

    def forward(self, x: Tensor) -> Tensor:
        mean = self.excite(self.squeeze(F.adaptive_avg_pool2d(x, 1)).relu())
        most = self.excite(self.squeeze(F.adaptive_max_pool2d(x, 1)).relu())
        return (mean + most).sigmoid()


def plain(module: nn.Module) -> nn.Module:
    """A copy that computes the same in the straightforward way."""
    twin = copy.deepcopy(module)
    for part in twin.modules():
        if type(part) is DualCrossAttention:
            part.__class__ = PlainCross
        elif type(part) is ChannelAttention:
            part.__class__ = PlainChannel
    if isinstance(twin, TwoStreamXception):
        twin.unused = nn.Linear(2048, 2)
    return twin


def stepper(module: nn.Module, inputs: tuple[Tensor, ...]) -> Callable[[], None]:
    def step() -> None:
        module.zero_grad(set_to_none=True)
        out = module(*inputs)
        sum(part.square().mean() for part in (out if isinstance(out, tuple) else (out,))).backward()

    return step


def clock(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


def race(steps: dict[str, Callable[[], None]], rounds: int, device: torch.device) -> dict:
    """Milliseconds per step of each, in alternating rounds after one warm-up each."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for i in range(rounds + 1):
        for name in steps if i % 2 else reversed(steps):
            start = clock(device)
            steps[name]()
            if i:
                times[name].append(1e3 * (clock(device) - start))
    row = {}
    for name, spent in times.items():
        low, middle, high = statistics.quantiles(spent, n=4)
        row[name] = {"median_ms": middle, "iqr_ms": high - low}
    return row


def cases(batch: int, device: torch.device) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
    def maps(side: int) -> tuple[Tensor, Tensor]:
        shape = (batch, 728, side, side)
        return (
            torch.randn(shape, device=device, requires_grad=True),
            torch.randn(shape, device=device, requires_grad=True),
        )

    found: dict[str, tuple[nn.Module, tuple[Tensor, ...]]] = {
        f"cross attention, {16 * side} px": (DualCrossAttention(728, side * side), maps(side))
        for side in (16, 24, 32)
    }
    fused = torch.randn(batch, 2048, 8, 8, device=device, requires_grad=True)
    found["channel attention, 256 px"] = (ChannelAttention(2048), (fused,))
    image = torch.randn(batch, 3, 256, 256, device=device)
    found["whole detector, 256 px"] = (TwoStreamXception(drop_rate=0.0), (image,))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    results = {}
    print(f"torch {torch.__version__}, {args.device}, {args.threads} thread(s), batch {args.batch}")
    print(f"{'training step, ms':28} {'plain':>18} {'ours':>18}   verdict")
    for name, (module, inputs) in cases(args.batch, args.device).items():
        ours = module.to(args.device).train()
        theirs = plain(ours)
        with torch.no_grad():
            torch.testing.assert_close(
                ours.eval()(*inputs), theirs.eval()(*inputs), rtol=1e-3, atol=1e-4
            )
        steps = {"plain": stepper(theirs.train(), inputs), "ours": stepper(ours.train(), inputs)}
        row = race(steps, args.rounds, args.device)
        gap = row["ours"]["median_ms"] - row["plain"]["median_ms"]
        tie = abs(gap) < max(r["iqr_ms"] for r in row.values())
        ratio = row["plain"]["median_ms"] / row["ours"]["median_ms"]
        cells = " ".join(f"{r['median_ms']:10.1f} ±{r['iqr_ms']:6.1f}" for r in row.values())
        print(f"{name:28} {cells}   {'tie' if tie else f'{ratio:.2f} x'}", flush=True)
        results[name] = row
    if args.json:
        environment = {"torch": torch.__version__, "machine": platform.processor()}
        args.json.write_text(json.dumps({"environment": environment, "results": results}, indent=2))


if __name__ == "__main__":
    main()
