"""The questions of an audit: which properties might give the classes away, and what to do then."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..evaluation.metrics import auc
from .media import Medium

Floats = NDArray[np.float64]
Known = Mapping[str, Any]

MOST_WORDS: Final = 24
"""Values of a word that are told apart; rarer ones are taken together."""
USUAL: Final = 0.2
"""Share of the files from which a size is usual enough to be named."""
LONGEST: Final = 28
"""Letters of a word that are shown."""


@dataclass(frozen=True)
class Question:
    """A group of properties that say nothing about whether a face is forged."""

    name: str
    traits: tuple[str, ...]
    """Names in what `known_traits` gives."""
    remedy: str


QUESTIONS: Final = (
    Question("size", ("width", "height"),
        "Bring both classes to one size the same way: `telltrace prepare` with the same --size."),
    Question("aspect ratio", ("aspect",),
        "Cut square face crops from both classes; never train on whole frames."),
    Question("file format", ("format", "mode", "exif", "icc", "progressive"),
        "Decode both classes and save them in one format, by one program: `telltrace prepare`."),
    Question("JPEG tables", ("jpeg_tables",),
        "Recompress both classes alike, with qualities drawn at random, after cropping; a "
        "difference from before decoding stays in the pixels: take both classes from one source."),
    Question("chroma subsampling", ("subsampling",),
        "Bring both classes to 4:2:0 before cropping."),
    Question("codec settings",
        ("codec", "profile", "level", "fps", "gop", "b_frames", "encoder", "settings", "audio"),
        "Encode both classes anew with one encoder and one setting before frames are taken."),
    Question("bits per pixel", ("bits_per_pixel",),
        "Compress both classes to the same quality; augment with compression at random."),
    Question("length", ("frames", "seconds"),
        "Take equally many frames of each video, spread over it."),
    Question("face size", ("face_width", "face_height", "face_aspect"),
        "Match the sizes of faces between the classes, or shrink and enlarge crops at random."),
    Question("spectrum", ("spectrum",),
        "If the classes differ in source or processing, take both from one source; if forgery "
        "alone makes the difference, it is what a detector may learn, but not more than that."),
)  # fmt: skip
"""In the order in which they are asked."""


def readable_rows(rows: pd.DataFrame, media: Mapping[str, Medium]) -> pd.DataFrame:
    """One row for each file that was looked at and could be read."""
    known = [path in media and bool(media[path].looks) for path in rows.path]
    return rows[known].drop_duplicates("path").reset_index(drop=True)


def known_traits(table: pd.DataFrame, media: Mapping[str, Medium]) -> list[Known]:
    """What is known of each row's medium, and of its face (in pixels of its source), by name."""
    found: list[Known] = []
    for path, box in zip(table.path, table.box, strict=True):
        traits: dict[str, Any] = dict(media[path].traits)
        if media[path].spectrum is not None:
            traits["spectrum"] = media[path].spectrum
        if box:
            left, top, right, bottom = map(float, box.split())
            wide, high = right - left, bottom - top
            traits |= {"face_width": wide, "face_height": high, "face_aspect": wide / max(high, 1)}
        found.append(traits)
    return found


def feature_table(question: Question, traits: Sequence[Known]) -> Floats:
    """What a classifier sees of each medium: numbers as they are, words as one column each.

    Shape:
        (N, F); F is 0 if nothing that is asked about varies, -1 stands for what is not known.
    """
    columns: list[Floats] = []
    for trait in question.traits:
        columns += _columns([known.get(trait) for known in traits])
    varying = [column for column in columns if np.ptp(column) > 1e-9]
    return np.stack(varying, axis=1) if varying else np.empty((len(traits), 0))


def _columns(values: Sequence[Any]) -> list[Floats]:
    vectors = [value for value in values if isinstance(value, tuple | np.ndarray)]
    if vectors:
        unknown = (-1.0,) * len(vectors[0])
        rows = [unknown if value is None else value for value in values]
        return list(np.asarray(rows, np.float64).T)
    if any(isinstance(value, str) for value in values):
        words = [word for word, _ in Counter(map(str, values)).most_common(MOST_WORDS)]
        return [np.array([float(str(v) == word) for v in values]) for word in words]
    return [np.array([-1.0 if value is None else float(value) for value in values])]


def describe(question: Question, traits: Sequence[Known], labels: NDArray[np.int64]) -> str:
    """How the two classes differ in the trait that differs most, as a reader says it."""
    if question.name == "spectrum":
        return _describe_spectrum(traits, labels)
    if question.name == "size":
        sizes = [(known.get("width", 0.0), known.get("height", 0.0)) for known in traits]
        words = [f"{wide:.0f}x{high:.0f}" for wide, high in sizes]
        if Counter(words).most_common(1)[0][1] >= USUAL * len(words):
            return _both_classes(words, labels)
    if question.name == "JPEG tables":
        return _both_classes([_table_name(known.get("jpeg_tables")) for known in traits], labels)
    best, text = -1.0, ""
    for trait in question.traits:
        values = [known.get(trait) for known in traits]
        gap = _gap(values, labels)
        if gap > best:
            best, text = gap, f"{trait.replace('_', ' ')}: {_both_classes(values, labels)}"
    return text


def _numbers(values: Sequence[object]) -> Floats | None:
    numeric = all(isinstance(value, int | float) for value in values)
    return np.array(values, dtype=np.float64) if numeric and values else None


def _gap(values: Sequence[object], labels: NDArray[np.int64]) -> float:
    """How far apart the classes are in one trait, from 0 to 1."""
    numbers = _numbers(values)
    if numbers is not None:
        return abs(2 * auc(labels, numbers) - 1)
    shares = pd.crosstab(np.array([str(v) for v in values]), labels, normalize="columns")
    return float((shares[0] - shares[1]).abs().sum() / 2)


def _both_classes(values: Sequence[object], labels: NDArray[np.int64]) -> str:
    """The median, or the commonest word, of reals and of fakes."""
    parts: list[str] = []
    before = ""
    for label, name in enumerate(("real", "fake")):
        of = [value for value, k in zip(values, labels, strict=True) if k == label]
        numbers = _numbers(of)
        if numbers is not None:
            parts.append(f"{name} {np.median(numbers):.4g}")
            continue
        words = Counter("none" if value in (None, "") else str(value) for value in of)
        word, count = words.most_common(1)[0]
        shown = word if len(word) <= LONGEST else word[: LONGEST - 3] + "..."
        shown = "the same" if word == before else shown
        parts.append(f"{name} {shown} ({count / len(of):.0%})")
        before = word
    return ", ".join(parts)


def _table_name(table: tuple[int, ...] | None) -> str:
    """A pair of quantisation tables by their coarseness: the mean of the first eight steps."""
    if table is None:
        return "no table"
    return f"steps {np.mean(table[:8]):.3g}/{np.mean(table[64:72]):.3g}"


def _describe_spectrum(traits: Sequence[Known], labels: NDArray[np.int64]) -> str:
    table = np.stack([known["spectrum"] for known in traits if "spectrum" in known])
    gaps = (table[labels == 1].mean(0) - table[labels == 0].mean(0)) / (table.std(0) + 1e-6)
    worst = int(np.argmax(np.abs(gaps)))
    more = "more" if gaps[worst] > 0 else "less"
    return f"fakes have {more} power at {worst / (len(gaps) - 1) / 2:.2f} cycles/pixel"
