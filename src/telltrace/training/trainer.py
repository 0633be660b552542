"""A training run: from manifests and settings to the checkpoint of its best epoch."""

import json
import signal
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from telltrace.checkpoint import Card, Detector, write_tensors
from telltrace.data.crops import read_faces
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.files import write_json
from telltrace.models.registry import options_for_size

from .config import Settings, by_content
from .feed import Feed
from .hardware import describe_hardware, keep_freed_memory, resolve_hardware, resolve_precision
from .initialize import initialize
from .loop import NonFiniteError, State, fit
from .processes import create_fabric
from .provenance import describe_run, environment
from .run_log import RunLogger
from .state import full_tensors, restore_state, save_state
from .validation import is_best, validate

STARTING_WEIGHTS = ("weights", "pretrained")
"""Options that say where training starts from; a trained checkpoint does without them."""


def run(settings: Settings, out: Path, *, device: str, save_every: int, keep: int) -> Path:
    """Train, or go on where the run in ``out`` was stopped; returns the best epoch's checkpoint.

    The arguments and what is raised are those of :func:`telltrace.training.train`.
    """
    settings = replace(
        settings,
        options=options_for_size(settings.detector, settings.options, settings.data.image_size),
        hardware=resolve_hardware(settings.hardware),
        precision=resolve_precision(settings.precision, device),
    )
    keep_freed_memory()
    _Trainer(settings, out, device, save_every, keep).run()
    return out / "best.safetensors"


class _Trainer:
    """One run under way: what happens after each step and each epoch."""

    def __init__(
        self, settings: Settings, out: Path, device: str, save_every: int, keep: int
    ) -> None:
        self.settings, self.out, self.save_every, self.keep = settings, out, save_every, keep
        self.recipe, self.last = asdict(settings), out / "last.safetensors"
        self.known = by_content(self.recipe)
        data, paths = settings.data, [Path(path) for path in settings.manifest]
        mixed = data.task == "mixed"
        table, crops = read_faces(paths, protocol=data.protocol, alike=not mixed)
        crop = FaceCrop(size=data.image_size, margin=data.margin) if mixed else crops[0]
        preprocessing = Preprocessing(crop, data.image_size, data.mean, data.std)
        self.fabric = fabric = create_fabric(settings.hardware, device, settings.precision)
        self.state = state = initialize(settings, fabric, self.last.exists())
        shard, pin = (fabric.global_rank, fabric.world_size), fabric.device.type == "cuda"
        masks = getattr(state.objective, "wants_masks", False)
        self.feed = Feed(
            table, crops, preprocessing, data, settings.seed, masks=masks, shard=shard, pin=pin
        )
        self.card = Card(
            detector=settings.detector,
            options={k: v for k, v in settings.options.items() if k not in STARTING_WEIGHTS},
            preprocessing=preprocessing,
            provenance=describe_run(table, self.recipe),
        )
        self.detector = Detector(state.evaluated, self.card, fabric.device)
        shape = settings.optim.epochs, self.feed.steps, self.feed.batch_size
        self.log, self.stop = RunLogger(out, *shape, active=fabric.is_global_zero), _StopSignal()

    def run(self) -> None:
        """From where the run was to its end, or to the signal that stops it."""
        settings, fabric = self.settings, self.fabric
        if self.last.exists():
            restore_state(self.last, self.state, self.known)
        if fabric.is_global_zero:
            write_json(self.recipe, self.out / "recipe.json")
            write_json(environment(fabric.device), self.out / "environment.json")
        with self.log, self.stop:
            self.log.start(self.state, describe_hardware(settings, fabric.device))
            try:
                fit(
                    self.state,
                    lambda epoch, step: self.log.timed(self.feed.batches(epoch, step)),
                    fabric,
                    optim=settings.optim,
                    steps=self.feed.steps,
                    to_input=self._to_input,
                    seed=settings.seed,
                    after_step=self._after_step,
                    after_epoch=self._after_epoch,
                )
            except NonFiniteError as error:
                name = f"nonfinite-{fabric.global_rank}".removesuffix("-0")
                path = self.out / f"{name}.safetensors"
                tensors = dict(zip(("images", "labels", "masks"), error.batch, strict=False))
                where = {"epoch": self.state.epoch, "step": self.state.step, "losses": error.losses}
                write_tensors(path, tensors, {"nonfinite": json.dumps(where)})
                error.remedy += f" The batch lies in {path}."
                raise

    def _to_input(self, images: Tensor) -> Tensor:
        """Normalised images, in the memory layout of the run."""
        last = self.settings.hardware.layout == "channels_last"
        order = torch.channels_last if last else torch.contiguous_format
        return self.card.preprocessing.tensor(images).contiguous(memory_format=order)

    def _after_step(self, state: State, loss: float) -> None:
        self.log.step(state, loss)
        stop = self.stop.requested
        if self.fabric.world_size > 1:  # all stop, or none does
            flag = torch.tensor(float(stop), device=self.fabric.device)
            stop = bool(self.fabric.all_reduce(flag, reduce_op="sum"))
        if state.step % self.save_every == 0 or stop:
            self._save()
        if stop:
            self.fabric.barrier()
            raise SystemExit(0)

    def _after_epoch(self, state: State, loss: float) -> None:
        speed = self.log.speed()
        figures, calibration = validate(self.detector, self.feed, self.fabric)
        row = {"epoch": state.epoch, "loss": loss, **figures}
        state.history.append(row)
        self.log.epoch(state, speed)
        if is_best(state.history):
            card = replace(self.card, calibration=calibration, metrics={"validation": row})
            best, tensors = self.out / "best.safetensors", full_tensors(state.evaluated)
            if self.fabric.is_global_zero:
                write_tensors(best, tensors, {"card": card.to_json()})
        self._save()

    def _save(self) -> None:
        writes = self.fabric.is_global_zero
        save_state(self.last, self.state, self.known, keep=self.keep, writes=writes)


class _StopSignal:
    """Within it, SIGTERM and Ctrl-C ask the run to save and leave after the current step."""

    requested = False

    def __enter__(self) -> None:
        def request(*_: object) -> None:
            self.requested = True

        self.previous = {s: signal.signal(s, request) for s in (signal.SIGTERM, signal.SIGINT)}

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)
