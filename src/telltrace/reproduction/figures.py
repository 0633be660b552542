"""One figure of a table with its interval, from the scores of its seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from telltrace.evaluation.comparison import TableDraws
from telltrace.evaluation.metrics import METRICS
from telltrace.evaluation.ranking import Floats

REPLICATES = 2000


@dataclass(frozen=True)
class CellFigure:
    """One metric of one cell, per frame as the papers count, in [0, 1]."""

    value: float
    """Mean over the seeds."""
    low: float
    high: float
    """95 % of the draws of seeds and videos (or groups of people) lie between these."""
    seeds: tuple[float, ...]
    """The metric of each seed."""
    reals: int
    fakes: int
    """Test videos of each class."""
    drawn: str
    """"videos" or "people"."""
    replicates: Floats = field(repr=False, compare=False)

    def minus(self, other: "CellFigure") -> tuple[float, float, float]:
        """Difference to another cell judged on the same videos, and its interval.

        The same draws are taken of both, so what is easy or hard for both does not count.
        """
        return (self.value - other.value, *_interval(self.replicates - other.replicates))

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        found = {key: getattr(self, key) for key in ("value", "low", "high", "drawn")}
        videos = {"real": self.reals, "fake": self.fakes}
        return found | {"seeds": list(self.seeds), "videos": videos}


def cell_figure(scores: Sequence[pd.DataFrame], metric: str) -> CellFigure:
    """The figure of a cell from the scores tables of its seeds, all of the same crops.

    An UndefinedError if a class is missing or in one video only, a ManifestError if videos differ.
    """
    values = tuple(METRICS[metric](table["label"], table["score"]) for table in scores)
    draws = TableDraws(scores[0], replicates=REPLICATES)
    each = np.stack([draws.values(table, metric) for table in scores])
    chosen = np.random.default_rng(0).integers(len(scores), size=(REPLICATES, len(scores)))
    replicates = each[chosen, np.arange(REPLICATES)[:, None]].mean(1)
    fakes = int((draws.videos["label"] == 1).sum())
    mean, reals = float(np.mean(values)), len(draws.videos) - fakes
    low, high = _interval(replicates)
    return CellFigure(mean, low, high, values, reals, fakes, draws.drawn, replicates)


def _interval(values: Floats) -> tuple[float, float]:
    """What 95 % of the draws of seeds and videos lie between."""
    low, high = np.nanquantile(values, (0.025, 0.975))
    return float(low), float(high)
