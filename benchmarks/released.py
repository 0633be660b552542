"""SFI-ResNet26 as its authors released it, beside ours: a training step and judging images.

    git clone https://github.com/EricGzq/SFIConv
    python benchmarks/released.py SFIConv

Both take the same step (Adam, cross-entropy; bfloat16 by autocast) on the same noise, in turns,
and so does our vanilla ResNet26. Images are judged by the network as PyTorch computes it by itself,
and by ours in its inference form in OpenVINO, which scans compute where it is installed. Both
networks have the same convolutions and channels, so that times alone are compared.
"""

import argparse
import importlib
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from results import in_turns, machine, spread, steady, write
from torch import Tensor, nn

from telltrace.backends import installed, openvino_runner, to_onnx
from telltrace.models import create_detector
from telltrace.models.inference_form import inference_form

Runs = dict[tuple[str, str], Callable[[], Any]]


def released(folder: Path) -> nn.Module:
    """The authors' SFI-ResNet26 with two classes, from a checkout of their repository."""
    sys.path.insert(0, str(folder / "SFIC_ResNet"))
    network: nn.Module = importlib.import_module("network.SFIConvResnet").SFIresnet26(num_classes=2)
    return network


def step(
    network: nn.Module, kind: str, last: bool, images: Tensor, labels: Tensor
) -> Callable[[], None]:
    """A training step of a network, its maps and weights channels last or first."""
    order = torch.channels_last if last else torch.contiguous_format
    network.to(memory_format=order).train()
    images = images.contiguous(memory_format=order)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

    def run() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == "bfloat16"):
            logits = network(images)
        nn.functional.cross_entropy(logits.float(), labels).backward()
        optimizer.step()

    return run


def judge(network: nn.Module, images: Tensor) -> Callable[[], Any]:
    """Judge images in PyTorch, without gradients."""
    network.to(memory_format=torch.contiguous_format).eval()
    return torch.inference_mode()(partial(network, images))


def judge_fast(network: nn.Module, images: Tensor, folder: Path) -> Runs:
    """Ours as a scan computes it, in the precisions that the processor has."""
    form = inference_form(network.eval())
    axes = {"images": {0: "n"}, "logits": {0: "n"}}
    (folder / "form.onnx").write_bytes(to_onnx(form, (images[:2],), ["images"], ["logits"], axes))
    kinds = ["float32"] + ["bfloat16"] * ("bf16" in machine()["instructions"])
    runs = {kind: openvino_runner(folder / "form.onnx", kind) for kind in kinds}
    array = images.numpy()
    return {("ours", f"OpenVINO {kind}"): steady(run, array) for kind, run in runs.items()}


def rows(runs: Runs, rounds: int, batch: int, warm: int) -> list[dict[str, Any]]:
    """Milliseconds an image of each, and how many times as fast as the released code in float32."""
    times = in_turns(runs, rounds, warm=warm)
    base = times["released", "float32"]
    found = []
    for (network, way), spent in times.items():
        median, iqr = spread(spent)
        gain, _ = spread([a / b for a, b in zip(base, spent, strict=True)])
        row = {"network": network, "way": way, "ms an image": 1e3 * median / batch}
        found.append(row | {"iqr ms": 1e3 * iqr / batch, "times released": gain})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", type=Path, nargs="?", help="of the released SFIConv code")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--warm", type=int, default=3)
    args = parser.parse_args()
    if args.checkout is None:
        print("Left out: it wants a checkout of the released SFIConv code.")
        return
    images, labels = torch.rand(args.batch, 3, args.size, args.size), torch.arange(args.batch) % 2
    makers = {
        "released": partial(released, args.checkout),
        "ours": partial(create_detector, "sfi_resnet26"),
        "vanilla": partial(create_detector, "resnet26"),
    }
    training = {
        (name, f"{kind}{', channels last' * last}"): step(make(), kind, last, images, labels)
        for name, make in makers.items()
        for kind, last in (("float32", False), ("float32", True), ("bfloat16", True))
    }
    tables = {"Training step": rows(training, args.rounds, args.batch, args.warm)}
    del training
    judging: Runs = {(name, "float32"): judge(make(), images) for name, make in makers.items()}
    if "openvino" in installed():
        with tempfile.TemporaryDirectory() as folder:
            judging |= judge_fast(makers["ours"](), images, Path(folder))
    tables["Judging"] = rows(judging, args.rounds, args.batch, args.warm)
    write("released", tables, pixels=args.size, batch=args.batch, rounds=args.rounds)


if __name__ == "__main__":
    main()
