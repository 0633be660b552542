"""Face crops as batches, in an order that depends on (seed, epoch) and on nothing else."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from .manifest import VIDEO_KEY, check_manifest, locate, source_of
from .transforms import RECIPES, Image, Preprocessing, augment, generator

Order = Literal["balanced", "shuffled", "manifest"]
Indices = NDArray[np.int64]
Job = tuple[int, int]


class FaceDataset:
    """The face crops of a manifest, at the network's size.

    Decoded crops stay in memory if all of them fit, so that every file is decoded once and not
    once an epoch. A missing file is an error when the dataset is built, never another picture.

    Args:
        manifest: Crops, as ``prepare`` writes them.
        preprocessing: Gives the size; normalisation is left to ``Preprocessing.tensor``.
        recipe: Augmentation for ``batches``, a name out of ``transforms.RECIPES``.
        cache_bytes: Keep decoded crops in memory if they need no more than this.

    Raises:
        FileNotFoundError: If a crop is missing, naming the file, its row and what to do.
        ValueError: If the recipe is unknown.
    """

    def __init__(
        self,
        manifest: pd.DataFrame,
        preprocessing: Preprocessing,
        *,
        recipe: str = "none",
        cache_bytes: int = 2 * 2**30,
    ) -> None:
        if recipe not in RECIPES:
            raise ValueError(f"Unknown recipe {recipe!r}; choose one of {', '.join(RECIPES)}.")
        self.manifest = check_manifest(manifest)
        self.preprocessing, self.recipe = preprocessing, recipe
        self.labels: Indices = self.manifest.label.to_numpy(dtype=np.int64)
        self.paths = self.manifest.path.tolist()
        for row, path in enumerate(self.paths):
            if not os.path.isfile(path):  # noqa: PTH113 (a Path each is slow at 100,000 crops)
                raise FileNotFoundError(self._broken(row, "does not exist"))
        size = preprocessing.image_size
        shape = (len(self.paths), size, size, 3)
        fits = int(np.prod(shape, dtype=np.int64)) <= cache_bytes
        self._cache: Image | None = np.empty(shape, dtype=np.uint8) if fits else None
        self._cached = np.zeros(len(self.paths), dtype=bool)

    def __len__(self) -> int:
        return len(self.paths)

    def image(self, row: int) -> Image:
        """The crop of one row at the network's size, (S, S, 3) uint8 RGB, not augmented.

        Raises:
            ValueError: If the file is no readable picture.
        """
        if self._cache is not None and self._cached[row]:
            return self._cache[row]
        image = self.preprocessing.resize(self.crop(row))
        if self._cache is not None:
            self._cache[row] = image
            self._cached[row] = True
        return image

    def crop(self, row: int) -> Image:
        """The crop of one row as it was cut, uint8 RGB, whatever its size.

        Raises:
            ValueError: If the file is no readable picture.
        """
        try:
            data = np.fromfile(self.paths[row], dtype=np.uint8)
        except OSError as error:
            raise ValueError(self._broken(row, f"cannot be read ({error.strerror})")) from None
        image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
        if image is None:
            raise ValueError(self._broken(row, "is no readable picture"))
        return np.asarray(image, dtype=np.uint8)

    def _broken(self, row: int, what: str) -> str:
        video = "/".join(str(v) for v in self.manifest[VIDEO_KEY].iloc[row] if v)
        return (
            f"{self.paths[row]}: the crop {what} ({locate(self.manifest, row)}, video {video}). "
            "Run `telltrace prepare` again, which makes what is missing, or delete the row."
        )


def batches(
    dataset: FaceDataset,
    epoch: int,
    seed: int,
    batch_size: int,
    workers: int = 0,
    drop_last: bool = True,
    *,
    order: Order = "balanced",
    start: int = 0,
    shard: tuple[int, int] = (0, 1),
) -> Iterator[tuple[Tensor, Tensor]]:
    """The augmented batches of one epoch.

    What a batch holds depends on (seed, epoch) and its number alone: not on the workers, not on
    where a resumed run starts, and the shards of a batch together are the batch.

    Args:
        dataset: The crops.
        epoch: From 0.
        seed: Of the run.
        batch_size: Crops a batch, over all shards.
        workers: Threads that read ahead; 0 reads when asked.
        drop_last: Leave out a last batch that is not full.
        order: See ``epoch_order``.
        start: Number of the first batch to give, to resume within an epoch.
        shard: (rank, processes): which part of every batch to give.

    Yields:
        Images (B, H, W, 3) uint8 and labels (B,) int64.

    Raises:
        ValueError: If no batch comes of it, or a crop cannot be read.
    """
    rank, processes = shard
    if batch_size < 1 or batch_size % processes:
        raise ValueError(f"batch_size {batch_size} is not a multiple of {processes} processes.")
    indices = epoch_order(dataset.manifest, epoch, seed, order)
    starts = range(0, len(indices) - (batch_size - 1 if drop_last else 0), batch_size)
    if not starts:
        raise ValueError(
            f"{source_of(dataset.manifest)}: {len(indices)} crops make no batch of {batch_size}. "
            "Use a smaller batch_size, or more crops."
        )
    jobs = [
        [
            (int(indices[i]), i)
            for i in range(s + rank, min(s + batch_size, len(indices)), processes)
        ]
        for s in starts[start:]
    ]

    def load(job: tuple[int, int]) -> Image:
        row, position = job
        return augment(dataset.image(row), seed, epoch, position, dataset.recipe)

    for job, images in _in_order(load, jobs, workers):
        labels = torch.from_numpy(dataset.labels[[row for row, _ in job]])
        yield torch.from_numpy(np.stack(images)), labels


def epoch_order(manifest: pd.DataFrame, epoch: int, seed: int, order: Order) -> Indices:
    """Which rows one epoch shows, in which order: as many as the manifest has.

    "balanced" gives half of the epoch to each class, and an equal share of the fakes to each
    method. A group that is smaller than its share is repeated as evenly as can be; of a larger
    one each epoch shows another part. "shuffled" shows every row once, "manifest" in its order.

    Raises:
        ValueError: If "balanced" is asked of one class only.
    """
    count = len(manifest)
    if order == "manifest":
        return np.arange(count)
    rng = generator(seed, epoch, 0)
    if order == "shuffled":
        return rng.permutation(count)
    labels, methods = manifest.label.to_numpy(), manifest.method.to_numpy()
    if len(set(labels)) < 2:
        raise ValueError(
            f"{source_of(manifest)}: holds {'reals' if labels[0] == 0 else 'fakes'} only, so its "
            "classes cannot be balanced. Add the other class, or make fakes by blending."
        )
    names = sorted(set(methods[labels == 1]))
    groups = [np.flatnonzero(labels == 0)]
    groups += [np.flatnonzero((labels == 1) & (methods == name)) for name in names]
    shares = _shares(count // 2, 1) + _shares(count - count // 2, len(names))
    chosen = [_draw(group, share, rng) for group, share in zip(groups, shares, strict=True)]
    return rng.permutation(np.concatenate(chosen))


def _shares(total: int, parts: int) -> list[int]:
    """``total`` in ``parts`` whole numbers that differ by at most one."""
    return [total // parts + (i < total % parts) for i in range(parts)]


def _draw(group: Indices, count: int, rng: np.random.Generator) -> Indices:
    """``count`` rows of a group, none more than once oftener than another."""
    rounds = -(-count // len(group))
    return np.concatenate([rng.permutation(group) for _ in range(rounds)] or [group])[:count]


def _in_order(
    load: Callable[[Job], Image], jobs: list[list[Job]], workers: int
) -> Iterator[tuple[list[Job], list[Image]]]:
    """Every job with its images, in order, two jobs read ahead by threads.

    Threads and not processes: decoding and warping leave Python's lock, and the cache is shared.
    """
    if workers == 0:
        yield from ((job, [load(item) for item in job]) for job in jobs)
        return
    pool = ThreadPoolExecutor(workers)
    ahead: deque[tuple[list[Job], list[Future[Image]]]] = deque()
    try:
        for job in jobs:
            ahead.append((job, [pool.submit(load, item) for item in job]))
            if len(ahead) > 2:
                done, images = ahead.popleft()
                yield done, [image.result() for image in images]
        for done, images in ahead:
            yield done, [image.result() for image in images]
    finally:
        pool.shutdown(cancel_futures=True)
