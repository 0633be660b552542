"""How fast does each family of detectors judge images in every backend, beside the machine's peak?

"eager" is the network as PyTorch computes it by itself, channels first; "channels last" the same
with its weights and images so; "form" the inference form (docs/performance.md). ONNX Runtime and
OpenVINO compute the form's graph, in float32 and, quantised on noise for speed alone, in int8;
OpenVINO and PyTorch also in bfloat16 where the processor has instructions for it.
The runs of a network, and of a space-frequency one and its vanilla twin, take turns. The peak is
the best turn of float32 matrix products (1,024 x 1,024), FLOPs are twice the multiply-accumulates
of convolutions and products, bytes are what each step of the form reads and writes, once each.

    python benchmarks/networks.py default sfi_resnet26 resnet26

measures those named, or one detector of each family; rows of others stay in results/networks.json.
"""

import argparse
import copy
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from results import in_turns, machine, spread, steady, with_earlier, write
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from telltrace.backends import installed, onnx_runner, openvino_runner, to_onnx, torch_runner
from telltrace.checkpoint import load_detector
from telltrace.exporting.graphs import quantised
from telltrace.models import create_detector
from telltrace.models.complexity import complexity
from telltrace.models.inference_form import inference_form
from telltrace.models.registry import default_options

FAMILIES = [
    "default", "sfi_resnet26", "resnet26", "sfi_mobilenet", "mobilenet", "sfi_vgg13", "vgg13",
    "xception", "two_stream_xception", "f3net", "recce", "ib_resnet34", "efficientnet_b4", "m2tr",
    "meso_inception4", "amtennet", "multi_task", "blend_map", "vit",
]  # fmt: skip
BARS = {"default": 4.0, "sfi_resnet26": 4.0}
"""How many times as fast as eager the fastest way has to be."""
TURN = 0.15
"""Seconds of a turn at least: a first batch finds caches full of another network's weights."""
TWIN, SHARE = 1.05, 0.7
"""SFI's time over its vanilla twin's at most; share of the peak at least."""
Runs = dict[tuple[str, str, str], Callable[[], Any]]


class Bytes(TorchDispatchMode):
    """Adds up the bytes of all tensors that steps read and write; views cost nothing."""

    moved = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = func(*args, **(kwargs or {}))
        if not func.is_view:
            leaves = tree_leaves((args, kwargs, answer))
            self.moved += sum(leaf.nbytes for leaf in leaves if isinstance(leaf, Tensor))
        return answer


def build(name: str) -> tuple[nn.Module, int]:
    """A network in evaluation mode, and the side of its images in pixels."""
    if name == "default":
        detector = load_detector(backend="torch")
        return detector.network.eval(), detector.card.preprocessing.image_size
    torch.manual_seed(0)
    return create_detector(name).eval(), default_options(name).get("image_size") or 256


def cpu_runs(name: str, network: nn.Module, form: nn.Module, images: Tensor, folder: Path) -> Runs:
    """Every way to compute a network on a processor."""
    last = images.contiguous(memory_format=torch.channels_last)
    turned = copy.deepcopy(network).to(memory_format=torch.channels_last)
    plain = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    runs: Runs = {
        (name, "eager", "float32"): partial(plain, images),
        (name, "channels last", "float32"): partial(turned, last),
        (name, "form", "float32"): partial(form, last),
    }
    if "onnx" not in installed():
        return runs
    import onnx

    source, small = folder / f"{name}.onnx", folder / f"{name}-int8.onnx"
    axes = {"images": {0: "n"}, "logits": {0: "n"}}
    try:
        source.write_bytes(to_onnx(form, (images[:2],), ["images"], ["logits"], axes))
        onnx.save_model(quantised(onnx.load_model(source), images[:2].numpy()), small)
    except Exception as error:  # what cannot be exported is still measured in PyTorch
        print(f"{name} is not exported: {type(error).__name__}: {str(error).splitlines()[0]}")
    array, made = images.numpy(), {"onnx": onnx_runner, "openvino": openvino_runner}
    for backend in made.keys() & set(installed()):
        for kind, file in (("float32", source), ("int8", small)):
            if file.exists():
                runs[name, backend, kind] = steady(made[backend](file), array)
    if "openvino" in installed() and source.exists() and "bf16" in machine()["instructions"]:
        runs[name, "openvino", "bfloat16"] = steady(openvino_runner(source, "bfloat16"), array)
        runs[name, "form", "bfloat16"] = partial(torch_runner(form, precision="bfloat16"), array)
    return runs


def gpu_runs(name: str, network: nn.Module, form: nn.Module, images: Tensor, folder: Path) -> Runs:
    """Float32 and bfloat16 on a GPU; the device is waited for."""

    def run(net: nn.Module, half: bool) -> None:
        with torch.autocast("cuda", torch.bfloat16, enabled=half):
            net(images)
        torch.cuda.synchronize()

    return {
        (name, "eager", "float32"): partial(run, network, False),
        (name, "form", "float32"): partial(run, form, False),
        (name, "form", "bfloat16"): partial(run, form, True),
    }


def measure(names: list[str], args: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of networks that are measured side by side."""
    runs: Runs = {}
    about = {}
    factor = torch.randn(1024, 1024, device=args.device)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        for name in names:
            network, side = build(name)
            with torch.inference_mode(False):
                form = inference_form(network, side)
                cost = complexity(form, side)
            with torch.inference_mode(False), torch.no_grad(), Bytes() as moved:
                form(torch.rand(1, 3, side, side))
            about[name] = side, 2 * cost.executed_macs, moved.moved
            images = torch.rand(args.batch, 3, side, side, device=args.device)
            ways = cpu_runs if args.device == "cpu" else gpu_runs
            runs |= ways(name, network.to(args.device), form.to(args.device), images, Path(folder))
        product = {("peak", "", ""): lambda: (factor @ factor).sum().item()}
        times = in_turns(runs | product, args.rounds, warm=2, least=TURN)
    peak = 2 * 1024**3 / min(times.pop(("peak", "", "")))
    return [
        row_of(key, spent, times[key[0], "eager", "float32"], peak, about[key[0]], args.batch)
        for key, spent in times.items()
    ]


def row_of(
    key: tuple[str, str, str],
    times: list[float],
    eager: list[float],
    peak: float,
    about: tuple[int, int, int],
    batch: int,
) -> dict[str, Any]:
    (name, way, kind), (side, operations, moved) = key, about
    median, iqr = spread(times)
    gain, _ = spread([a / b for a, b in zip(eager, times, strict=True)])
    return {
        "network": name, "pixels": side, "way": way, "precision": kind,
        "images/s": batch / median, "ms an image": 1e3 * median / batch,
        "iqr ms": 1e3 * iqr / batch, "times eager": gain, "GFLOP an image": operations / 1e9,
        "MB an image": moved / 1e6, "GFLOP/s": operations * batch / median / 1e9,
        "peak GFLOP/s": peak / 1e9, "share of peak": operations * batch / median / peak,
        "_seconds": times,
    }  # fmt: skip


def twins(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Time of space-frequency networks over that of their vanilla twins, round by round."""
    by_key = {(row["network"], row["way"], row["precision"]): row for row in rows}
    found = []
    for (name, way, kind), row in by_key.items():
        twin = by_key.get((name.removeprefix("sfi_"), way, kind))
        if twin is None or twin is row:
            continue
        pairs = zip(row["_seconds"], twin["_seconds"], strict=True)
        median, iqr = spread([ours / theirs for ours, theirs in pairs])
        bar = "met" if median <= TWIN else "missed"
        found.append(
            {"network": name, "way": way, "precision": kind, "over its twin": median, "iqr": iqr}
            | {f"bar {TWIN}": bar}
        )
    return found


def bars(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fastest way of the networks that have a bar, and the best share in float32."""
    found = []
    for name, bar in BARS.items():
        mine = [row for row in rows if row["network"] == name]
        if not mine:
            continue
        best = max(mine, key=lambda row: row["times eager"])
        near = max((r for r in mine if r["precision"] == "float32"), key=lambda r: r["GFLOP/s"])
        found.append(
            {
                "network": name, "fastest": f"{best['way']} {best['precision']}",
                "times eager": best["times eager"],
                f"bar {bar:g}": "met" if best["times eager"] >= bar else "missed",
                "float32 nearest the peak": near["way"], "share": near["share of peak"],
                f"bar {SHARE:g}": "met" if near["share of peak"] >= SHARE else "missed",
            }
        )  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="by default one detector of each family")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    names, rows = args.names or FAMILIES, []
    groups = [[name] for name in names if f"sfi_{name}" not in names]
    for number, group in enumerate(groups, 1):
        twin = group[0].removeprefix("sfi_")
        group += [twin] if twin != group[0] and twin in names else []
        start = time.perf_counter()
        rows += measure(group, args)
        print(f"{' and '.join(group)}: {time.perf_counter() - start:.0f} s", flush=True)
        keep([name for group in groups[:number] for name in group], rows, args.batch)


def keep(names: list[str], rows: list[dict[str, Any]], batch: int) -> None:
    """Write what was measured of these networks, beside what is known of others."""
    found = [{k: v for k, v in row.items() if k != "_seconds"} for row in rows]
    found = with_earlier("networks", "Networks", "network", found, names)
    ratios = with_earlier("networks", "Twins", "network", twins(rows), names)
    write("networks", {"Bars": bars(found), "Twins": ratios, "Networks": found}, batch=batch)


if __name__ == "__main__":
    main()
