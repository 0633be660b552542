"""Copies of one side's files on another side: same path, same bytes, same pixels, same looks."""

import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from itertools import permutations
from typing import Final, Literal, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.perceptual_hash import near_duplicates
from ..errors import ManifestError
from ..files import file_sha256
from ..files.pack import entry_length, find_entry
from .media import Look, Medium

CopyKind = Literal["path", "file", "pixels", "near"]
Item = TypeVar("Item")

CLOSE: Final = 10
"""Differing bits of their hashes up to which two pictures are compared at all: wide, since the
comparison decides."""
ALIKE: Final = 0.97
"""Correlation of two small grey copies from which pictures are the same. Of 1,500 copies of faces
(resized, JPEG down to quality 40, lighter, darker) all reached 0.98; of two million pairs of
different people the closest reached 0.93."""
TRIES: Final = 8
"""Pictures of one hash and side that a near-duplicate is compared with."""


class Copy(NamedTuple):
    """How a file of one side is on another side too, and as which file."""

    kind: CopyKind
    original: str


class _Seen(NamedTuple):
    """One picture of one side."""

    side: str
    path: str
    number: int
    """Which of the file's looks."""
    look: Look


_Pairs = Iterator[tuple[_Seen, _Seen]]
Copies = dict[tuple[str, str], dict[str, Copy]]
"""By (first side, second side): the files of the second side that are on the first too."""


def find_copies(table: pd.DataFrame, media: Mapping[str, Medium]) -> Copies:
    """For each two sides the files of one that are on the other, each by its plainest likeness.

    Paths and bytes are compared for all rows (none of no side), pixels and looks for the files
    looked at. A video is a copy if half of the frames looked at are.
    """
    copies: Copies = defaultdict(dict)
    rows = list(zip(table.side, table.path, strict=True))
    keys: dict[CopyKind, Callable[[str], Hashable]]
    keys = {"path": _real_path, "file": _digests(rows).get}
    for kind, key in keys.items():
        for sides, original, path in _meetings((key(path), side, path) for side, path in rows):
            copies[sides].setdefault(path, Copy(kind, original))
    seen = [
        _Seen(side, path, number, look)
        for side, path in rows
        if path in media
        for number, look in enumerate(media[path].looks)
        if look.pixels
    ]
    same = _meetings((one.look.pixels, one.side, one) for one in seen)
    _add_pictures(copies, media, "pixels", ((original, copy) for _, original, copy in same))
    _add_pictures(copies, media, "near", _near(seen))
    return copies


def _add_pictures(
    copies: Copies, media: Mapping[str, Medium], kind: CopyKind, pairs: _Pairs
) -> None:
    """Count the matched frames of each file; half of them make it a copy."""
    found: dict[tuple[str, str, str], dict[int, str]] = defaultdict(dict)
    for original, copy in pairs:
        found[original.side, copy.side, copy.path].setdefault(copy.number, original.path)
    for (first, second, path), frames in found.items():
        if 2 * len(frames) >= len(media[path].looks):
            copies[first, second].setdefault(path, Copy(kind, next(iter(frames.values()))))


def _real_path(path: str) -> str:
    if os.path.islink(path):  # noqa: PTH114 (a million paths: pathlib takes ten times as long)
        return os.path.realpath(path)
    folder, name = os.path.split(path)
    return os.path.join(_real_folder(folder), name)  # noqa: PTH118


_real_folder = lru_cache(maxsize=2**16)(os.path.realpath)


def _meetings(
    named: Iterable[tuple[Hashable, str, Item]],
) -> Iterator[tuple[tuple[str, str], Item, Item]]:
    """From (key, side, item): original and copy of one key on two sides, in both directions."""
    holders: dict[Hashable, dict[str, list[Item]]] = defaultdict(lambda: defaultdict(list))
    for key, side, item in named:
        if key is not None:
            holders[key][side].append(item)
    for sides in holders.values():
        for first, second in permutations(sides, 2):
            yield from (((first, second), sides[first][0], copy) for copy in sides[second])


def _digests(rows: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """SHA-256 of the files that may be copies: those of one length, on more than one side."""
    sides: dict[str, set[str]] = defaultdict(set)
    for side, path in rows:
        sides[path].add(side)
    lengths: dict[int | None, list[str]] = defaultdict(list)
    for path in sides:
        lengths[_length(path)].append(path)
    lengths.pop(None, None)
    equal = (paths for paths in lengths.values() if len(paths) > 1)
    shared = (of for of in equal if len(set[str]().union(*(sides[path] for path in of))) > 1)
    return {path: _digest(path) for paths in shared for path in paths}


def _length(path: str) -> int | None:
    try:
        return entry_length(path) or None
    except ManifestError:
        return None


def _digest(path: str) -> str | None:
    try:
        entry = find_entry(path)
        return sha256(entry[0].read(entry[1]).data).hexdigest() if entry else file_sha256(path)
    except OSError:
        return None


def _near(seen: list[_Seen]) -> _Pairs:
    """Pictures of different sides whose hashes are close and whose small copies correlate."""
    holders: dict[int, dict[str, list[_Seen]]] = defaultdict(lambda: defaultdict(list))
    for one in seen:
        holders[one.look.hash][one.side].append(one)
    hashes = list(holders)
    groups = [next(iter(s)) if len(s := holders[h]) == 1 else f"{i} " for i, h in enumerate(hashes)]
    pairs = near_duplicates(np.array(hashes, np.uint64), CLOSE, sides=groups).tolist()
    pairs += [(i, i) for i, hash_ in enumerate(hashes) if len(holders[hash_]) > 1]
    for one, other in pairs:
        for left, right in {(one, other), (other, one)}:
            yield from _alike(holders[hashes[left]], holders[hashes[right]])


def _alike(originals: Mapping[str, list[_Seen]], copies: Mapping[str, list[_Seen]]) -> _Pairs:
    for first, candidates in originals.items():
        for second, found in copies.items():
            if first == second:
                continue
            small = np.stack([_standard(one.look.thumb) for one in candidates[:TRIES]])
            for copy in found:
                likeness = small @ _standard(copy.look.thumb)
                if likeness.max() >= ALIKE:
                    yield candidates[int(likeness.argmax())], copy


def _standard(thumb: bytes) -> NDArray[np.float64]:
    """A small copy with mean 0 and length 1, so that a product of two is their correlation."""
    grey = np.frombuffer(thumb, np.uint8).astype(np.float64)
    grey -= grey.mean()
    return grey / max(float(np.linalg.norm(grey)), 1e-9)
