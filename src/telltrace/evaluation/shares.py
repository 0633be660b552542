"""Shares with their intervals, and how far groups lie apart."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from .ranking import UndefinedError

ENOUGH_FILES: Final = 100
"""Files of a group below which nothing is claimed of it: without a single error in so many the rate
may still be 3.7 %, more than is promised."""
_Z: Final = 1.959963984540054
"""Standard normal quantile of 0.975."""


class Share(NamedTuple):
    """So many of so many."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        """The share; an UndefinedError of nothing."""
        if not self.total:
            raise UndefinedError("a share of nothing")
        return self.hits / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval; the whole range of nothing.

        Examples:
            >>> [round(end, 3) for end in Share(0, 100).interval]
            [0.0, 0.037]
        """
        n, z2 = self.total, _Z**2
        if not n:
            return 0.0, 1.0
        middle = (self.hits + z2 / 2) / (n + z2)
        reach = _Z / (n + z2) * math.sqrt(self.hits * (n - self.hits) / n + z2 / 4)
        return max(0.0, middle - reach), min(1.0, middle + reach)

    def __str__(self) -> str:
        """Such as ``12 of 80, 15.0 % [8.8, 24.4]``."""
        if not self.total:
            return "0 of 0"
        low, high = (100 * end for end in self.interval)
        return f"{self.hits} of {self.total}, {100 * self.value:.1f} % [{low:.1f}, {high:.1f}]"


@dataclass(frozen=True)
class Gap:
    """The group with the highest share beside that with the lowest."""

    highest: str | None
    lowest: str | None
    """None where fewer than two groups have enough files."""
    difference: float
    interval: tuple[float, float]
    """Of the difference, 95 %; too narrow as the two groups were picked for it."""
    too_few: tuple[str, ...]
    """Groups of which nothing can be claimed."""

    def __str__(self) -> str:
        """A sentence, and a warning where a group has too few files."""
        said = "No two groups have enough files to be compared."
        if self.highest is not None:
            low, high = (100 * end for end in self.interval)
            ends = f"[{low:.1f}, {high:.1f}]"
            said = f"Largest gap: {self.highest} over {self.lowest} by "
            said += f"{100 * self.difference:.1f} points {ends}."
        if self.too_few:
            said += f" Warning: fewer than {ENOUGH_FILES} files, so that nothing is known of: "
            said += f"{', '.join(self.too_few)}."
        return said


def largest_gap(shares: Mapping[str, Share], enough: int = ENOUGH_FILES) -> Gap:
    """How far groups lie apart; those of fewer than ``enough`` files are named, not compared.

    References:
        The interval is Newcombe's, "Interval estimation for the difference between independent
        proportions", Statistics in Medicine 1998, method 10.
    """
    known = {name: share for name, share in shares.items() if share.total >= enough}
    too_few = tuple(name for name in shares if name not in known)
    if len(known) < 2:
        return Gap(None, None, 0.0, (-1.0, 1.0), too_few)
    order = sorted(known, key=lambda name: known[name].value)
    first, last = known[order[-1]], known[order[0]]
    (low, high), (below, above) = first.interval, last.interval
    gap = first.value - last.value
    down = math.hypot(first.value - low, above - last.value)
    up = math.hypot(high - first.value, last.value - below)
    return Gap(order[-1], order[0], gap, (gap - down, gap + up), too_few)
