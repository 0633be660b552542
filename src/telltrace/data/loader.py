"""Face crops as batches, in an order that depends on (seed, epoch) and on nothing else."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..errors import ManifestError, MediaError, OptionError
from ..packs.pictures import decode, decode_mask, exists, one_thread_each, read_bytes
from ..pixels.augmentations import augment, check_recipe
from .manifest import VIDEO_KEY, check_manifest, locate, source_of
from .order import Indices, Order, epoch_order
from .transforms import Image, Preprocessing

Job = tuple[int, int]
"""A row, and its position in the epoch."""
Sample = tuple[Image, Image | None]
"""An image and its mask."""

UNKNOWN: Final = -1.0
"""Mask value of a pixel of which nobody knows whether it is forged."""


class FaceDataset:
    """The face crops of a manifest, at the network's size.

    Decoded crops stay in memory if all of them fit, so that every file is decoded once and not
    once an epoch; that memory is taken at once, so that it does not grow from epoch to epoch. A
    missing file is an error when the dataset is built, never another picture.

    Args:
        manifest: Crops, as ``prepare`` or ``pack`` writes them.
        preprocessing: Gives the size; normalisation is left to ``Preprocessing.tensor``.
        recipe: Augmentation for ``batches``, a name out of ``augmentations.RECIPES``.
        masks: Whether ``batches`` gives the masks of what was forged as well.
        cache_bytes: Keep decoded crops in memory if they need no more than this.

    Raises:
        MediaError: If a crop is missing, naming the file, its row and what to do; from the methods,
            if it is no readable picture.
        OptionError: If the recipe is unknown.
    """

    def __init__(
        self,
        manifest: pd.DataFrame,
        preprocessing: Preprocessing,
        *,
        recipe: str = "none",
        masks: bool = False,
        cache_bytes: int = 2 * 2**30,
    ) -> None:
        check_recipe(recipe)
        self.manifest = check_manifest(manifest)
        self.preprocessing, self.recipe, self.masks = preprocessing, recipe, masks
        self.labels: Indices = self.manifest.label.to_numpy(dtype=np.int64)
        self.paths = self.manifest.path.tolist()
        self.mask_paths = self.manifest["mask"].tolist() if masks else []
        for row, path in enumerate(self.paths):
            if not exists(path):
                raise self._broken(row, path, "the crop does not exist")
        for row, path in enumerate(self.mask_paths):
            if path and not exists(path):
                raise self._broken(row, path, "the mask does not exist")
        size = preprocessing.image_size
        shape = (len(self.paths), size, size, 4 if masks else 3)
        fits = int(np.prod(shape, dtype=np.int64)) <= cache_bytes
        self._cache: Image | None = np.full(shape, 0, dtype=np.uint8) if fits else None
        self._cached = np.zeros(len(self.paths), dtype=bool)

    def __len__(self) -> int:
        return len(self.paths)

    def image(self, row: int) -> Image:
        """The crop of one row at the network's size, (S, S, 3) uint8 RGB, not augmented."""
        return self.sample(row)[0]

    def sample(self, row: int) -> Sample:
        """The crop of one row and its mask, (S, S) uint8, at the network's size, not augmented.

        The mask of a real face is zero. It is None where masks were not asked for, and for a
        fake of which nobody knows where it was forged.
        """
        known = self.masks and bool(self.mask_paths[row] or self.labels[row] == 0)
        if self._cache is not None and self._cached[row]:
            kept = self._cache[row]
            return np.ascontiguousarray(kept[..., :3]), kept[..., 3].copy() if known else None
        image = self.preprocessing.resize(self._decode(row, self.preprocessing.image_size))
        mask = self._mask(row) if known else None
        if self._cache is not None:
            self._cache[row, ..., :3] = image
            if mask is not None:
                self._cache[row, ..., 3] = mask
            self._cached[row] = True
        return image, mask

    def crop(self, row: int) -> Image:
        """The crop of one row as it was cut, uint8 RGB, whatever its size."""
        return self._decode(row, None)

    def _decode(self, row: int, size: int | None) -> Image:
        image = decode(self._read(row, self.paths[row], "crop"), size)
        if image is None:
            raise self._broken(row, self.paths[row], "the crop is no readable picture")
        return image

    def _mask(self, row: int) -> Image:
        size, path = self.preprocessing.image_size, self.mask_paths[row]
        if not path:
            return np.zeros((size, size), dtype=np.uint8)
        mask = decode_mask(self._read(row, path, "mask"))
        if mask is None:
            raise self._broken(row, path, "the mask is no readable picture")
        return self.preprocessing.resize(np.stack([mask] * 3, axis=-1))[..., 0].copy()

    def _read(self, row: int, path: str, what: str) -> Image:
        try:
            return read_bytes(path)
        except OSError as error:
            reason = f"the {what} cannot be read ({error.strerror})"
            raise self._broken(row, path, reason) from None

    def _broken(self, row: int, path: str, what: str) -> MediaError:
        video = "/".join(str(v) for v in self.manifest[VIDEO_KEY].iloc[row] if v)
        return MediaError(
            f"{what} ({locate(self.manifest, row)}, video {video})",
            remedy="Run `telltrace prepare` again, which makes what is missing, or delete the row.",
            path=path,
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
) -> Iterator[tuple[Tensor, ...]]:
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
        Images (B, H, W, 3) uint8 and labels (B,) int64; if the dataset has masks, also these,
        (B, H, W) float32: 0 untouched to 1 forged, ``UNKNOWN`` all over a fake without a mask.

    Raises:
        ManifestError: If no batch comes of it.
    """
    rows = epoch_order(dataset.manifest, epoch, seed, order).tolist()
    jobs = _jobs(rows, batch_size, drop_last, shard)
    if not jobs:
        raise ManifestError(
            f"{len(rows)} crops make no batch of {batch_size}",
            remedy="Use a smaller batch_size, or more crops.",
            path=source_of(dataset.manifest),
        )
    one_thread_each()

    def load(job: Job) -> Sample:
        row, position = job
        image, mask = dataset.sample(row)
        return augment(image, seed, epoch, position, dataset.recipe, mask)

    for job, samples in _in_order(load, jobs[start:], workers):
        images = torch.from_numpy(np.stack([image for image, _ in samples]))
        labels = torch.from_numpy(dataset.labels[[row for row, _ in job]])
        if dataset.masks:
            yield images, labels, _masks([mask for _, mask in samples], images)
        else:
            yield images, labels


def _jobs(
    rows: list[int], batch_size: int, drop_last: bool, shard: tuple[int, int]
) -> list[list[Job]]:
    """This process's part of every batch."""
    rank, processes = shard
    if batch_size < 1 or batch_size % processes:
        raise OptionError(f"batch_size {batch_size} is not a multiple of {processes} processes.")
    places = list(enumerate(rows))
    starts = range(0, len(rows) - (batch_size - 1 if drop_last else 0), batch_size)
    return [
        [(row, place) for place, row in places[s : s + batch_size][rank::processes]] for s in starts
    ]


def _masks(masks: list[Image | None], images: Tensor) -> Tensor:
    """Masks in [0, 1], and :data:`UNKNOWN` all over where there is none."""
    stacked = torch.full(images.shape[:3], UNKNOWN)
    for place, mask in zip(stacked, masks, strict=True):
        if mask is not None:
            place.copy_(torch.from_numpy(mask)).div_(255)
    return stacked


def _in_order(
    load: Callable[[Job], Sample], jobs: list[list[Job]], workers: int
) -> Iterator[tuple[list[Job], list[Sample]]]:
    """Every job with its samples, in order, two jobs read ahead by threads.

    Not by processes: decoding and warping leave Python's lock, and the cache is shared.
    """
    if workers == 0:
        yield from ((job, [load(item) for item in job]) for job in jobs)
        return
    pool = ThreadPoolExecutor(workers)
    ahead: deque[tuple[list[Job], list[Future[Sample]]]] = deque()
    try:
        for job in jobs:
            ahead.append((job, [pool.submit(load, item) for item in job]))
            if len(ahead) > 2:
                done, samples = ahead.popleft()
                yield done, [sample.result() for sample in samples]
        for done, samples in ahead:
            yield done, [sample.result() for sample in samples]
    finally:
        pool.shutdown(cancel_futures=True)
