"""A training run: from manifests and settings to the checkpoint of its best epoch."""

import json
import signal
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor

from telltrace.checkpoint import Card, Detector, write_tensors
from telltrace.data.crops import read_crops, read_faces
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.files import write_json
from telltrace.training.config import DataConfig, HardwareConfig, ObjectiveConfig, OptimConfig
from telltrace.training.feed import Feed, create_feed
from telltrace.training.hardware import (
    describe_hardware,
    keep_freed_memory,
    settle_hardware,
    settle_precision,
)
from telltrace.training.loop import Batch, NonFiniteError, State, fit
from telltrace.training.processes import create_fabric, together_in
from telltrace.training.provenance import describe_run, environment
from telltrace.training.sight import Sight
from telltrace.training.start import Settings, start
from telltrace.training.state import check_room, restore_state, save_state, whole
from telltrace.training.validation import is_best, validate

STARTING_WEIGHTS = ("weights", "pretrained")
"""Options that say where training starts from; a trained checkpoint does without them."""


def train(
    manifest: Sequence[Path],
    out: Path,
    *,
    detector: str = "sfi_mobilenet",
    options: dict[str, Any] | None = None,
    data: DataConfig | None = None,
    objective: ObjectiveConfig | None = None,
    optim: OptimConfig | None = None,
    hardware: HardwareConfig | None = None,
    seed: int = 7,
    device: str = "auto",
    precision: str = "auto",
    save_every: int = 200,
    keep: int = 1,
) -> Path:
    """Train a detector and keep the epoch that is best on the validation split.

    A run that was stopped, at whatever moment, goes on where it was when it is called again.

    Args:
        manifest: Manifests or packs of face crops.
        out: Folder of the run.
        detector: Name in the registry.
        options: Keyword arguments of the detector's builder.
        data: Which faces to learn from.
        objective: What to minimise; by default the detector's own.
        optim: How to learn; by default the SFIConv paper's recipe.
        hardware: Memory layout, processes, what to trade for memory.
        seed: Seed of every random draw.
        device: "auto", "cpu" or "cuda".
        precision: Lightning Fabric's name of the arithmetic, or "auto" for the device's fastest.
        save_every: Steps between saved states.
        keep: Saved states to keep, the last ones.

    Returns:
        The checkpoint of the best epoch.

    Raises:
        ValueError: If the data or the settings cannot make a run; the message says what would.
        FloatingPointError: If the loss is NaN or infinite; the batch is saved.
        OSError: If the disk is full; what was saved before is untouched.
    """
    settings = Settings(
        manifest=tuple(str(path) for path in manifest),
        detector=detector,
        options=options or {},
        data=data or DataConfig(),
        objective=objective or ObjectiveConfig(),
        optim=optim or OptimConfig(),
        hardware=settle_hardware(hardware or HardwareConfig()),
        seed=seed,
        precision=settle_precision(precision, device),
    )
    table, crops, crop = _read(manifest, settings.data)
    learnt, held_out = _rows(table, "train"), _rows(table, "val")
    size, mean, std = (getattr(settings.data, name) for name in ("image_size", "mean", "std"))
    preprocessing = Preprocessing(crop, size, mean, std)
    keep_freed_memory()
    fabric = create_fabric(settings.hardware, device, settings.precision)
    state = start(settings, fabric)
    feed = create_feed(
        learnt.reset_index(drop=True),
        held_out.reset_index(drop=True),
        preprocessing,
        settings.data,
        seed,
        crops=([crops[row] for row in learnt.index], [crops[row] for row in held_out.index]),
        masks=getattr(state.objective, "wants_masks", False),
        shard=(fabric.global_rank, fabric.world_size),
        pin=fabric.device.type == "cuda",
    )
    card = Card(
        detector=detector,
        options={k: v for k, v in settings.options.items() if k not in STARTING_WEIGHTS},
        preprocessing=preprocessing,
        provenance=describe_run(table, asdict(settings)),
    )
    _Run(settings, fabric, state, feed, card, out, save_every, keep).go()
    return out / "best.safetensors"


class _Run:
    """One run under way: what happens after each step and each epoch."""

    def __init__(
        self,
        settings: Settings,
        fabric: Fabric,
        state: State,
        feed: Feed,
        card: Card,
        out: Path,
        save_every: int,
        keep: int,
    ) -> None:
        self.settings, self.fabric, self.state, self.feed = settings, fabric, state, feed
        self.card, self.out, self.save_every, self.keep = card, out, save_every, keep
        self.recipe = asdict(settings)
        self.judge = Detector(state.answering, card, fabric.device)
        self.stop = _Stop()
        self.sight = Sight(
            *(out, settings.optim.epochs, feed.steps, feed.batch_size),
            active=fabric.is_global_zero,
        )

    def go(self) -> None:
        """From where the run was to its end, or to the signal that stops it."""
        last, settings = self.out / "last.safetensors", self.settings
        if last.exists():
            restore_state(last, self.state, self.recipe)
        self._describe()
        with self.sight, self.stop:
            self.sight.say(
                describe_hardware(
                    settings.hardware, settings.optim, settings.precision, self.fabric.device
                )
            )
            try:
                fit(
                    self.state,
                    self._batches,
                    self.fabric,
                    optim=settings.optim,
                    steps=self.feed.steps,
                    to_input=self._to_input,
                    seed=settings.seed,
                    together=together_in(self.fabric),
                    after_step=self._after_step,
                    after_epoch=self._after_epoch,
                )
            except NonFiniteError as error:
                raise FloatingPointError(f"{error} {self._keep_batch(error)}") from error

    def _to_input(self, images: Tensor) -> Tensor:
        """Normalised images, in the memory layout of the run."""
        last = self.settings.hardware.layout == "channels_last"
        order = torch.channels_last if last else torch.contiguous_format
        return self.card.preprocessing.tensor(images).contiguous(memory_format=order)

    def _batches(self, epoch: int, step: int) -> Iterable[Batch]:
        return self.sight.watch(self.feed.batches(epoch, step))

    def _after_step(self, state: State, loss: float) -> None:
        self.sight.step(state, loss)
        asked = self.stop.asked
        if self.fabric.world_size > 1:  # all stop, or none does
            flag = torch.tensor(float(asked), device=self.fabric.device)
            asked = bool(self.fabric.all_reduce(flag, reduce_op="sum"))
        if state.step % self.save_every == 0 or asked:
            self._save()
        if asked:
            self.fabric.barrier()
            raise SystemExit(0)

    def _after_epoch(self, state: State, loss: float) -> None:
        speed = self.sight.pause()
        figures, calibration = validate(self.judge, self.feed, self.fabric)
        row = {"epoch": state.epoch, "loss": loss, **figures}
        state.history.append(row)
        self.sight.epoch(state, speed)
        if is_best(state.history):
            card = replace(self.card, calibration=calibration, metrics={"validation": row})
            best, tensors = self.out / "best.safetensors", whole(state.answering)
            if self.fabric.is_global_zero:
                check_room(best, tensors)
                write_tensors(best, tensors, {"card": card.to_json()})
        self._save()

    def _save(self) -> None:
        last, writes = self.out / "last.safetensors", self.fabric.is_global_zero
        save_state(last, self.state, self.recipe, keep=self.keep, writes=writes)

    def _keep_batch(self, error: NonFiniteError) -> str:
        """Write the batch that broke the run, for whoever wants to look at it."""
        rank = self.fabric.global_rank
        path = self.out / (f"nonfinite-{rank}.safetensors" if rank else "nonfinite.safetensors")
        names = ("images", "labels", "masks")
        tensors = dict(zip(names, error.batch, strict=False))
        where = {"epoch": self.state.epoch, "step": self.state.step, "losses": error.losses}
        write_tensors(path, tensors, {"nonfinite": json.dumps(where)})
        return f"The batch lies in {path}."

    def _describe(self) -> None:
        if not self.fabric.is_global_zero:
            return
        found = environment(self.fabric.device)
        for name, content in (("recipe", self.recipe), ("environment", found)):
            write_json(content, self.out / f"{name}.json")


def _read(
    manifest: Sequence[Path], data: DataConfig
) -> tuple[pd.DataFrame, list[FaceCrop], FaceCrop]:
    """All rows, how each was cut, and how the detector will cut faces."""
    if data.task == "mixed":
        table, crops = read_faces(manifest, protocol=data.protocol)
        return table, crops, FaceCrop(size=data.image_size, margin=data.margin)
    table, crop = read_crops(manifest, protocol=data.protocol)
    return table, [crop] * len(table), crop


def _rows(table: pd.DataFrame, split: str) -> pd.DataFrame:
    rows = table[table.split == split]
    if rows.empty:
        counts = table.split.replace("", "none").value_counts().to_dict()
        raise ValueError(
            f"No face crop belongs to the split {split!r} (the manifest has {counts}). "
            "Assign splits with --data.protocol, for example by-identity."
        )
    return rows


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
