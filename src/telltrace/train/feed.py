"""What a run feeds the loop: the batches of an epoch, from any step on."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from telltrace.data.blending import pair_batches, similar_faces
from telltrace.data.blending_settings import BlendSettings, settings_at
from telltrace.data.crops import crop_landmarks
from telltrace.data.loader import FaceDataset, Order, batches
from telltrace.data.transforms import Preprocessing
from telltrace.train.config import DataConfig
from telltrace.train.loop import Batch

VALIDATION_EPOCH = 2**31 - 1
"""The epoch whose blends validation sees: the same in every epoch, and none of training's."""

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
    validation: Callable[[], Iterable[tuple[Images, Labels]]]
    """Validation's images at the network's size, and their labels; the same each time."""


def create_feed(
    train: pd.DataFrame,
    val: pd.DataFrame,
    preprocessing: Preprocessing,
    data: DataConfig,
    seed: int,
) -> Feed:
    """The feed of a run.

    Args:
        train: Face crops of the training split.
        val: Face crops of the validation split.
        preprocessing: How crops become the network's input.
        data: Task, augmentation, batch size.
        seed: Seed of order and augmentation.

    Raises:
        ValueError: If the crops make no batch, or a split lacks what the task needs.
    """
    make = _labels_feed if data.task == "labels" else _blend_feed
    return make(train, val, preprocessing, data, seed)


def _labels_feed(
    train: pd.DataFrame,
    val: pd.DataFrame,
    preprocessing: Preprocessing,
    data: DataConfig,
    seed: int,
) -> Feed:
    dataset = FaceDataset(train, preprocessing, recipe=data.augmentation)
    held_out = FaceDataset(val, preprocessing)

    def feed(epoch: int, start: int) -> Iterable[Batch]:
        order: Order = "balanced" if data.balance else "shuffled"
        size, workers = data.batch_size, data.workers
        return batches(dataset, epoch, seed, size, workers, order=order, start=start)

    def validation() -> Iterator[tuple[Images, Labels]]:
        for first in range(0, len(held_out), 64):
            rows = range(first, min(first + 64, len(held_out)))
            yield np.stack([held_out.image(row) for row in rows]), held_out.labels[list(rows)]

    return Feed(len(dataset) // data.batch_size, feed, validation)


def _blend_feed(
    train: pd.DataFrame,
    val: pd.DataFrame,
    preprocessing: Preprocessing,
    data: DataConfig,
    seed: int,
) -> Feed:
    """Real faces and blends made of them; fakes in the manifest are left aside."""
    pairs = max(1, data.batch_size // 2)
    learn, held_out = (_Reals(table, preprocessing) for table in (train, val))

    def feed(epoch: int, start: int) -> Iterator[Batch]:
        settings = settings_at((epoch + 1) / (data.easy_epochs + 1))
        drawn = _ahead(learn.blends(seed, epoch, pairs, start, settings), data.workers)
        for images, labels, masks in drawn:
            yield torch.from_numpy(images), torch.from_numpy(labels), torch.from_numpy(masks)

    def validation() -> Iterator[tuple[Images, Labels]]:
        for images, labels, _ in held_out.blends(seed, VALIDATION_EPOCH, 32, 0, settings_at(1)):
            yield images, labels

    return Feed(-(-len(learn.crops) // pairs), feed, validation)


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


def _ahead(items: Iterator[Blends], workers: int) -> Iterator[Blends]:
    """The same items in the same order, the next one made by a thread while one is used."""
    if workers == 0:
        yield from items
        return
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item
