"""A training run: from manifests and settings to the checkpoint of its best epoch."""

import json
import platform
import signal
import subprocess
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor

from telltrace.checkpoint import Card, Detector, write_tensors
from telltrace.data.crops import read_faces
from telltrace.data.manifest import VIDEO_KEY, manifest_hash
from telltrace.data.transforms import Preprocessing
from telltrace.evaluation import measure, undecided_zone
from telltrace.evaluation.calibration import Calibration
from telltrace.faces.align import FaceCrop
from telltrace.files import write_json
from telltrace.files.version import VERSION
from telltrace.jobs.progress import logger
from telltrace.models.registry import options_for_size

from . import hardware
from .config import Settings, by_content
from .feed import NO_LABEL, Feed
from .initialize import initialize
from .loop import NonFiniteError, State, fit
from .processes import create_fabric, gather
from .run_log import RunLogger
from .state import full_tensors, restore_state, save_state

STARTING_WEIGHTS = ("weights", "pretrained")
"""Options that say where training starts from; a trained checkpoint does without them."""


def run(settings: Settings, out: Path, *, device: str, save_every: int, keep: int) -> Path:
    """Train, or go on where the run in ``out`` was stopped; returns the best epoch's checkpoint.

    The arguments and what is raised are those of :func:`telltrace.training.train`.
    """
    settings = replace(
        settings,
        options=options_for_size(settings.detector, settings.options, settings.data.image_size),
        hardware=hardware.resolve_hardware(settings.hardware),
        precision=hardware.resolve_precision(settings.precision, device),
    )
    hardware.keep_freed_memory()
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
            python, name = platform.python_version(), hardware.device_name(fabric.device)
            machine = {**versions(), "python": python, "device": name}
            write_json(machine, self.out / "environment.json")
        with self.log, self.stop:
            self.log.start(self.state, hardware.describe_hardware(settings, fabric.device))
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
            raise KeyboardInterrupt if self.stop.interrupted else SystemExit(0)

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

    requested = interrupted = False

    def __enter__(self) -> None:
        def request(number: int, _: object) -> None:
            self.requested, self.interrupted = True, number == signal.SIGINT
            logger.info("Stopping after the current step.")

        self.previous = {s: signal.signal(s, request) for s in (signal.SIGTERM, signal.SIGINT)}

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)


def validate(
    detector: Detector, feed: Feed, fabric: Fabric
) -> tuple[dict[str, float | None], Calibration]:
    """Evaluate the validation split, each process its share; all get the same figures.

    Returns:
        Frame AUC, balanced accuracy and log loss, AUC of each named source and the lowest of
        them, None where a figure is undefined; and the thresholds between which no verdict is
        given, chosen on these same faces.
    """
    mine = [
        (part.labels, detector.score_resized(part.images), np.full(len(part.labels), part.source))
        for part in feed.validation()
    ]
    scored = [part for share in gather(fabric, mine) for part in share]
    labels, scores, sources = (np.concatenate(column) for column in zip(*scored, strict=True))
    known = labels != NO_LABEL
    labels, scores, sources = labels[known], scores[known], sources[known]
    found = measure(labels, scores)
    figures = {f"val_{key}": found[key].value for key in ("auc", "balanced_accuracy", "log_loss")}
    each = {
        f"val_auc_{name}": measure(labels[sources == name], scores[sources == name])["auc"].value
        for name in sorted(set(sources.tolist()) - {""})
    }
    if defined := [value for value in each.values() if value is not None]:
        each["val_auc_worst"] = min(defined)
    zone = undecided_zone(labels, scores)
    kept = Calibration(real_below=zone[0], fake_from=zone[1]) if zone else Calibration()
    return figures | each, kept


def is_best(history: list[dict[str, Any]]) -> bool:
    """Whether the last epoch has the highest AUC (of its worst source), or else the lowest loss."""
    merits = []
    for row in history:
        auc = row.get("val_auc_worst", row["val_auc"])
        merits.append((-np.inf if auc is None else auc, -row["val_log_loss"]))
    return merits.index(max(merits)) == len(merits) - 1


def describe_run(table: pd.DataFrame, recipe: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of its own making; it names no place on the machine."""
    settings = {key: value for key, value in recipe.items() if key != "manifest"}
    settings["options"] = dict(recipe["options"])
    for holder, key in ((settings, "from_"), (settings["options"], "weights")):
        if holder.get(key):
            holder[key] = Path(holder[key]).name
    used = table[table.split == "train"]
    videos = used.groupby(VIDEO_KEY).ngroups
    sets = ", ".join(sorted(set(used.dataset) - {""})) or "unnamed data"
    blends = " and blends made of them" if recipe["data"]["task"] in ("blend", "mixed") else ""
    return {
        "summary": f"{len(used)} face crops of {videos} media ({sets}){blends}",
        "terms": recipe["data"]["terms"],
        "manifest_sha256": manifest_hash(table),
        "faces": {
            str(split) or "none": rows.groupby("method").size().to_dict()
            for split, rows in table.groupby("split")
        },
        "recipe": settings,
        **versions(),
    }


@cache
def versions() -> dict[str, str]:
    """Versions, and the commit of a source checkout, marked when changed."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        commit = subprocess.check_output(
            command, cwd=Path(__file__).parent, stderr=subprocess.DEVNULL, text=True, timeout=10
        ).strip()
    except (OSError, subprocess.SubprocessError):
        commit = ""  # an installed package
    return {"telltrace": VERSION, "commit": commit, "torch": torch.__version__}
