"""The data of a run: the batches of an epoch, from any step on, and the validation faces."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from telltrace.data.blending import pair_batches, settings_at, similar_faces
from telltrace.data.crops import crop_landmarks
from telltrace.data.loader import FaceDataset, Order, batches, epoch_order
from telltrace.data.mixed import create_source, mixed_batch
from telltrace.data.transforms import Preprocessing
from telltrace.errors import ManifestError, OptionError
from telltrace.faces.align import FaceCrop
from telltrace.files.pictures import one_thread_each, read_crop

from .config import DataConfig
from .loop import Batch

VALIDATION_EPOCH = 2**31 - 1
"""The epoch whose blends validation sees: the same in every epoch, and none of training's."""

VALIDATION_BATCH = 64
VALIDATION_PAIRS = 32
BATCH_SECONDS = 600
"""After so long without a batch a run ends with an error and does not hang."""
NO_LABEL = -1
"""Label of an image that is not evaluated."""

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Arrays = tuple[Images, Labels, NDArray[np.float32]]
"""Images, labels and masks of a batch, over all processes."""
Split = tuple[pd.DataFrame, list[FaceCrop]]
"""The face crops of a split, and how each was cut."""
Shard = tuple[int, int]
"""(rank, processes)"""


class Validation(NamedTuple):
    """A batch of validation."""

    images: Images  # (B, S, S, 3) at the network's size
    labels: Labels  # (B,), or NO_LABEL
    source: str = ""  # its name, where there are several


class Feed:
    """Batches of a run, which depend on the epoch and the step alone.

    Made from face crops of the splits train and val, and how each was cut. Masks are read where
    the objective learns from ``masks`` and the manifest has them. A process sees its ``shard`` of
    every batch, in pinned memory, from which a GPU copies while it computes, if ``pin``. Crops
    that make no batch, or a split that lacks what the task needs, are a TelltraceError.
    """

    steps: int
    """Steps in an epoch."""
    batch_size: int
    """Images of a step, over all processes."""
    validation: Callable[[], Iterable[Validation]]
    """This process's share of validation: the same each time, and as many batches in every
    process."""

    def __init__(
        self,
        table: pd.DataFrame,
        crops: Sequence[FaceCrop],
        preprocessing: Preprocessing,
        data: DataConfig,
        seed: int,
        *,
        masks: bool = True,
        shard: Shard = (0, 1),
        pin: bool = False,
    ) -> None:
        self.size, self.data, self.seed = preprocessing, data, seed
        self.shard, self.pin = shard, pin
        _check_shares(data, shard[1])
        one_thread_each()  # before a process is forked: the fork could not end OpenCV's threads
        (train, train_crops), (val, val_crops) = (_split(table, crops, s) for s in ("train", "val"))
        if data.task == "mixed":
            self._mix((train, train_crops), (val, val_crops))
        elif data.task == "blend":
            self._blend(train, val)
        else:
            self._read(train, val, masks and bool((train["mask"] != "").any()))

    def batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """The batches of an epoch, counted from 0, from a step on."""
        made = self._batches(epoch, start)
        if self.pin:
            made = (tuple(part.pin_memory() for part in batch) for batch in made)
        ahead = self.data.task == "labels" and self.data.workers  # others have processes for it
        return _prefetch(made) if ahead else made

    def _read(self, train: pd.DataFrame, val: pd.DataFrame, masks: bool) -> None:
        """Faces with the labels that they have."""
        data, (rank, processes) = self.data, self.shard
        faces = FaceDataset(train, self.size, recipe=data.augmentation, masks=masks)
        judged = FaceDataset(val, self.size)
        order: Order = "balanced" if data.balance else "shuffled"
        if data.oversample:
            order = "oversampled"

        def feed(epoch: int, start: int) -> Iterator[Batch]:
            size, workers = data.batch_size, data.workers
            how: Any = {"order": order, "start": start, "shard": self.shard}
            return batches(faces, epoch, self.seed, size, workers, **how)

        def validation() -> Iterator[Validation]:
            for first in range(0, len(judged), VALIDATION_BATCH):
                rows = range(first + rank, min(first + VALIDATION_BATCH, len(judged)), processes)
                images = np.stack([judged.image(row) for row in rows or [first]])
                yield Validation(images, judged.labels[rows] if rows else np.array([NO_LABEL]))

        shown = len(epoch_order(train, 0, self.seed, order))
        self.steps, self.batch_size = shown // data.batch_size, data.batch_size
        self._batches, self.validation = feed, validation

    def _blend(self, train: pd.DataFrame, val: pd.DataFrame) -> None:
        """Real faces and blends made of them; fakes in the manifest are not used."""
        pairs = max(1, self.data.batch_size // 2)
        drawn = _Blends(train, self.size, self.seed, pairs, self.data.easy_epochs)
        judged = _Blends(val, self.size, self.seed, VALIDATION_PAIRS)
        same = [(partial(judged.draw, VALIDATION_EPOCH, step), "") for step in range(judged.steps)]
        self.steps, self.batch_size = drawn.steps, 2 * pairs
        self._pair(drawn.draw, same)

    def _mix(self, train: Split, val: Split) -> None:
        """Pairs of every source in every batch."""
        sources, same = self.data.sources, []
        used = [(create_source(*train, s.datasets, s.fakes), s.pairs) for s in sources if s.pairs]
        draw = partial(mixed_batch, size=self.size.image_size)
        for config in (source for source in sources if source.validation_pairs):
            source = create_source(*val, config.datasets, config.fakes)
            for step, first in enumerate(range(0, config.validation_pairs, VALIDATION_PAIRS)):
                few = [(source, min(VALIDATION_PAIRS, config.validation_pairs - first))]
                same.append((partial(draw, few, self.seed, VALIDATION_EPOCH, step), config.name))
        self.steps, self.batch_size = self.data.epoch_steps, 2 * sum(pairs for _, pairs in used)
        self._pair(partial(draw, used, self.seed), same)

    def _pair(
        self, draw: Callable[[int, int], Arrays], same: Sequence[tuple[Callable[[], Arrays], str]]
    ) -> None:
        """Batches that ``draw`` makes; the ``same`` ones, by their source, validate."""
        workers, (rank, processes) = self.data.workers, self.shard

        def feed(epoch: int, start: int) -> Iterator[Batch]:
            limit = BATCH_SECONDS if workers else 0
            numbers, whole = range(start, self.steps), _Epoch(draw, epoch, self.shard)
            how: Any = {"num_workers": workers, "timeout": limit}
            return iter(DataLoader(whole, batch_size=None, sampler=numbers, **how))

        def validation() -> Iterator[Validation]:
            for batch, source in same:
                images, labels, _ = batch()
                if rank < len(labels):
                    yield Validation(images[rank::processes], labels[rank::processes], source)
                else:  # all processes evaluate as often
                    yield Validation(images[:1], np.array([NO_LABEL]), source)

        self._batches, self.validation = feed, validation


def _check_shares(data: DataConfig, processes: int) -> None:
    """Refuse batches that cannot be split evenly among the processes."""
    half, multiple = max(1, data.batch_size // 2), "Make data.batch_size a multiple of"
    mixed = sum(source.pairs for source in data.sources)
    count, unit, remedy = {
        "labels": (data.batch_size, "images", f"{multiple} them."),
        "blend": (half, "pairs", f"{multiple} {2 * processes}."),
        "mixed": (mixed, "pairs", "Change `pairs` of a source in data.sources."),
    }[data.task]
    if not count or count % processes:
        text = f"Batches of {count} {unit} cannot be shared among {processes} processes"
        raise OptionError(text, remedy=remedy)


def _split(table: pd.DataFrame, crops: Sequence[FaceCrop], split: str) -> Split:
    rows = np.flatnonzero(table.split == split).tolist()
    if not rows:
        counts = table.split.replace("", "none").value_counts().to_dict()
        reason = f"No face crop belongs to the split {split!r} (the manifest has {counts})"
        remedy = "Assign splits with --data.protocol, for example by-identity."
        raise ManifestError(reason, remedy=remedy)
    return table.iloc[rows].reset_index(drop=True), [crops[row] for row in rows]


def _prefetch(items: Iterator[Batch]) -> Iterator[Batch]:
    """The same items in the same order, the next one made by a thread while one is used."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


class _Blends:
    """Batches of real crops and blends of them, made at full size."""

    def __init__(
        self, table: pd.DataFrame, size: Preprocessing, seed: int, pairs: int, easy_epochs: int = 0
    ) -> None:
        reals = table[table.label == 0]
        if reals.empty:
            raise ManifestError("Blends are made of real faces, and a split holds none")
        crops, landmarks = [*map(read_crop, reals.path)], crop_landmarks(reals, size.crop)
        near = similar_faces(crops, landmarks, count=20) if len(crops) > 1 else None
        how: Any = {"partners": near, "seed": seed, "pairs": pairs}
        self.batches = partial(pair_batches, crops, landmarks, **how)
        self.steps, self.easy_epochs = -(-len(crops) // pairs), easy_epochs
        self.resize = size.resize

    def draw(self, epoch: int, step: int) -> Arrays:
        """Images at the network's size, labels, masks."""
        settings = settings_at((epoch + 1) / (self.easy_epochs + 1))
        made = next(self.batches(epoch=epoch, start=step, settings=settings))
        grey = (np.stack([made[2]] * 3, axis=-1) * 255).astype(np.uint8)
        images, masks = (np.stack([*map(self.resize, part)]) for part in (made[0], grey))
        return images, made[1], (masks[..., 0] / np.float32(255)).astype(np.float32)


@dataclass
class _Epoch(Dataset[Batch]):
    """The batches of one epoch, for other processes: a thread would hold Python's lock for long."""

    draw: Callable[[int, int], Arrays]
    epoch: int
    shard: Shard

    def __getitem__(self, step: int) -> Batch:
        arrays, (rank, processes) = self.draw(self.epoch, step), self.shard
        return tuple(torch.from_numpy(part[rank::processes].copy()) for part in arrays)
