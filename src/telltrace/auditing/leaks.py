"""What two sides of a split have in common and must not: people, videos, files, pictures."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final, Literal

import pandas as pd

from ..data.manifest import identities
from .copies import Copies, find_copies
from .media import Medium

Kind = Literal["equal", "contained", "path", "file", "pixels", "near", "video", "identity"]

MEANING: Final[dict[Kind, str]] = {
    "equal": "both sides are the same",
    "contained": "all of one side is in the other",
    "path": "the same file",
    "file": "copies of a file, byte by byte",
    "pixels": "copies of a picture, pixel by pixel",
    "near": "pictures that look the same",
    "video": "the same source video",
    "identity": "the same person",
}
"""What each kind of leak is, worst first."""
REMEDY: Final[dict[Kind, str]] = {
    "equal": "Make the split anew: what is chosen or judged on one side was seen on the other.",
    "contained": "Make the split anew: the smaller side tests nothing but memory.",
    "path": "Keep each file on one side.",
    "file": "Delete the copies, or keep all of them on one side.",
    "pixels": "Delete the copies, or keep all of them on one side.",
    "near": "Look at the pairs; keep recompressed, resized and neighbouring pictures on one side.",
    "video": "Split by source video: its forgeries and compressions belong where it is.",
    "identity": "Split by identity (`--protocol by-identity`); a forgery holds two people.",
}
EXAMPLES: Final = 5
WHOLE: Final = 0.99
"""Share of a side's files or videos that must be on the other side too to call it contained."""
KNOWN_SIDES: Final = ("train", "val", "test")


@dataclass(frozen=True)
class Example:
    """One thing that is on both sides: what it is, and a file of each side that holds it."""

    what: str
    first: str
    second: str


@dataclass(frozen=True)
class Leak:
    """What two sides share."""

    kind: Kind
    first: str
    second: str
    """The two sides; of a side that is contained in another, ``second`` is contained."""
    found: int
    """How many people, videos or files of the second side are on the first too."""
    total: int
    """How many the second side has."""
    examples: tuple[Example, ...] = ()

    @property
    def remedy(self) -> str:
        return REMEDY[self.kind]


def find_leaks(rows: pd.DataFrame, media: Mapping[str, Medium]) -> list[Leak]:
    """Everything that two sides share, worst kind first.

    Names (people, videos, paths) and copied files are looked for in all rows; copied pictures in
    the files that were looked at. A file is told of once, by its plainest likeness: one of the
    same path is no copy, and a copy does not merely look the same.
    """
    table = rows[rows.side != ""].reset_index(drop=True)
    if table.side.nunique() < 2:
        return []
    copies = find_copies(table, media)
    leaks = [
        *_whole(table, copies),
        *_copied(table, copies),
        *_shared("video", table, _videos(table)),
        *_shared("identity", table, _people(table)),
    ]
    order = list(MEANING)
    return sorted(leaks, key=lambda x: (order.index(x.kind), _rank(x.first), _rank(x.second)))


def _rank(side: str) -> tuple[int, str]:
    """Training first: it is what the others must be free of."""
    at = KNOWN_SIDES.index(side) if side in KNOWN_SIDES else len(KNOWN_SIDES)
    return at, side


def _pairs(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(combinations(sorted(table.side.unique(), key=_rank), 2))


def _scope(table: pd.DataFrame) -> "pd.Series[str]":
    """The set within which a row's names mean one thing: its data set.

    Its manifest, where no set is named and names are the files' own: two "0001" may be strangers.
    """
    stems = pd.Series([Path(path).stem for path in table.path], index=table.index)
    unnamed = (table.dataset == "") & (table.video == table.identity) & (table.video == stems)
    return table.dataset.mask(unnamed, table.manifest)


def _people(table: pd.DataFrame) -> list[list[Hashable]]:
    named = zip(_scope(table), table.identity, strict=True)
    return [[(scope, name) for name in identities(text)] for scope, text in named]


def _videos(table: pd.DataFrame) -> list[list[Hashable]]:
    """The video's name in its data set: its forgeries and its compressions share it."""
    return [[key] for key in zip(_scope(table), table.video, strict=True)]


def _shared(kind: Kind, table: pd.DataFrame, keys: Iterable[Iterable[Hashable]]) -> Iterator[Leak]:
    """One leak for each two sides that share a name."""
    held: dict[str, dict[Hashable, str]] = defaultdict(dict)
    for side, path, own in zip(table.side, table.path, keys, strict=True):
        for key in own:
            held[side].setdefault(key, path)
    for first, second in _pairs(table):
        both = [key for key in held[second] if key in held[first]]
        if both:
            examples = (Example(_text(k), held[first][k], held[second][k]) for k in both[:EXAMPLES])
            yield Leak(kind, first, second, len(both), len(held[second]), tuple(examples))


def _text(key: Hashable) -> str:
    return " ".join(str(part) for part in key if part) if isinstance(key, tuple) else str(key)


def _copied(table: pd.DataFrame, copies: Copies) -> Iterator[Leak]:
    """One leak for each two sides and each kind of copy."""
    totals = table.groupby("side").path.nunique()
    for first, second in _pairs(table):
        by_kind: dict[Kind, list[Example]] = defaultdict(list)
        for path, copy in copies.get((first, second), {}).items():
            by_kind[copy.kind].append(Example("", copy.original, path))
        for kind, found in by_kind.items():
            yield Leak(
                kind, first, second, len(found), int(totals[second]), tuple(found[:EXAMPLES])
            )


def _whole(table: pd.DataFrame, copies: Copies) -> Iterator[Leak]:
    """Sides of which (almost) every file, or every video, is on another side too."""
    files = {str(side): set(paths) for side, paths in table.groupby("side").path}
    videos: dict[str, set[Hashable]] = defaultdict(set)
    for side, keys in zip(table.side, _videos(table), strict=True):
        videos[side].update(keys)
    for pair in _pairs(table):
        leak = _containment(pair, files, lambda a, b: len(copies.get((a, b), {})))
        leak = leak or _containment(pair, videos, lambda a, b: len(videos[a] & videos[b]))
        if leak:
            yield leak


def _containment(
    pair: tuple[str, str], of: Mapping[str, set[Hashable]], shared: Callable[[str, str], int]
) -> Leak | None:
    """Whether one of two sides is in the other, or both are the same."""
    inside = [(a, b) for a, b in (pair, pair[::-1]) if shared(a, b) >= WHOLE * len(of[b])]
    if not inside:
        return None
    first, second = inside[0]
    kind: Kind = "equal" if len(inside) == 2 else "contained"
    return Leak(kind, first, second, shared(first, second), len(of[second]))
