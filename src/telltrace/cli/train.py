"""`telltrace train`: face crops and a recipe in, a checkpoint out."""

from pathlib import Path
from typing import Any, Literal

from telltrace.cli.options import Device
from telltrace.training.config import DataConfig, HardwareConfig, ObjectiveConfig, OptimConfig


def train(
    *,
    manifest: list[Path],
    out: Path,
    detector: str = "sfi_mobilenet",
    options: dict[str, Any] | None = None,
    data: DataConfig = DataConfig(),  # noqa: B008  frozen
    objective: ObjectiveConfig = ObjectiveConfig(),  # noqa: B008  frozen
    optim: OptimConfig = OptimConfig(),  # noqa: B008  frozen
    hardware: HardwareConfig = HardwareConfig(),  # noqa: B008  frozen
    seed: int = 7,
    device: Device = "auto",
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto",
    save_every: int = 200,
    keep: int = 1,
    sweep: Path | None = None,
    sweep_on: Literal["here", "ray"] = "here",
) -> int:
    """Train a detector; the epoch that is best on the validation split is kept.

    Stopped and started again with the same settings it goes on where it was, and ends with the
    same weights as a run that never stopped.

    Args:
        manifest: One or more manifests or packs of face crops.
        out: Folder of the run: best.safetensors and last.safetensors, metrics.csv, speed.csv,
            recipe.json, environment.json, TensorBoard events.
        detector: Name of the detector; `telltrace detectors` lists them.
        options: Its options, such as --options.alpha 0.25.
        data: Which faces to learn from, and how they are shown.
        objective: What to minimise; by default the detector's own.
        optim: How to learn.
        hardware: Memory layout, processes, what to trade for memory.
        seed: Seed of every random draw.
        device: Where to compute.
        precision: Arithmetic of the network; auto is bfloat16 where the device computes with it.
        save_every: Steps between saved states.
        keep: Saved states to keep, the last ones.
        sweep: YAML file of settings with a list of values each; trains every combination, each
            in a folder of its own under OUT, and writes OUT/results.csv.
        sweep_on: Run a sweep one after the other here, or on a Ray cluster.
    """
    from telltrace.training.processes import is_first
    from telltrace.training.run import train as run
    from telltrace.training.sweep import RESULTS, read_grid
    from telltrace.training.sweep import sweep as run_sweep

    call: dict[str, Any] = {
        "manifest": manifest,
        "out": out,
        "detector": detector,
        "options": options or {},
        "data": data,
        "objective": objective,
        "optim": optim,
        "hardware": hardware,
        "seed": seed,
        "device": device,
        "precision": precision,
        "save_every": save_every,
        "keep": keep,
    }
    if sweep is not None:
        table = run_sweep(run, call, read_grid(sweep), on=sweep_on)
        print(table.to_string(index=False, na_rep="-"))
        print(f"Every run and {RESULTS} -> {out}")
        return 0
    best = run(**call)
    if is_first():
        print(f"Best epoch -> {best}")
    return 0
