"""The options of `telltrace train`. It imports no torch, so that help answers at once."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from telltrace.errors import DependencyError, check_not_negative, check_positive

from .config import (
    DataConfig,
    Device,
    HardwareConfig,
    ObjectiveConfig,
    OptimConfig,
    Settings,
)


def train(
    *,
    manifest: str | Path | Sequence[str | Path],
    out: str | Path,
    detector: str = "sfi_mobilenet",
    options: dict[str, Any] | None = None,
    from_: str | Path | None = None,
    data: DataConfig = DataConfig(),  # noqa: B008  frozen
    objective: ObjectiveConfig = ObjectiveConfig(),  # noqa: B008  frozen
    optim: OptimConfig = OptimConfig(),  # noqa: B008  frozen
    hardware: HardwareConfig = HardwareConfig(),  # noqa: B008  frozen
    seed: int = 7,
    device: Device = "auto",
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto",
    save_every: int = 200,
    keep: int = 1,
    sweep: str | Path | None = None,
    sweep_on: Literal["here", "ray"] = "here",
) -> Path:
    """Train a detector; the epoch that is best on the validation split is kept.

    Stopped and started again with the same settings it goes on where it was, and ends with the
    same weights as a run that never stopped.

    Args:
        manifest: One or more manifests or packs of face crops.
        out: Folder of the run: best.safetensors and last.safetensors, metrics.csv, speed.csv,
            recipe.json, environment.json, TensorBoard events.
        detector: Name of the detector; `telltrace detectors` lists them.
        options: Its options, such as --options.alpha 0.25.
        from_: Weights to start from in place of fresh ones: a checkpoint, or a state dict as
            .safetensors, .pt or .pth. Tensors of the same name and shape are taken; the log names
            what did not match. Training starts at step 0, with its own settings.
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

    Returns:
        The checkpoint of the best epoch, or the results.csv of a sweep.

    Raises:
        TelltraceError: If the data or the settings cannot make a run, or the extra `train` is not
            installed; the message says what would help.
        NonFiniteError: If the loss is NaN or infinite; the batch is saved.
        OSError: If the disk is full; what was saved before is untouched.
    """
    if find_spec("lightning_fabric") is None:
        raise DependencyError("Training needs the package lightning-fabric", extra="train")
    from .trainer import run  # torch is imported here

    check_positive(save_every=save_every, keep=keep)
    check_not_negative(seed=seed)
    manifests = [manifest] if isinstance(manifest, str | Path) else manifest
    settings = Settings(
        manifest=tuple(map(str, manifests)), detector=detector, options=options or {},
        from_=None if from_ is None else str(from_), data=data, objective=objective, optim=optim,
        hardware=hardware, seed=seed, precision=precision,
    )  # fmt: skip
    fixed: dict[str, Any] = {"device": device, "save_every": save_every, "keep": keep}
    if sweep is not None:
        from .sweep import run_sweep

        return run_sweep(run, settings, Path(out), fixed, Path(sweep), on=sweep_on)
    return run(settings, Path(out), **fixed)
