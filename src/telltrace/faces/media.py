"""What every reader of pictures and videos shares: frames, sampling, statuses, errors."""

import math
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import MediaError as AnyMediaError
from ..errors import OptionError
from .shots import tiny

MAX_PIXELS = 2**27
"""Largest picture that is decoded, in pixels: 134 megapixels, more than any phone takes."""


class Status(StrEnum):
    """How the judging of one file ended. Only the first three are verdicts."""

    FAKE = "FAKE"
    REAL = "REAL"
    UNCERTAIN = "UNCERTAIN"
    NO_FACE = "NO_FACE"
    FACE_TOO_SMALL = "FACE_TOO_SMALL"
    UNREADABLE = "UNREADABLE"
    PARTIAL = "PARTIAL"
    UNSUPPORTED = "UNSUPPORTED"
    TIMEOUT = "TIMEOUT"


class MediaError(AnyMediaError):
    """A file that gives no frame, why it gives none, and what its owner can do about it.

    The status is ``UNREADABLE`` for damage, ``UNSUPPORTED`` for content of another kind.
    """

    path: Path

    def __init__(
        self,
        path: str | os.PathLike[str],
        message: str,
        remedy: str,
        status: Status = Status.UNREADABLE,
    ) -> None:
        super().__init__(message, remedy=remedy, path=Path(path))
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        return MediaError, (self.path, self.message, self.remedy, self.status)


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture: upright, RGB, and where in its file it stands."""

    image: NDArray[np.uint8]
    """(H, W, 3) RGB, rotated as it is meant to be seen."""
    index: int
    """Place in the file, counted from 0 in the order of display."""
    time: float
    """Seconds since the first frame of the file."""

    @cached_property
    def tiny(self) -> NDArray[np.uint8]:
        """The picture shrunk to (18, 32, 3), by which shots are compared."""
        return tiny(self.image)


Choice = Callable[[NDArray[np.float64], float], NDArray[np.intp]]
"""Chooses frames, in ascending order and none twice, by the seconds at which each appears and
the last one disappears. `Sampling` is one; the functions below it make others."""


@dataclass(frozen=True)
class Sampling:
    """Which frames of a video to read.

    A frame that stays on screen through several of the wanted moments is given once, so a video
    with long still passages may give fewer frames than asked for. A ``value`` that is not positive,
    or not whole where it counts frames, is an OptionError.

    Args:
        mode: ``"spread"``: ``value`` frames over the whole video, each the one on screen at the
            centre of one of ``value`` equally long slices. (Centres and not ends: the first and
            last moments are the ones that fade, and the ones that damage loses.)
            ``"every"``: each ``value``-th frame. ``"fps"``: the frames on screen ``value`` times
            a second. ``"all"``: every frame; ``value`` is ignored.
        value: Frames, step or frames per second, as ``mode`` says.
    """

    mode: Literal["spread", "every", "fps", "all"] = "spread"
    value: float = 32

    def __post_init__(self) -> None:
        if self.mode not in ("spread", "every", "fps", "all"):
            raise OptionError(f"mode must be spread, every, fps or all, got {self.mode!r}.")
        if not (math.isfinite(self.value) and self.value > 0):
            raise OptionError(f"frames must be a positive number, got {self.value:g}.")
        if self.mode in ("spread", "every") and self.value != int(self.value):
            raise OptionError(f"{self.mode!r} counts whole frames, got {self.value:g}.")

    def __call__(self, times: ArrayLike, end: float) -> NDArray[np.intp]:
        """Positions of the chosen frames; see `Choice`."""
        starts = np.asarray(times, dtype=np.float64)
        everything = np.arange(len(starts))
        if self.mode == "all" or len(starts) < 2:
            return everything
        if self.mode == "every":
            return everything[:: int(self.value)]
        edges = np.append(starts, max(end, starts[-1])) - starts[0]
        tolerance = edges[-1] / len(starts) / 20  # timestamps are rounded, to 1 ms in Matroska
        edges -= tolerance  # so that a moment meant to fall on one falls on it
        if self.mode == "fps":  # on screen while the count of past ticks grows
            return np.flatnonzero(np.diff(np.ceil(edges * self.value)))
        if len(starts) <= self.value:
            return everything
        wanted = (edges[-1] + tolerance) * (np.arange(int(self.value)) + 0.5) / self.value
        return np.unique(np.searchsorted(edges[:-1], wanted, side="right") - 1)


def at_positions(indices: Collection[int]) -> Choice:
    """Those of these places in the file, as `Frame.index` gave them earlier, that it has."""
    places = np.array([*indices], dtype=np.intp)
    return lambda times, end: np.intersect1d(places, np.arange(len(times)))


def at_moments(seconds: Collection[float]) -> Choice:
    """The frames on screen at given moments."""

    def choose(times: NDArray[np.float64], end: float) -> NDArray[np.intp]:
        places = np.searchsorted(times - times[:1] - 1e-6, [*seconds], side="right") - 1
        return np.unique(places[places >= 0])

    return choose


def without(seen: Collection[int], choice: Choice) -> Choice:
    """What another choice takes, less the frames that an earlier pass has given."""
    return lambda times, end: np.setdiff1d(choice(times, end), np.array([*seen], dtype=np.intp))


def nothing() -> None:
    """A check that never objects."""


@dataclass
class Frames:
    """The chosen frames of one file, decoded when iterated, in one pass, which counts afresh.

    The file is open from the beginning of an iteration until it ends, is broken off or fails.
    """

    path: Path
    kind: Literal["image", "video"]
    total: int
    """Frames that the file holds, as far as it can be read."""
    duration: float
    """Seconds from the first frame to the end of the last; 0 for an image."""
    decode: "Callable[[Frames], Iterator[Frame]]" = field(repr=False)
    read: int = 0
    """Frames given so far."""
    lost: int = 0
    """Packets met that could not be decoded."""
    truncated: bool = False
    """Whether the file ends before its content does."""
    bits: float | None = None
    """Size of the picture stream in bits per frame; None where the file does not say."""
    again: "Callable[[Choice], Frames] | None" = field(default=None, repr=False)
    """Other frames of the same file, which is not examined again; None for a stream."""

    def __iter__(self) -> Iterator[Frame]:
        self.read = self.lost = 0
        for frame in self.decode(self):
            self.read += 1
            yield frame
