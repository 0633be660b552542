"""What a run feeds the loop: the batches of an epoch, from any step on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from telltrace.data.blending import pair_batches, similar_faces
from telltrace.data.blending_settings import BlendSettings, settings_at
from telltrace.data.crops import crop_landmarks
from telltrace.data.loader import FaceDataset, batches
from telltrace.data.mixed import Source, create_source, mixed_batch
from telltrace.data.order import Order
from telltrace.data.pictures import one_thread_each
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.training.config import DataConfig
from telltrace.training.loop import Batch

VALIDATION_EPOCH = 2**31 - 1
"""The epoch whose blends validation sees: the same in every epoch, and none of training's."""

VALIDATION_BATCH = 64
BATCH_SECONDS = 600
"""After so long without a batch a run ends with an error and does not hang."""
NO_LABEL = -1
"""Label of an image that is judged for nothing."""

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Blends = tuple[Images, Labels, NDArray[np.float32]]


@dataclass(frozen=True)
class Feed:
    """Batches that depend on the epoch and the step alone."""

    steps: int
    """Steps in an epoch."""
    batches: Callable[[int, int], Iterable[Batch]]
    """``(epoch, first step) -> batches``."""
    validation: Callable[[], Iterable["Validation"]]
    """This process's share of validation: the same each time, and as many batches in every
    process."""
    batch_size: int
    """Images of a step, over all processes."""


class Validation(NamedTuple):
    """A batch that validation judges."""

    images: Images
    """(B, S, S, 3) at the network's size."""
    labels: Labels
    """(B,), or :data:`NO_LABEL`."""
    source: str = ""
    """What of the data it is, where several sources are told apart."""


def create_feed(
    train: pd.DataFrame,
    val: pd.DataFrame,
    preprocessing: Preprocessing,
    data: DataConfig,
    seed: int,
    *,
    crops: tuple[Sequence[FaceCrop], Sequence[FaceCrop]] | None = None,
    masks: bool = True,
    shard: tuple[int, int] = (0, 1),
    pin: bool = False,
) -> Feed:
    """The feed of a run.

    Args:
        train: Face crops of the training split.
        val: Face crops of the validation split.
        preprocessing: How crops become the network's input.
        data: Task, augmentation, batch size.
        seed: Seed of order and augmentation.
        crops: Mixed: how each row of ``train`` and of ``val`` was cut.
        masks: Whether the objective learns from masks, where the manifest has them.
        shard: (rank, processes): the part of every batch that this process sees.
        pin: Lay batches in memory that a GPU copies while it computes.

    Raises:
        ValueError: If the crops make no batch, or a split lacks what the task needs.
    """
    if data.task != "mixed" and data.batch_size % shard[1]:
        raise ValueError(
            f"batch_size {data.batch_size} cannot be shared among {shard[1]} processes. "
            "Make it a multiple of them."
        )
    if data.task == "mixed":
        assert crops is not None
        feed = _mixed_feed((train, val), crops, preprocessing, data, seed, shard)
    elif data.task == "blend":
        feed = _blend_feed(train, val, preprocessing, data, seed, shard)
    else:
        feed = _labels_feed(train, val, preprocessing, data, seed, masks, shard)

    def made_ahead(epoch: int, start: int) -> Iterator[Batch]:
        made = iter(feed.batches(epoch, start))
        if pin:
            made = (tuple(part.pin_memory() for part in batch) for batch in made)
        return _ahead(made, 0 if data.task == "mixed" else data.workers)

    return replace(feed, batches=made_ahead)


def _labels_feed(
    train: pd.DataFrame,
    val: pd.DataFrame,
    preprocessing: Preprocessing,
    data: DataConfig,
    seed: int,
    masks: bool,
    shard: tuple[int, int],
) -> Feed:
    known = masks and bool((train["mask"] != "").any())
    dataset = FaceDataset(train, preprocessing, recipe=data.augmentation, masks=known)
    held_out = FaceDataset(val, preprocessing)

    def feed(epoch: int, start: int) -> Iterator[Batch]:
        order: Order = "balanced" if data.balance else "shuffled"
        size, workers = data.batch_size, data.workers
        return batches(dataset, epoch, seed, size, workers, order=order, start=start, shard=shard)

    def validation() -> Iterator[Validation]:
        for first in range(0, len(held_out), VALIDATION_BATCH):
            last = min(first + VALIDATION_BATCH, len(held_out))
            rows = range(first + shard[0], last, shard[1])
            yield _padded(
                np.stack([held_out.image(row) for row in rows or [first]]),
                held_out.labels[list(rows)],
            )

    return Feed(len(dataset) // data.batch_size, feed, validation, data.batch_size)


def _padded(images: Images, labels: Labels, source: str = "") -> Validation:
    """A process without a share judges one image for nothing: all must call the network alike."""
    return Validation(images, labels if len(labels) else np.array([NO_LABEL]), source)


def _blend_feed(
    train: pd.DataFrame,
    val: pd.DataFrame,
    preprocessing: Preprocessing,
    data: DataConfig,
    seed: int,
    shard: tuple[int, int],
) -> Feed:
    """Real faces and blends made of them; fakes in the manifest are left aside."""
    pairs = max(1, data.batch_size // 2)
    if pairs % shard[1]:
        raise ValueError(
            f"batch_size {data.batch_size} makes {pairs} pairs, which {shard[1]} processes cannot "
            f"share. Make it a multiple of {2 * shard[1]}."
        )
    learn, held_out = (_Reals(table, preprocessing) for table in (train, val))
    mine = slice(shard[0], None, shard[1])

    def feed(epoch: int, start: int) -> Iterator[Batch]:
        settings = settings_at((epoch + 1) / (data.easy_epochs + 1))
        drawn = learn.blends(seed, epoch, pairs, start, settings)
        for batch in drawn:
            yield tuple(torch.from_numpy(part[mine].copy()) for part in batch)

    def validation() -> Iterator[Validation]:
        for images, labels, _ in held_out.blends(seed, VALIDATION_EPOCH, 32, 0, settings_at(1)):
            share = images[mine] if len(images[mine]) else images[:1]
            yield _padded(share, labels[mine])

    return Feed(-(-len(learn.crops) // pairs), feed, validation, 2 * pairs)


def _mixed_feed(
    tables: tuple[pd.DataFrame, pd.DataFrame],
    crops: tuple[Sequence[FaceCrop], Sequence[FaceCrop]],
    preprocessing: Preprocessing,
    data: DataConfig,
    seed: int,
    shard: tuple[int, int],
) -> Feed:
    """Pairs of every source in every batch."""
    one_thread_each()  # before a process is forked: the fork could not end OpenCV's threads
    total = sum(source.pairs for source in data.sources)
    if not total or total % shard[1]:
        raise ValueError(
            f"The sources give {total} pairs a batch; {shard[1]} processes need a positive "
            "multiple of their number. Change `pairs` of a source in data.sources."
        )
    used = [source for source in data.sources if source.pairs]
    judged = [source for source in data.sources if source.validation_pairs]
    learn = [(create_source(tables[0], crops[0], s.datasets, s.fakes), s.pairs) for s in used]
    held_out = [create_source(tables[1], crops[1], s.datasets, s.fakes) for s in judged]
    size, mine = preprocessing.image_size, slice(shard[0], None, shard[1])

    def feed(epoch: int, start: int) -> Iterable[Batch]:
        steps = MixedSteps(learn, seed, epoch, size, mine)
        order, limit = range(start, data.epoch_steps), BATCH_SECONDS if data.workers else 0
        return DataLoader(
            steps, batch_size=None, sampler=order, num_workers=data.workers, timeout=limit
        )

    def validation() -> Iterator[Validation]:
        for source, config in zip(held_out, judged, strict=True):
            for step in range(-(-config.validation_pairs // 32)):
                pairs = min(32, config.validation_pairs - 32 * step)
                drawn = mixed_batch([(source, pairs)], seed, VALIDATION_EPOCH, step, size)
                images, labels = drawn[0], drawn[1]
                share = images[mine] if len(images[mine]) else images[:1]
                yield _padded(share, labels[mine], config.name)

    return Feed(data.epoch_steps, feed, validation, 2 * total)


class MixedSteps(Dataset[Batch]):
    """The batches of one epoch by their number, so that other processes can make them.

    A thread beside the loop would not do: drawing blends holds Python's lock, for which every
    layer of the network then waits.
    """

    def __init__(
        self, sources: Sequence[tuple[Source, int]], seed: int, epoch: int, size: int, mine: slice
    ) -> None:
        self.sources, self.seed, self.epoch, self.size = sources, seed, epoch, size
        self.mine = mine

    def __getitem__(self, step: int) -> Batch:
        batch = mixed_batch(self.sources, self.seed, self.epoch, step, self.size)
        return tuple(torch.from_numpy(part[self.mine].copy()) for part in batch)


class _Reals:
    """The real crops of a table at full size, their landmarks and their look-alikes."""

    def __init__(self, table: pd.DataFrame, preprocessing: Preprocessing) -> None:
        reals = table[table.label == 0].reset_index(drop=True)
        if reals.empty:
            raise ValueError("Blends are made of real faces, and a split holds none.")
        self.resize = preprocessing.resize
        full = Preprocessing(preprocessing.crop, preprocessing.crop.size)
        faces = FaceDataset(reals, full)
        self.crops = [faces.crop(row) for row in range(len(faces))]
        self.landmarks = crop_landmarks(reals, preprocessing.crop)
        self.partners = (
            similar_faces(self.crops, self.landmarks, count=20) if len(reals) > 1 else None
        )

    def blends(
        self, seed: int, epoch: int, pairs: int, start: int, settings: BlendSettings
    ) -> Iterator[Blends]:
        """Batches of pairs at the network's size: images, labels, masks."""
        drawn = pair_batches(
            self.crops,
            self.landmarks,
            seed=seed,
            epoch=epoch,
            pairs=pairs,
            partners=self.partners,
            settings=settings,
            start=start,
        )
        for images, labels, masks in drawn:
            small = np.stack([self.resize(image) for image in images])
            grey = (np.stack([masks] * 3, axis=-1) * 255).astype(np.uint8)
            small_masks = np.stack([self.resize(mask)[..., 0] for mask in grey])
            yield small, labels, (small_masks / np.float32(255)).astype(np.float32)


def _ahead(items: Iterator[Batch], workers: int) -> Iterator[Batch]:
    """The same items in the same order, the next one made by a thread while one is used."""
    if workers == 0:
        yield from items
        return
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item
