"""Face crops as batches, in an order that depends on (seed, epoch) and on nothing else."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ManifestError, MediaError, OptionError
from ..files.pack import exists, read_bytes
from ..files.pictures import decode, decode_mask, one_thread_each
from ..pixels import Image
from ..pixels.augmentations import augment, check_recipe, generator
from .manifest import VIDEO_KEY, check_manifest, locate, source_of
from .transforms import Preprocessing

Order = Literal["balanced", "oversampled", "shuffled", "manifest"]
Indices = NDArray[np.int64]
Sample = tuple[Image, Image | None]
"""An image and its mask."""

UNKNOWN: Final = -1.0
"""Mask value of a pixel of which nobody knows whether it is forged."""


class FaceDataset:
    """The face crops of a manifest, at the size that ``preprocessing`` says, not normalised.

    Decoded crops stay in memory if all of them need no more than ``cache_bytes``, which are taken
    at once, so that they do not grow from epoch to epoch. `batches` augments by ``recipe``, a name
    out of ``augmentations.RECIPES``, and gives the masks of what was forged if ``masks``. A file
    that is missing when the dataset is built, or cannot be read later, is a MediaError, never
    another picture; an unknown recipe is an OptionError.
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
        for what, paths in (("crop", self.paths), ("mask", self.mask_paths)):
            for row, path in enumerate(paths):
                if path and not exists(path):
                    raise self._broken(row, path, f"the {what} does not exist")
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

        The mask is zero of a real face, and None if not asked for or not known.
        """
        known = self.masks and bool(self.mask_paths[row] or self.labels[row] == 0)
        if self._cache is not None and self._cached[row]:
            kept = self._cache[row]
            return np.ascontiguousarray(kept[..., :3]), kept[..., 3].copy() if known else None
        small = partial(decode, size=self.preprocessing.image_size)
        image = self.preprocessing.resize(self._picture(row, self.paths[row], "crop", small))
        mask = np.zeros(image.shape[:2], dtype=np.uint8) if known else None
        if known and (path := self.mask_paths[row]):
            grey = self._picture(row, path, "mask", decode_mask)
            mask = self.preprocessing.resize(np.stack([grey] * 3, axis=-1))[..., 0].copy()
        if self._cache is not None:
            self._cache[row, ..., :3] = image
            if mask is not None:
                self._cache[row, ..., 3] = mask
            self._cached[row] = True
        return image, mask

    def _picture(
        self, row: int, path: str, what: str, decoder: Callable[[Image], Image | None]
    ) -> Image:
        try:
            image = decoder(read_bytes(path))
        except OSError as error:
            reason = f"the {what} cannot be read ({error.strerror})"
            raise self._broken(row, path, reason) from None
        if image is None:
            raise self._broken(row, path, f"the {what} is no readable picture")
        return image

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
    *,
    order: Order = "balanced",
    start: int = 0,
    shard: tuple[int, int] = (0, 1),
) -> Iterator[tuple[Tensor, ...]]:
    """The augmented batches of one epoch from number ``start``, less a last one that is not full.

    A batch depends on (seed, epoch) and its number alone: not on the ``workers`` (threads that read
    ahead; 0 reads when asked), not on where a resumed run starts. The parts of all ``shard``s
    (rank, processes) are the ``batch_size`` crops of a batch; fewer are a ManifestError.

    Yields:
        Images (B, H, W, 3) uint8 and labels (B,) int64; if the dataset has masks, also these,
        (B, H, W) float32: 0 untouched to 1 forged, ``UNKNOWN`` all over a fake without a mask.
    """
    rows = epoch_order(dataset.manifest, epoch, seed, order)
    rank, processes = shard
    if batch_size < 1 or batch_size % processes:
        raise OptionError(f"batch_size {batch_size} is not a multiple of {processes} processes.")
    if len(rows) < batch_size:
        reason = f"{len(rows)} crops make no batch of {batch_size}"
        remedy = "Use a smaller batch_size, or more crops."
        raise ManifestError(reason, remedy=remedy, path=source_of(dataset.manifest))
    one_thread_each()

    def load(place: int) -> Sample:
        image, mask = dataset.sample(int(rows[place]))
        return augment(image, seed, epoch, place, dataset.recipe, mask)

    whole = np.arange(len(rows) // batch_size * batch_size).reshape(-1, batch_size)
    for places, samples in _in_order(load, whole[start:, rank::processes].tolist(), workers):
        images = torch.from_numpy(np.stack([image for image, _ in samples]))
        labels = torch.from_numpy(dataset.labels[rows[places]])
        if not dataset.masks:
            yield images, labels
            continue
        unknown = np.full(images.shape[1:3], UNKNOWN, np.float32)
        masks = [unknown if mask is None else mask.astype(np.float32) / 255 for _, mask in samples]
        yield images, labels, torch.from_numpy(np.stack(masks))


def _in_order(
    load: Callable[[int], Sample], jobs: list[list[int]], workers: int
) -> Iterator[tuple[list[int], list[Sample]]]:
    """Every job with its samples, in order, two read ahead by threads, which share the cache."""
    if workers == 0:
        yield from ((job, [load(place) for place in job]) for job in jobs)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        ahead = deque(pool.map(load, job) for job in jobs[:2])
        for number, job in enumerate(jobs):
            ahead.extend(pool.map(load, later) for later in jobs[number + 2 : number + 3])
            yield job, list(ahead.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def epoch_order(manifest: pd.DataFrame, epoch: int, seed: int, order: Order) -> Indices:
    """Which rows one epoch shows, in which order: as many as the manifest has, but "oversampled".

    "balanced" gives half of the epoch to each class, and an equal share of the fakes to each
    method. A group that is smaller than its share is repeated as evenly as can be; of a larger
    one each epoch shows another part; one class only is a ManifestError. "oversampled"
    shows every row, those of the smaller class a whole number of times that brings it nearest to
    the other's size. "shuffled" shows every row once, "manifest" in its order.
    """
    count = len(manifest)
    if order == "manifest":
        return np.arange(count)
    rng = generator(seed, epoch, 0)
    if order == "shuffled":
        return rng.permutation(count)
    labels, methods = manifest.label.to_numpy(), manifest.method.to_numpy()
    if order == "oversampled":
        sizes = np.bincount(labels, minlength=2)
        times = np.where(labels == sizes.argmin(), round(sizes.max() / max(1, sizes.min())), 1)
        return rng.permutation(np.repeat(np.arange(count), times))
    if len(set(labels)) < 2:
        only = "reals" if labels[0] == 0 else "fakes"
        reason = f"holds {only} only, so its classes cannot be balanced"
        remedy = "Add the other class, or make fakes by blending."
        raise ManifestError(reason, remedy=remedy, path=source_of(manifest))
    names = sorted(set(methods[labels == 1]))
    groups = [labels == 0, *((labels == 1) & (methods == name) for name in names)]
    parts = np.array_split(np.arange(count - count // 2), len(names))
    chosen = []
    for group, share in zip(groups, [count // 2, *map(len, parts)], strict=True):
        rounds = -(-share // int(group.sum()))
        again = [rng.permutation(np.flatnonzero(group)) for _ in range(rounds)]
        chosen += np.concatenate([*again, np.empty(0, np.int64)])[:share].tolist()
    return rng.permutation(np.array(chosen))
