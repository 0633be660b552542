"""Which architectures does the converter turn into space-frequency networks, and how exactly?

Every architecture of ``tests/golden/convert_architectures.txt`` is built untrained by timm, its
weights redrawn so that no branch is silent, and converted. Asked of each, at alpha = 0.5:

- forward and backward at beta = 1, in training mode: the vanilla shape, and a gradient wherever
  the vanilla network has one;
- the same at beta = 0.5, where the streams differ in size (a gradient below a millionth of the
  vanilla network's largest counts as none, such as that of an offset which a softmax cancels);
- the vanilla shape at another, odd image size as well, with both;
- torch.export, whose program must give the converted network's logits;
- in float64, strides kept and the constrained kernels made an identity: the vanilla logits.

    python benchmarks/convert.py --json results.json --write docs/convert.md
"""

import argparse
import json
import resource
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import timm
import torch
from torch import Tensor, nn

from telltrace.conversion.convert import convert
from telltrace.layers import ConstrainedConv2d, SFIConv2d

LIST = Path(__file__).parents[1] / "tests" / "golden" / "convert_architectures.txt"
ODD = (7, 32)
"""Pixels added to the side for the odd size: the first that the vanilla network accepts."""

ASKED = ("beta_one", "beta_half", "export", "export_half", "odd", "odd_half")
"""Questions that are answered with true or with an error."""


def architectures() -> list[tuple[str, str, int]]:
    """Family, name and image size of each."""
    lines = [line.split() for line in LIST.read_text().splitlines() if not line.startswith("#")]
    return [(family, name, int(side)) for family, name, side, *_ in lines]


@torch.no_grad()
def redraw(model: nn.Module) -> nn.Module:
    """Give every scale, offset and statistic a value that shows in the logits."""
    for parameter in model.parameters():
        if parameter.numel() <= max(parameter.shape, default=1) or not parameter.any():
            parameter.uniform_(0.5, 1.5)
    for name, buffer in model.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
        elif name.endswith("running_mean"):
            buffer.normal_(std=0.1)
    return model


@torch.no_grad()
def make_identity(model: nn.Module) -> nn.Module:
    """Let every constrained kernel pass its input unchanged."""
    for part in model.modules():
        if isinstance(part, ConstrainedConv2d):
            part.kind = "constant"
            part.weight.zero_()
            part.weight[..., part.kernel_size // 2, part.kernel_size // 2] = 1
    return model


def gradients(model: nn.Module, images: Tensor) -> tuple[torch.Size, dict[str, float]]:
    """Shape of the logits, and the largest entry of every parameter's gradient."""
    torch.manual_seed(0)
    model.train().zero_grad()
    logits = model(images)
    logits.square().sum().backward()
    if not logits.isfinite().all():
        raise ValueError("logits are not finite")
    reached = [(name, p.grad) for name, p in model.named_parameters() if p.grad is not None]
    sizes = {name: float(gradient.abs().max()) for name, gradient in reached}
    model.zero_grad()
    return logits.shape, sizes


def relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def survey(name: str, side: int) -> dict[str, object]:
    """Ask one architecture everything; a question that fails is answered with the error."""
    torch.manual_seed(0)
    vanilla = redraw(timm.create_model(name, pretrained=False, num_classes=2))
    images = torch.rand(4, 3, side, side)
    row: dict[str, object] = {"parameters": sum(p.numel() for p in vanilla.parameters())}
    shape, sizes = gradients(vanilla, images)
    noise = 1e-6 * max(sizes.values())
    moved = {n for n, size in sizes.items() if size > noise}
    made: dict[str, nn.Module] = {}

    def ask(question: str, answer: Callable[[], object]) -> None:
        start = time.perf_counter()
        try:
            row[question] = answer()
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            told = str(error).strip().split("\n")[0][:300]
            row[question] = f"{type(error).__name__}: {told} ({Path(where.filename).name})"
        row[f"{question}_s"] = round(time.perf_counter() - start, 1)

    def learn(beta: float) -> object:
        made["network"] = network = convert(vanilla, beta=beta, image_size=side)
        found, reached = gradients(network, images)
        kernels = {n for n, _ in network.named_parameters() if n.endswith("traces.weight")}
        idle = (moved | kernels) - {n for n, size in reached.items() if size > 0}
        return found == shape and (not idle or f"no gradient: {', '.join(sorted(idle)[:3])}")

    def odd() -> object:
        """Sums and concatenations of maps whose sides were odd agree in shape."""
        for more in ODD:
            image = torch.rand(1, 3, side + more, side + more)
            with torch.no_grad():
                try:
                    expected = vanilla.eval()(image).shape
                except RuntimeError:  # the vanilla network wants multiples of 32
                    continue
                return made["network"].eval()(image).shape == expected
        return "the vanilla network rejects every size tried"

    def export() -> object:
        network = made["network"].eval()
        program = torch.export.export(network, (images[:2],)).module()
        with torch.no_grad():
            return relative(program(images[:2]), network(images[:2])) < 1e-4

    def reproduce() -> object:
        twin = vanilla.double().eval()
        network = make_identity(convert(twin, downsample="stride", image_size=side))
        stages = [part.stage for part in network.modules() if isinstance(part, SFIConv2d)]
        row["stages"] = [stages.count(stage) for stage in (1, 2, 3)]
        with torch.no_grad():
            return relative(network(images.double()), twin(images.double()))

    ask("beta_half", lambda: learn(0.5))
    ask("export_half", export)
    ask("odd_half", odd)
    ask("beta_one", lambda: learn(1.0))
    ask("export", export)
    ask("odd", odd)
    made.clear()
    ask("error", reproduce)
    return row


def passed(row: dict[str, object]) -> bool:
    """Whether everything asked of an architecture holds."""
    error = row["error"]
    return all(row[q] is True for q in ASKED) and isinstance(error, float) and error < 1e-10


def table(rows: dict[str, dict[str, object]]) -> str:
    """The page that docs/convert.md shows."""
    head = ["| family | architecture | parameters (M) | stages 1, 2, 3 | beta 1 | beta 0.5 |"]
    head[0] += " export | odd size | error |"
    head.append("|---|---|---|---|---|---|---|---|---|")
    body, failures = [], []
    for family, name, _ in architectures():
        row = rows.get(name)
        if row is None:
            continue
        stages = ", ".join(map(str, row.get("stages", ["-"])))  # type: ignore[call-overload]
        exports = row["export"] is True and row["export_half"] is True
        odd = row["odd"] is True and row["odd_half"] is True
        answers = [row["beta_one"] is True, row["beta_half"] is True, exports, odd]
        marks = " | ".join("yes" if answer else "no" for answer in answers)
        error = f"{row['error']:.0e}" if isinstance(row["error"], float) else "no"
        count = float(row["parameters"]) / 1e6  # type: ignore[arg-type]
        body.append(f"| {family} | {name} | {count:.1f} | {stages} | {marks} | {error} |")
        for question in (*ASKED, "error"):
            if row[question] is not True and not isinstance(row[question], float):
                failures.append(f"- `{name}`, {question}: {row[question]}")
    good = sum(passed(row) for row in rows.values())
    families = {family for family, name, _ in architectures() if name in rows}
    errors = [row["error"] for row in rows.values() if isinstance(row["error"], float)]
    lines = [
        f"{good} of {len(rows)} architectures from {len(families)} families pass everything; the "
        f"largest relative error of the reproduced logits is {max(errors):.1e}.",
        "", *head, *body, "", "## What fails", "", *(failures or ["Nothing."]),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="by default every architecture of the list")
    parser.add_argument("--json", type=Path, help="answers so far; those in it are not asked again")
    parser.add_argument("--write", type=Path, help="page whose table is to be replaced")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    rows: dict[str, dict[str, object]] = {}
    if args.json and args.json.exists():
        rows = json.loads(args.json.read_text())
    for _, name, side in architectures():
        if name in rows or (args.names and name not in args.names):
            continue
        start = time.perf_counter()
        rows[name] = survey(name, side)
        spent, peak = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
        verdict = "pass" if passed(rows[name]) else f"FAIL {rows[name]}"
        print(f"{name:30} {spent:6.1f} s {peak.ru_maxrss / 2**20:5.1f} GB {verdict}", flush=True)
        if args.json:
            args.json.write_text(json.dumps(rows, indent=1))
    page = f"torch {torch.__version__}, timm {timm.__version__}: " + table(rows)
    print(page)
    if args.write:
        before = args.write.read_text().split("## Survey\n")[0]
        args.write.write_text(f"{before}## Survey\n\n{page}")


if __name__ == "__main__":
    main()
