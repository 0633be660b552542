"""The data of a run: the batches of an epoch, from any step on, and the validation faces."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from telltrace.data.blending import BlendSettings, pair_batches, settings_at, similar_faces
from telltrace.data.crops import crop_landmarks
from telltrace.data.loader import FaceDataset, Order, batches
from telltrace.data.mixed import Source, create_source, mixed_batch
from telltrace.data.transforms import Preprocessing
from telltrace.errors import ManifestError, OptionError
from telltrace.faces.align import FaceCrop
from telltrace.packs.pictures import one_thread_each

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
Tables = tuple[pd.DataFrame, pd.DataFrame]
"""Face crops of the training and of the validation split."""
Shard = tuple[int, int]
"""(rank, processes)"""


class Validation(NamedTuple):
    """A batch of validation."""

    images: Images
    """(B, S, S, 3) at the network's size."""
    labels: Labels
    """(B,), or :data:`NO_LABEL`."""
    source: str = ""
    """Name of the source, where there are several."""


@dataclass(frozen=True)
class Feed:
    """Batches that depend on the epoch and the step alone."""

    steps: int
    """Steps in an epoch."""
    batches: Callable[[int, int], Iterable[Batch]]
    """``(epoch, first step) -> batches``."""
    validation: Callable[[], Iterable[Validation]]
    """This process's share of validation: the same each time, and as many batches in every
    process."""
    batch_size: int
    """Images of a step, over all processes."""


def create_feed(
    train: pd.DataFrame,
    val: pd.DataFrame,
    preprocessing: Preprocessing,
    data: DataConfig,
    seed: int,
    *,
    crops: tuple[Sequence[FaceCrop], Sequence[FaceCrop]] | None = None,
    masks: bool = True,
    shard: Shard = (0, 1),
    pin: bool = False,
) -> Feed:
    """The feed of a run, from the face crops of the two splits.

    Masks are read where the objective learns from ``masks`` and the manifest has them. A process
    sees its ``shard`` of every batch, in pinned memory, from which a GPU copies while it computes,
    if ``pin``. Mixed, ``crops`` says how each row of ``train`` and of ``val`` was cut.

    Raises:
        TelltraceError: If the crops make no batch, or a split lacks what the task needs.
    """
    _check_shares(data, shard[1])
    rest: Any = (preprocessing, data, seed, shard)
    if data.task == "mixed":
        assert crops is not None
        feed = _mixed_feed((train, val), crops, *rest)
    elif data.task == "blend":
        feed = _blend_feed((train, val), *rest)
    else:
        feed = _labels_feed((train, val), masks, *rest)

    def prefetched(epoch: int, start: int) -> Iterator[Batch]:
        made = iter(feed.batches(epoch, start))
        if pin:
            made = (tuple(part.pin_memory() for part in batch) for batch in made)
        return made if data.task == "mixed" or not data.workers else _prefetch(made)

    return replace(feed, batches=prefetched)


def _check_shares(data: DataConfig, processes: int) -> None:
    """Refuse batches that cannot be split evenly among the processes."""
    count, unit, remedy = data.batch_size, "images", "Make data.batch_size a multiple of them."
    if data.task == "blend":
        count, unit = max(1, count // 2), "pairs"
        remedy = f"Make data.batch_size a multiple of {2 * processes}."
    elif data.task == "mixed":
        count, unit = sum(source.pairs for source in data.sources), "pairs"
        remedy = "Change `pairs` of a source in data.sources."
    if not count or count % processes:
        text = f"Batches of {count} {unit} cannot be shared among {processes} processes"
        raise OptionError(text, remedy=remedy)


def _labels_feed(
    tables: Tables, masks: bool, resize: Preprocessing, data: DataConfig, seed: int, shard: Shard
) -> Feed:
    known = masks and bool((tables[0]["mask"] != "").any())
    train = FaceDataset(tables[0], resize, recipe=data.augmentation, masks=known)
    val = FaceDataset(tables[1], resize)

    def feed(epoch: int, start: int) -> Iterator[Batch]:
        order: Order = "balanced" if data.balance else "shuffled"
        size, workers = data.batch_size, data.workers
        return batches(train, epoch, seed, size, workers, order=order, start=start, shard=shard)

    def validation() -> Iterator[Validation]:
        for first in range(0, len(val), VALIDATION_BATCH):
            rows = range(first + shard[0], min(first + VALIDATION_BATCH, len(val)), shard[1])
            images = np.stack([val.image(row) for row in rows or [first]])
            yield Validation(images, val.labels[rows] if rows else np.array([NO_LABEL]))

    return Feed(len(train) // data.batch_size, feed, validation, data.batch_size)


def _share(images: Images, labels: Labels, shard: Shard, source: str = "") -> Validation:
    """What one process evaluates: its share, or one image without a label, as all must evaluate."""
    mine = slice(shard[0], None, shard[1])
    if not len(labels[mine]):
        return Validation(images[:1], np.array([NO_LABEL]), source)
    return Validation(images[mine], labels[mine], source)


def _tensors(batch: Sequence[NDArray[np.generic]], shard: Shard) -> Batch:
    return tuple(torch.from_numpy(part[shard[0] :: shard[1]].copy()) for part in batch)


def _blend_feed(
    tables: Tables, preprocessing: Preprocessing, data: DataConfig, seed: int, shard: Shard
) -> Feed:
    """Real faces and blends made of them; fakes in the manifest are not used."""
    pairs = max(1, data.batch_size // 2)
    train, val = (_Reals(table, preprocessing) for table in tables)

    def feed(epoch: int, start: int) -> Iterator[Batch]:
        settings = settings_at((epoch + 1) / (data.easy_epochs + 1))
        for batch in train.blends(seed, epoch, pairs, start, settings):
            yield _tensors(batch, shard)

    def validation() -> Iterator[Validation]:
        drawn = val.blends(seed, VALIDATION_EPOCH, VALIDATION_PAIRS, 0, settings_at(1))
        return (_share(images, labels, shard) for images, labels, _ in drawn)

    return Feed(-(-len(train.crops) // pairs), feed, validation, 2 * pairs)


def _mixed_feed(
    tables: Tables,
    crops: tuple[Sequence[FaceCrop], Sequence[FaceCrop]],
    preprocessing: Preprocessing,
    data: DataConfig,
    seed: int,
    shard: Shard,
) -> Feed:
    """Pairs of every source in every batch."""
    one_thread_each()  # before a process is forked: the fork could not end OpenCV's threads
    used = [source for source in data.sources if source.pairs]
    evaluated = [source for source in data.sources if source.validation_pairs]
    train = [(create_source(tables[0], crops[0], s.datasets, s.fakes), s.pairs) for s in used]
    val = [create_source(tables[1], crops[1], s.datasets, s.fakes) for s in evaluated]
    size = preprocessing.image_size

    def feed(epoch: int, start: int) -> Iterable[Batch]:
        steps, order = MixedSteps(train, seed, epoch, size, shard), range(start, data.epoch_steps)
        limit = BATCH_SECONDS if data.workers else 0
        return DataLoader(
            steps, batch_size=None, sampler=order, num_workers=data.workers, timeout=limit
        )

    def validation() -> Iterator[Validation]:
        for source, config in zip(val, evaluated, strict=True):
            for first in range(0, config.validation_pairs, VALIDATION_PAIRS):
                pairs = min(VALIDATION_PAIRS, config.validation_pairs - first)
                step = first // VALIDATION_PAIRS
                drawn = mixed_batch([(source, pairs)], seed, VALIDATION_EPOCH, step, size)
                yield _share(drawn[0], drawn[1], shard, config.name)

    return Feed(data.epoch_steps, feed, validation, 2 * sum(source.pairs for source in used))


@dataclass
class MixedSteps(Dataset[Batch]):
    """The batches of one epoch by their number, so that other processes can make them.

    In a thread drawing blends would hold Python's lock, for which every layer then waits.
    """

    sources: Sequence[tuple[Source, int]]
    seed: int
    epoch: int
    size: int
    shard: Shard

    def __getitem__(self, step: int) -> Batch:
        batch = mixed_batch(self.sources, self.seed, self.epoch, step, self.size)
        return _tensors(batch, self.shard)


class _Reals:
    """The real crops of a table at full size, their landmarks and similar faces."""

    def __init__(self, table: pd.DataFrame, preprocessing: Preprocessing) -> None:
        reals = table[table.label == 0].reset_index(drop=True)
        if reals.empty:
            raise ManifestError("Blends are made of real faces, and a split holds none")
        self.resize = preprocessing.resize
        full = Preprocessing(preprocessing.crop, preprocessing.crop.size)
        faces = FaceDataset(reals, full)
        self.crops = [faces.crop(row) for row in range(len(faces))]
        self.landmarks, self.partners = crop_landmarks(reals, preprocessing.crop), None
        if len(reals) > 1:
            self.partners = similar_faces(self.crops, self.landmarks, count=20)

    def blends(
        self, seed: int, epoch: int, pairs: int, start: int, settings: BlendSettings
    ) -> Iterator[tuple[Images, Labels, NDArray[np.float32]]]:
        """Batches of pairs at the network's size: images, labels, masks."""
        for images, labels, masks in pair_batches(
            self.crops, self.landmarks, partners=self.partners, settings=settings, seed=seed,
            epoch=epoch, pairs=pairs, start=start,
        ):  # fmt: skip
            small = np.stack([self.resize(image) for image in images])
            grey = (np.stack([masks] * 3, axis=-1) * 255).astype(np.uint8)
            small_masks = np.stack([self.resize(mask)[..., 0] for mask in grey])
            yield small, labels, (small_masks / np.float32(255)).astype(np.float32)


def _prefetch(items: Iterator[Batch]) -> Iterator[Batch]:
    """The same items in the same order, the next one made by a thread while one is used."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item
