"""A training run: from manifests and settings to the checkpoint of its best epoch."""

import copy
import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch.nn.utils import convert_conv2d_weight_memory_format

from telltrace.checkpoint import Calibration, Card, Judge, save_checkpoint
from telltrace.data.crops import read_crops
from telltrace.data.manifest import write_bytes
from telltrace.data.transforms import Preprocessing
from telltrace.evaluate import measure, undecided_zone
from telltrace.models.registry import create_detector
from telltrace.train.config import DataConfig, ObjectiveConfig, OptimConfig
from telltrace.train.feed import Feed, create_feed
from telltrace.train.loop import State, fit
from telltrace.train.objective import create_objective
from telltrace.train.provenance import describe_run, environment
from telltrace.train.sight import Sight
from telltrace.train.state import restore_state, save_state

STARTING_WEIGHTS = ("weights", "pretrained")
"""Options that say where training starts from; a trained checkpoint does without them."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that settles a run's outcome; a resumed run must have the same."""

    manifest: tuple[str, ...]
    detector: str
    options: dict[str, Any]
    data: DataConfig
    objective: ObjectiveConfig
    optim: OptimConfig
    seed: int
    precision: str


def train(
    manifest: Sequence[Path],
    out: Path,
    *,
    detector: str = "sfi_mobilenet",
    options: dict[str, Any] | None = None,
    data: DataConfig | None = None,
    objective: ObjectiveConfig | None = None,
    optim: OptimConfig | None = None,
    seed: int = 7,
    device: str = "auto",
    precision: str = "32-true",
    save_every: int = 200,
) -> Path:
    """Train a detector and keep the epoch that is best on the validation split.

    A run that was stopped, at whatever moment, goes on where it was when it is called again.

    Args:
        manifest: Manifests of face crops.
        out: Folder of the run.
        detector: Name in the registry.
        options: Keyword arguments of the detector's builder.
        data: Which faces to learn from.
        objective: What to minimise; by default the detector's own.
        optim: How to learn; by default the SFIConv paper's recipe.
        seed: Seed of every random draw.
        device: "auto", "cpu" or "cuda".
        precision: Lightning Fabric's name of the arithmetic.
        save_every: Steps between saved states.

    Returns:
        The checkpoint of the best epoch.

    Raises:
        ValueError: If the data or the settings cannot make a run; the message says what would.
    """
    settings = Settings(
        manifest=tuple(str(path) for path in manifest),
        detector=detector,
        options=options or {},
        data=data or DataConfig(),
        objective=objective or ObjectiveConfig(),
        optim=optim or OptimConfig(),
        seed=seed,
        precision=precision,
    )
    table, crop = read_crops(manifest, protocol=settings.data.protocol)
    preprocessing = Preprocessing(
        crop, settings.data.image_size, settings.data.mean, settings.data.std
    )
    fabric = Fabric(accelerator=device, devices=1, precision=precision)  # type: ignore[arg-type]
    splits = _rows(table, "train"), _rows(table, "val")
    state = _start(settings, fabric)
    masks = getattr(state.objective, "wants_masks", False)
    feed = create_feed(*splits, preprocessing, settings.data, seed, masks=masks)
    recipe = asdict(settings)
    last, best = out / "last.safetensors", out / "best.safetensors"
    if last.exists():
        restore_state(last, state, recipe)
    _describe(out, recipe, fabric)
    card = Card(
        detector=detector,
        options={k: v for k, v in settings.options.items() if k not in STARTING_WEIGHTS},
        preprocessing=preprocessing,
        provenance=describe_run(table, recipe),
    )
    judge = Judge(state.answering, card, fabric.device)
    with Sight(out, settings.optim.epochs, feed.steps) as sight, _Stop() as stop:

        def after_step(state: State, loss: float) -> None:
            sight.step(state, loss, settings.data.batch_size)
            if state.step % save_every == 0 or stop.asked:
                save_state(last, state, recipe)
            if stop.asked:
                raise SystemExit(0)

        def after_epoch(state: State, loss: float) -> None:
            figures, calibration = validate(judge, feed)
            row = {"epoch": state.epoch, "loss": loss, **figures}
            state.history.append(row)
            sight.epoch(state)
            if _is_best(state.history):
                save_checkpoint(
                    best,
                    state.answering,
                    replace(card, calibration=calibration, metrics={"validation": row}),
                )
            save_state(last, state, recipe)

        _fit(state, feed, fabric, settings, preprocessing, after_step, after_epoch)
    return best


def _fit(
    state: State,
    feed: Feed,
    fabric: Fabric,
    settings: Settings,
    preprocessing: Preprocessing,
    after_step: Callable[[State, float], None],
    after_epoch: Callable[[State, float], None],
) -> None:
    fit(
        state,
        feed.batches,
        fabric,
        optim=settings.optim,
        steps=feed.steps,
        to_input=preprocessing.tensor,
        seed=settings.seed,
        after_step=after_step,
        after_epoch=after_epoch,
    )


def validate(judge: Judge, feed: Feed) -> tuple[dict[str, float | None], Calibration]:
    """Judge the validation split.

    Returns:
        Frame AUC, balanced accuracy and log loss, None where a figure is undefined; and the
        thresholds between which no verdict is given, chosen on these same faces.
    """
    judged = [(labels, judge.score_resized(images)) for images, labels in feed.validation()]
    labels, scores = (np.concatenate(column) for column in zip(*judged, strict=True))
    found = measure(labels, scores)
    figures = {f"val_{key}": found[key].value for key in ("auc", "balanced_accuracy", "log_loss")}
    zone = undecided_zone(labels, scores)
    return figures, Calibration(real_below=zone[0], fake_from=zone[1]) if zone else Calibration()


def _is_best(history: list[dict[str, Any]]) -> bool:
    """Whether the last epoch has the highest AUC so far, or the lowest loss where AUC is none."""
    merits = [
        (-np.inf if row["val_auc"] is None else row["val_auc"], -row["val_log_loss"])
        for row in history
    ]
    return merits.index(max(merits)) == len(merits) - 1


def _rows(table: pd.DataFrame, split: str) -> pd.DataFrame:
    rows = table[table.split == split].reset_index(drop=True)
    if rows.empty:
        counts = table.split.replace("", "none").value_counts().to_dict()
        raise ValueError(
            f"No face crop belongs to the split {split!r} (the manifest has {counts}). "
            "Assign splits with --data.protocol, for example by-identity."
        )
    return rows


def _start(settings: Settings, fabric: Fabric) -> State:
    torch.manual_seed(settings.seed)
    network = create_detector(settings.detector, **settings.options)
    network = convert_conv2d_weight_memory_format(network, torch.channels_last)
    average = copy.deepcopy(network).eval() if settings.optim.ema else None
    paired = settings.data.task == "blend"
    objective = create_objective(network, settings.objective, paired=paired).to(fabric.device)
    optimizer = torch.optim.AdamW(
        [*network.parameters(), *objective.parameters()],
        lr=settings.optim.lr,
        betas=settings.optim.betas,
        weight_decay=settings.optim.weight_decay,
    )
    wrapped, wrapped_optimizer = fabric.setup(network, optimizer)
    if average is not None:
        average = average.to(fabric.device).requires_grad_(False)
    if hasattr(objective, "method"):
        wrapped.mark_forward_method(objective.method)
    return State(wrapped, objective, wrapped_optimizer, average)


def _describe(out: Path, recipe: dict[str, Any], fabric: Fabric) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name, content in (("recipe", recipe), ("environment", environment(fabric.device))):
        write_bytes((json.dumps(content, indent=2) + "\n").encode(), out / f"{name}.json")


class _Stop:
    """Within it, SIGTERM and Ctrl-C ask the run to save and leave after the step in hand."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> "_Stop":
        def ask(*_: object) -> None:
            self.asked = True

        self._before = {s: signal.signal(s, ask) for s in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
