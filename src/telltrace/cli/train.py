"""`telltrace train`: face crops and a recipe in, a checkpoint out."""

from pathlib import Path
from typing import Any, Literal

from telltrace.cli.options import Device
from telltrace.train.config import DataConfig, ObjectiveConfig, OptimConfig


def train(
    *,
    manifest: list[Path],
    out: Path,
    detector: str = "sfi_mobilenet",
    options: dict[str, Any] | None = None,
    data: DataConfig = DataConfig(),  # noqa: B008  frozen
    objective: ObjectiveConfig = ObjectiveConfig(),  # noqa: B008  frozen
    optim: OptimConfig = OptimConfig(),  # noqa: B008  frozen
    seed: int = 7,
    device: Device = "auto",
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true",
    save_every: int = 200,
) -> int:
    """Train a detector; the epoch that is best on the validation split is kept.

    Stopped and started again with the same settings it goes on where it was, and ends with the
    same weights as a run that never stopped.

    Args:
        manifest: One or more manifests of face crops.
        out: Folder of the run: best.safetensors, metrics.csv, recipe.json, TensorBoard events.
        detector: Name of the detector; `telltrace detectors` lists them.
        options: Its options, such as --options.alpha 0.25.
        data: Which faces to learn from, and how they are shown.
        objective: What to minimise; by default the detector's own.
        optim: How to learn.
        seed: Seed of every random draw.
        device: Where to compute.
        precision: Arithmetic of the network.
        save_every: Steps between saved states.
    """
    from telltrace.train.run import train as run

    best = run(
        manifest,
        out,
        detector=detector,
        options=options or {},
        data=data,
        objective=objective,
        optim=optim,
        seed=seed,
        device=device,
        precision=precision,
        save_every=save_every,
    )
    print(f"Best epoch -> {best}")
    return 0
