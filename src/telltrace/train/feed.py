"""What a run feeds the loop: the batches of an epoch, from any step on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd

from telltrace.data.loader import FaceDataset, batches
from telltrace.data.transforms import Preprocessing
from telltrace.train.config import DataConfig
from telltrace.train.loop import Batch


@dataclass(frozen=True)
class Feed:
    """Batches that depend on the epoch and the step alone."""

    steps: int
    """Steps in an epoch."""
    batches: Callable[[int, int], Iterable[Batch]]
    """``(epoch, first step) -> batches``."""


def create_feed(
    table: pd.DataFrame, preprocessing: Preprocessing, data: DataConfig, seed: int
) -> Feed:
    """The feed of a run.

    Args:
        table: Face crops of the training split.
        preprocessing: Gives the size of the images.
        data: Task, augmentation, batch size.
        seed: Seed of order and augmentation.
    """
    dataset = FaceDataset(table, preprocessing, recipe=data.augmentation)

    def feed(epoch: int, start: int) -> Iterable[Batch]:
        return batches(
            dataset,
            epoch,
            seed,
            data.batch_size,
            data.workers,
            order="balanced" if data.balance else "shuffled",
            start=start,
        )

    return Feed(len(dataset) // data.batch_size, feed)
