"""What two sides of a split have in common and must not: people, videos, files, pictures."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final, Literal

import pandas as pd

from ..data.manifest import identities
from .copies import find_copies
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
    files = {str(side): paths.nunique() for side, paths in table.groupby("side").path}
    names = _names(table)
    videos = {side: len(held) for side, held in names["video"].items()}
    leaks = []
    for pair in combinations(sorted(table.side.unique(), key=_rank), 2):
        first, second = pair
        copied = {(a, b): len(copies.get((a, b), {})) for a, b in (pair, pair[::-1])}
        common = len(names["video"][first].keys() & names["video"][second].keys())
        whole = _containment(pair, files, copied)
        whole = whole or _containment(pair, videos, dict.fromkeys((pair, pair[::-1]), common))
        leaks += [whole] if whole else []
        found: dict[Kind, list[Example]] = defaultdict(list)
        for path, copy in copies.get(pair, {}).items():
            found[copy.kind].append(Example("", copy.original, path))
        leaks += [_leak(kind, pair, examples, files[second]) for kind, examples in found.items()]
        for kind, held in names.items():
            one, other = held[first], held[second]
            both = [Example(" ".join(filter(None, k)), one[k], other[k]) for k in other if k in one]
            leaks += [_leak(kind, pair, both, len(other))] if both else []
    order = list(MEANING)
    return sorted(leaks, key=lambda x: (order.index(x.kind), _rank(x.first), _rank(x.second)))


def _leak(kind: Kind, pair: tuple[str, str], examples: list[Example], total: int) -> Leak:
    return Leak(kind, *pair, len(examples), total, tuple(examples[:EXAMPLES]))


def _rank(side: str) -> tuple[int, str]:
    """Training first: it is what the others must be free of."""
    at = KNOWN_SIDES.index(side) if side in KNOWN_SIDES else len(KNOWN_SIDES)
    return at, side


def _names(table: pd.DataFrame) -> dict[Kind, dict[str, dict[tuple[str, str], str]]]:
    """Videos and people of each side, each with a file of it.

    A name means one thing in its data set: a video's forgeries and compressions share its name.
    Where no set is named and names are the files' own, it is the manifest: two of them may both
    have a "0001" that are strangers.
    """
    stems = pd.Series([Path(path).stem for path in table.path], index=table.index)
    unnamed = (table.dataset == "") & (table.video == table.identity) & (table.video == stems)
    scopes = table.dataset.mask(unnamed, table.manifest)
    found: dict[Kind, dict[str, dict[tuple[str, str], str]]]
    found = {kind: defaultdict(dict) for kind in ("video", "identity")}
    columns = scopes, table.side, table.path, table.video, table.identity
    for scope, side, path, video, people in zip(*columns, strict=True):
        found["video"][side].setdefault((scope, video), path)
        for person in identities(people):
            found["identity"][side].setdefault((scope, person), path)
    return found


def _containment(
    pair: tuple[str, str], sizes: Mapping[str, int], shared: Mapping[tuple[str, str], int]
) -> Leak | None:
    """Whether (almost) all of one of two sides is in the other, or both are the same."""
    inside = [(a, b) for a, b in (pair, pair[::-1]) if shared[a, b] >= WHOLE * sizes[b]]
    if not inside:
        return None
    kind: Kind = "equal" if len(inside) == 2 else "contained"
    return Leak(kind, *inside[0], shared[inside[0]], sizes[inside[0][1]])
