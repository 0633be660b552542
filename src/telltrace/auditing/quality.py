"""How a set is balanced, which of its files cannot be read, and which faces are hard to see."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import pandas as pd

from ..data.manifest import VIDEO_KEY, identities
from ..faces.quality import DARK, SHARP, SIDE
from .media import Medium
from .traits import known_traits, readable_rows

Flaw = Literal["small", "blurred", "dark"]
Kind = Literal["missing", "unreadable", "damaged"]

SMALL: Final = 64.0
"""Shorter side of a face in its source, in pixels, below which it is too small."""
UNEVEN: Final = 4.0
"""Ratio of one class to the other from which a side is called uneven."""
FLAWS: Final[dict[Flaw, str]] = {
    "small": f"shorter side below {SMALL:.0f} pixels in the source",
    "blurred": f"finest details below {SHARP:.0%} of the contrast at {SIDE} pixels",
    "dark": f"mean grey level below {DARK:.0f} of 255",
}
NAMES: Final = ("real", "fake")


@dataclass(frozen=True)
class Count:
    """How much there is of one method, at one compression, on one side."""

    side: str
    dataset: str
    compression: str
    method: str
    label: int
    files: int
    videos: int
    people: int


@dataclass(frozen=True)
class Trouble:
    """A file that is missing, cannot be read, or is damaged."""

    path: str
    kind: Kind
    reason: str
    remedy: str


@dataclass(frozen=True)
class Flawed:
    """Faces (or, in whole media, pictures) with one flaw, per class."""

    flaw: Flaw
    label: int
    found: int
    total: int
    examples: tuple[str, ...]


def count_rows(rows: pd.DataFrame) -> list[Count]:
    """Files, videos and people of every side, data set, compression and method."""
    keys = ["side", "dataset", "compression", "label", "method"]
    counts = []
    for _, part in rows.groupby(keys, sort=True):
        side, dataset, compression, label, method = part[keys].iloc[0]
        people = {name for text in part.identity.unique() for name in identities(text)}
        of = part.path.nunique(), part.groupby(VIDEO_KEY).ngroups, len(people)
        counts.append(Count(side, dataset, compression, method, int(label), *of))
    return counts


def balance_notes(rows: pd.DataFrame, media: Mapping[str, Medium]) -> list[str]:
    """What a reader should know about the classes, one sentence each."""
    notes = [note for side, part in rows.groupby("side") for note in _side_notes(str(side), part)]
    return [*notes, *_contradictions(rows, media)]


def _side_notes(side: str, part: pd.DataFrame) -> Iterator[str]:
    where = side or "without a split"
    counts = part.label.value_counts().reindex([0, 1], fill_value=0)
    if (counts == 0).any():
        only = NAMES[int(counts.argmax())]
        yield f"{where}: holds {only}s only; nothing can be told apart there."
        return
    ratio = counts.max() / counts.min()
    if ratio >= UNEVEN:
        more, less = NAMES[int(counts.argmax())], NAMES[int(counts.argmin())]
        yield (
            f"{where}: {ratio:.1f} {more}s for each {less}. Weigh the classes or draw evenly from "
            "both, and do not quote accuracy."
        )
    for column, what in (("dataset", "data set"), ("compression", "compression")):
        shares = part.groupby(column).label.mean()
        for value in shares.index[(shares == 0) | (shares == 1)]:
            if len(shares) > 1:
                only = NAMES[int(shares[value])]
                yield (
                    f"{where}: the {what} {str(value) or '(none named)'!r} holds {only}s only. "
                    f"What is learnt may be the {what} and not the forgery."
                )


def _contradictions(rows: pd.DataFrame, media: Mapping[str, Medium]) -> Iterator[str]:
    """Pictures that stand in the manifest as real and as fake."""
    holders: dict[bytes, dict[int, str]] = defaultdict(dict)
    for path, label in zip(rows.path, rows.label, strict=True):
        looks = media[path].looks if path in media else ()
        if looks and all(look.pixels for look in looks):
            holders[b"".join(look.pixels for look in looks)].setdefault(int(label), path)
    both = [paths for paths in holders.values() if len(paths) > 1]
    if both:
        are = "picture is" if len(both) == 1 else "pictures are"
        such = f"such as {both[0][0]} and {both[0][1]}"
        yield f"{len(both)} {are} listed as real and as fake, {such}. Correct their labels."


def find_troubles(media: Mapping[str, Medium]) -> list[Trouble]:
    """Every file looked at that gave nothing, or not all of it; missing ones first."""
    troubles = []
    for medium in (medium for medium in media.values() if medium.trouble):
        kind: Kind = "damaged" if medium.looks else "unreadable"
        kind = "missing" if medium.missing else kind
        troubles.append(Trouble(medium.path, kind, medium.trouble, medium.remedy))
    return sorted(troubles, key=lambda trouble: get_args(Kind).index(trouble.kind))


def find_flaws(rows: pd.DataFrame, media: Mapping[str, Medium]) -> list[Flawed]:
    """How many faces of each class are too small (if boxes are known), blurred or dark."""
    table = readable_rows(rows, media)
    looks = [media[path].looks for path in table.path]
    sizes = [(x.get("face_width"), x.get("face_height")) for x in known_traits(table, media)]
    values: dict[Flaw, tuple[pd.Series[float], float]] = {
        "small": (pd.DataFrame(sizes, dtype="float64").min(axis=1), SMALL),
        "blurred": (pd.Series([np.median([x.sharpness for x in of]) for of in looks]), SHARP),
        "dark": (pd.Series([np.median([x.brightness for x in of]) for of in looks]), DARK),
    }
    flawed = []
    for flaw, (numbers, limit) in values.items():
        for label in (0, 1):
            of = numbers[(table.label == label) & numbers.notna()]
            worst = of[of < limit].sort_values()
            if len(of):
                examples = tuple(table.path[worst.index[:5]])
                flawed.append(Flawed(flaw, label, len(worst), len(of), examples))
    return flawed
