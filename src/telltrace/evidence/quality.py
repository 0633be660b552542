"""Errors on validation files that are like a given one: blurred, dark, small, compressed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

from telltrace.evaluation.shares import Share

Medium = Literal["image", "video"]
Verdict = Literal["FAKE", "REAL"]

VERDICTS: Final[tuple[Verdict, ...]] = ("FAKE", "REAL")
ENOUGH: Final = 30
"""Files of a class below which nothing is said of a bin, and nothing follows from it."""
SIZES: Final = ((0.0, "face under 80 pixels"), (80.0, "face of 80 to 160 pixels"),
                (160.0, "face of 160 pixels or more"))  # fmt: skip
"""Sides of faces in the medium, from so many pixels on."""
ALL: Final = "any"
"""The bin of every file of a medium."""


@dataclass(frozen=True, kw_only=True)
class QualityBin:
    """Verdicts on validation files that have something in common."""

    medium: Medium
    kind: str
    """A flag such as "blurred", a size of the face, or "any"."""
    reals: int
    called_fake: int
    """Of the reals."""
    fakes: int
    called_real: int
    """Of the fakes."""
    promised: tuple[float, float]
    """Largest share of the reals that FAKE was promised of, and of the fakes for REAL."""

    def errors(self, verdict: Verdict) -> Share:
        """How often this verdict was said wrongly."""
        if verdict == "FAKE":
            return Share(self.called_fake, self.reals)
        return Share(self.called_real, self.fakes)

    def breaks_promise(self, verdict: Verdict) -> bool:
        """Whether it was surely (95 %) said wrongly more often than promised."""
        share = self.errors(verdict)
        return share.total >= ENOUGH and share.interval[0] > self.promised[verdict == "REAL"]

    def sentence(self, verdict: Verdict) -> str:
        """The errors in words."""
        share, what = self.errors(verdict), "clips" if self.medium == "video" else "pictures"
        which = "files like this one" if self.kind == ALL else f"files like this one ({self.kind})"
        said = "real" if verdict == "FAKE" else "forged"
        return f"In {which} {share.hits} of {share.total} {said} {what} were called {verdict}."


def kinds_of(flags: Iterable[str], sides: Sequence[float]) -> tuple[str, ...]:
    """The bins of a person with these flags of quality whose faces have such sides, in pixels."""
    side = median(sides)
    size = next(name for least, name in reversed(SIZES) if side >= least)
    return (*flags, size, ALL)


def worst_bin(
    bins: Sequence[QualityBin], medium: Medium, kinds: Sequence[str], verdict: Verdict
) -> QualityBin | None:
    """The bin of a file whose verdict is wrong most often; None where none has enough files."""
    mine = [b for b in bins if b.medium == medium and b.kind in kinds]
    known = [b for b in mine if b.errors(verdict).total >= ENOUGH]
    return max(
        known, key=lambda b: (b.breaks_promise(verdict), b.errors(verdict).value), default=None
    )
