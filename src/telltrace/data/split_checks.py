"""What must not be on two sides of a split: a person, a source video, a picture seen twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from ..errors import ManifestError
from ..evaluation.names import naming_of, sources_of
from ..files.pictures import read_crop
from ..jobs.threads import processors
from .manifest import identities, locate
from .perceptual_hash import NEAR, bits_that_differ, near_duplicates, perceptual_hash

Named = tuple[str, ...]
"""A person or video by its name, which is last, and by what it is a name in."""


class SplitError(ManifestError):
    """A split that would let a detector be judged on what it has learnt from."""


def check_splits(manifest: pd.DataFrame) -> None:
    """Refuse a manifest in which one person or one source video stands in two splits.

    People are those of the ``identity`` column. Source videos are read from the video's own name
    by the rule of its data set (``183_253`` was made from 183 and 253), so that a wrong identity
    hides nothing, nor does another compression, or DeepFakeDetection filed under another data set's
    name. The SplitError names the person or video, the two rows that clash, and what to do.
    """
    splits = manifest.split.tolist()
    for what, remedy, named in (
        ("Identity", "a face must not be both learnt from and judged", _people),
        ("Source video", "what was made from it shows it too", _sources),
    ):
        first: dict[Named, int] = {}
        clashes: list[tuple[Named, int]] = []
        for row, (split, names) in enumerate(zip(splits, named(manifest), strict=True)):
            for name in names if split else ():
                if splits[first.setdefault(name, row)] != split:
                    clashes.append((name, row))
        if clashes:
            name, row = clashes[0]
            raise SplitError(
                f"{what} {name[-1]!r} is in {_row(manifest, first[name])} and in "
                f"{_row(manifest, row)}; {len({row for _, row in clashes})} rows clash so. "
                f"Put them into one split, or leave one side out: {remedy}."
            )


def _people(manifest: pd.DataFrame) -> Iterator[list[Named]]:
    for dataset, identity in zip(manifest.dataset, manifest.identity, strict=True):
        yield [(dataset, name) for name in identities(identity)]


def _sources(manifest: pd.DataFrame) -> Iterator[list[Named]]:
    columns = (manifest.dataset, manifest.method, manifest.video)
    for dataset, method, video in zip(*columns, strict=True):
        sources, rule = sources_of(dataset, video), naming_of(dataset, video)
        yield [(rule, method, video)] if sources is None else [(rule, name) for name in sources]


def _row(manifest: pd.DataFrame, row: int) -> str:
    """A row as an error names it: its split, its file, and where it is listed."""
    path, split = manifest.path.iloc[row], manifest.split.iloc[row]
    return f"{split} ({path}, {locate(manifest, row)})"


def check_near_duplicates(manifest: pd.DataFrame, max_distance: int = NEAR) -> None:
    """Refuse crops on two sides that look the same, up to so many bits of `perceptual_hash`.

    Rows without a split, or of whole videos, are passed over. The SplitError names up to three
    pairs; a picture that cannot be read is a MediaError.
    """
    rows = np.flatnonzero(((manifest.split != "") & (manifest.frame >= 0)).to_numpy())
    if not len(rows):
        return
    paths = manifest.path.iloc[rows].tolist()
    with ThreadPoolExecutor(processors()) as pool:
        found = pool.map(lambda path: perceptual_hash(read_crop(path)), paths)
        hashes = np.fromiter(found, dtype=np.uint64, count=len(paths))
    splits = manifest.split.iloc[rows].to_numpy(dtype=str)
    kinds = pd.DataFrame({"hash": hashes, "split": splits}).drop_duplicates().index.to_numpy()
    pairs = near_duplicates(hashes[kinds], max_distance, sides=splits[kinds])
    if not len(pairs):
        return
    one, other = kinds[pairs[:, 0]], kinds[pairs[:, 1]]
    apart = bits_that_differ(hashes[one], hashes[other])
    nearest = np.argsort(apart, kind="stable")[:3]
    told = "; ".join(
        f"{_row(manifest, rows[one[i]])} and {_row(manifest, rows[other[i]])}, "
        f"{apart[i]} of 64 bits apart"
        for i in nearest
    )
    raise SplitError(
        f"{len(pairs)} pairs of pictures look the same on two sides: {told}. Delete one of each, "
        "put both into one split, or set near_duplicates in the protocol to fewer bits (0 finds "
        "equal hashes only, null none)."
    )
