"""Confidence intervals that draw whole clusters: frames of one video are not independent."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from telltrace.errors import OptionError, check_not_negative

from .items import BinnedItems, Items, Mask, Numbers
from .metrics import METRICS, Metric, auc
from .odds import expit, logit
from .ranking import Floats, Labels, Ranking, UndefinedError, check

_CELLS = 2**18
"""Numbers that one block of draws may hold at a time, or 16 draws of any size."""
_NOTHING = 1e-12
"""Spread below which all draws are taken to be the same."""


@dataclass(frozen=True)
class Interval:
    """A bootstrap interval and what it rests on."""

    low: float
    high: float
    level: float
    clusters: int
    replicates: int
    form: Literal["t"] = "t"
    """Student's, from the draws' spread, on the metric's scale."""


class Draws:
    """Draws of clusters with replacement: the same for any scores of the same videos.

    Clusters are drawn within three strata: those with reals only, with fakes only, and with
    both, so that every draw has both classes. One cluster less is drawn than there are and each
    counts the more for it, which makes the variance over draws unbiased. Labels (0 real, 1 fake),
    clusters (any values) and members (which are drawn) are those of videos, (V,) each. If fewer
    than two clusters hold reals, or fakes, it is an UndefinedError.

    References:
        Field and Welsh, "Bootstrapping clustered data", J. R. Statist. Soc. B 2007, section 2,
        for the clusters; Rao and Wu, "Resampling Inference With Complex Survey Data", J. Am.
        Stat. Assoc. 1988, section 2, for the one less.
    """

    def __init__(
        self, label: Labels, cluster: ArrayLike, member: Mask | None = None, *,
        replicates: int = 1000, level: float = 0.95, seed: int = 0,
    ) -> None:  # fmt: skip
        check_not_negative(seed=seed)
        if replicates < 2:
            raise OptionError(f"replicates must be at least 2, got {replicates}.")
        if not 0 < level < 1:
            raise OptionError(f"level must lie between 0 and 1, got {level}.")
        self.size, self.replicates, self.level, self.seed = len(label), replicates, level, seed
        self.member = np.flatnonzero(np.ones(len(label), bool) if member is None else member)
        names, self.of = np.unique(np.asarray(cluster)[self.member], return_inverse=True)
        self.clusters, y = len(names), label[self.member]
        held = np.array([np.bincount(self.of[y == k], minlength=len(names)) > 0 for k in (0, 1)])
        for count, what in zip(held.sum(1), ("reals", "fakes"), strict=True):
            if count < 2:
                raise UndefinedError(f"an interval needs {what} from 2 clusters, got {count}")
        self.fewest = int(held.sum(1).min())
        kinds = held[0] & ~held[1], held[1] & ~held[0], held[0] & held[1]
        self.strata = [np.flatnonzero(kind) for kind in kinds]

    def weights(self, bins: int = 1) -> Iterator[Floats]:
        """How often each video counts: (V, B), some draws at a time."""
        rng = np.random.default_rng(self.seed)
        block = max(16, _CELLS // max(bins, self.size))
        for start in range(0, self.replicates, block):
            size = min(block, self.replicates - start)
            drawn = draw_weights(self.strata, self.clusters, size, rng)
            weights = np.zeros((self.size, size), np.float64)
            weights[self.member] = drawn.T[self.of]
            yield weights

    def rankings(self, items: BinnedItems, cells: Mask | None = None) -> Iterator[Ranking]:
        """What the items of these cells amount to in every draw, some draws at a time."""
        inside = np.ones(len(items.videos), bool) if cells is None else cells
        return (items.ranking(weights, inside) for weights in self.weights(len(items.scores)))

    def values(
        self, items: BinnedItems, cells: Mask | None = None, names: Iterable[str] = ()
    ) -> dict[str, Floats]:
        """These metrics, or all, in every draw, (replicates,) each.

        NaN where a draw lacks a class.
        """
        found: dict[str, list[Floats]] = {name: [] for name in list(names) or METRICS}
        with np.errstate(invalid="ignore", divide="ignore"):
            for ranking in self.rankings(items, cells):
                for name, values in found.items():
                    values.append(np.asarray(METRICS[name].compute(ranking), np.float64))
        return {name: np.concatenate(values) for name, values in found.items()}

    def interval(self, metric: Metric, value: float, values: Floats) -> Interval:
        """The interval of a metric; an UndefinedError where all draws are alike: no certainty."""
        how = self.fewest - 1, self.level, metric.scale, metric.title
        ends = t_interval(value, float(np.nanstd(values, ddof=1)), *how)
        return Interval(*ends, self.level, self.clusters, self.replicates)

    def difference(self, value: float, values: Floats) -> tuple[float, float]:
        """The interval of a difference as in `interval`; none that never varies is certain."""
        spread = float(np.nanstd(values, ddof=1))
        if spread < _NOTHING and abs(value) < _NOTHING:
            return value, value
        return t_interval(value, spread, self.fewest - 1, self.level, "any")


def cluster_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    clusters: ArrayLike,
    metric: Metric = auc,
    *,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Interval of a metric, drawing whole clusters with replacement; see :class:`Draws`.

    Labels, 0 real and 1 fake, scores, and what each item belongs to (its video, or the people in
    it; any values) are (N,) each. An UndefinedError if fewer than two clusters hold reals, or
    fakes, or if every draw gives the same figure (as the AUC where classes are apart): that is no
    certainty.
    """
    y, s = check(labels, scores)
    _, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    owners, owner = np.unique(2 * cluster + y, return_inverse=True)
    label = (owners % 2).astype(np.int8)
    draws = Draws(label, owners // 2, replicates=replicates, level=level, seed=seed)
    drawn = draws.values(BinnedItems(Items(s, owner, label, label)), names=[metric.name])
    return draws.interval(metric, metric(y, s), drawn[metric.name])


def t_interval(
    value: float, spread: float, freedom: int, level: float = 0.95,
    scale: Literal["share", "positive", "any"] = "share", what: str = "figure",
) -> tuple[float, float]:  # fmt: skip
    """Student's interval on the scale of log odds of a share, or of the logarithm, or as it is.

    With few clusters quantiles of draws are too narrow: they take the spread for known, and they
    mirror the skewness of shares near 1. Log odds keep the ends within (0, 1). ``spread`` is the
    standard deviation over draws, ``freedom`` one less than the clusters of the class with fewest.
    If nothing varies it is an UndefinedError.

    References:
        Pepe, "The Statistical Evaluation of Medical Tests", 2003, section 5.2.5.
    """
    outside = (scale != "any" and value <= 0) or (scale == "share" and value >= 1)
    if not spread >= _NOTHING or outside:
        raise UndefinedError(f"no interval: every draw of these clusters gives the same {what}")
    reach = float(stdtrit(freedom, (1 + level) / 2)) * spread
    if scale == "any":
        return value - reach, value + reach
    if scale == "positive":
        return value * math.exp(-reach / value), value * math.exp(reach / value)
    middle, reach = float(logit(value)), reach / value / (1 - value)
    return float(expit(middle - reach)), float(expit(middle + reach))


def draw_weights(
    strata: Sequence[Numbers], count: int, draws: int, rng: np.random.Generator
) -> Floats:
    """How often each cluster counts, drawn with replacement within its stratum: (draws, C).

    One cluster less than a stratum holds is drawn; the only cluster of a stratum always counts.
    """
    weights = np.zeros((draws, count))
    for row in weights:
        for members in strata:
            if size := max(len(members) - 1, min(len(members), 1)):
                drawn = np.bincount(rng.integers(len(members), size=size), minlength=len(members))
                row[members] = drawn * (len(members) / size)
    return weights
