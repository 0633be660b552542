"""Confidence intervals that draw whole clusters: frames of one video are not independent."""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, stdtrit

from .metrics import UndefinedError, auc, check

Floats = NDArray[np.float64]

_CELLS = 2**21
"""Numbers that one block of replicates may hold at a time: 16 MiB."""


@dataclass(frozen=True)
class Interval:
    """A bootstrap interval and what it rests on."""

    low: float
    high: float
    level: float
    clusters: int
    replicates: int
    form: Literal["t", "percentile"] = "t"
    """From the draws' spread on the scale of log odds (or logs), or from their quantiles."""


def bootstrap_auc(
    labels: ArrayLike,
    scores: ArrayLike,
    clusters: ArrayLike,
    *,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    form: Literal["t", "percentile"] = "t",
) -> Interval:
    """Bootstrap interval of the AUC, drawing whole clusters with replacement.

    Clusters are drawn within three strata: those with reals only, with fakes only, and with
    both. So every replicate has both classes, and none is thrown away. A frame counts as often
    as its cluster was drawn; the replicate's AUC is exact, ties counting one half.

    Args:
        labels: 0 real, 1 fake, (N,).
        scores: Higher is more fake, (N,).
        clusters: What each item belongs to (its video, or the people in it), (N,), any values.
        replicates: Number of draws.
        level: How often such intervals hold the truth.
        seed: The same seed gives the same interval.
        form: "t" is :func:`t_interval`; "percentile" takes the draws' quantiles, which is too
            narrow with few clusters.

    Raises:
        UndefinedError: If fewer than two clusters hold reals, or fakes; or if every draw gives
            the same AUC, as it does where the classes are apart: that is no certainty.

    References:
        Field and Welsh, "Bootstrapping clustered data", J. R. Statist. Soc. B 2007, section 2:
        the randomised cluster bootstrap.

    Examples:
        >>> interval = bootstrap_auc([0, 0, 1, 1], [0.1, 0.5, 0.4, 0.9], [1, 2, 3, 4])
        >>> round(interval.low, 3), round(interval.high, 3)
        (0.0, 1.0)
    """
    y, s = check(labels, scores)
    names, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    strata = cluster_strata(y, cluster, len(names))
    rng = np.random.default_rng(seed)
    draws: list[Floats] = []
    ranked = _rank(y, s, cluster)
    few = len(np.unique(cluster[y == 0])) < replicates and len(names) ** 2 <= _CELLS
    wins = _wins(ranked, len(names)) if few else None
    block = max(1, _CELLS // (len(names) if few else max(len(y), len(names))))
    for start in range(0, replicates, block):
        size = min(block, replicates - start)
        weights = draw_weights(strata, len(names), size, rng, spare=int(form == "t"))
        draws.append(_weighted_auc(ranked, weights, wins))
    values, tail = np.concatenate(draws), (1 - level) / 2
    if np.ptp(values) < 1e-12:
        raise UndefinedError("no interval: every draw of these clusters gives the same AUC")
    if form == "t":
        fewest = min(len(np.unique(cluster[y == k])) for k in (0, 1))
        low, high = t_interval(auc(y, s), float(values.std(ddof=1)), fewest - 1, level)
    else:
        low, high = (float(end) for end in np.quantile(values, [tail, 1 - tail]))
    return Interval(low, high, level, len(names), replicates, form)


def t_interval(
    value: float, spread: float, freedom: int, level: float = 0.95, *, share: bool = True
) -> tuple[float, float]:
    """Student's interval on the scale of log odds, or of logs where the value is no share.

    With few clusters quantiles of draws are too narrow: they take the spread for known, and they
    mirror the skewness of shares near 1. Here the spread, from draws of one cluster less than
    there are in each stratum, is unbiased; Student's distribution allows for its own error; and
    log odds keep the ends within (0, 1).

    Args:
        value: The metric, in (0, 1), or positive.
        spread: Its standard deviation over draws of clusters, positive.
        freedom: Clusters that the class with fewest of them lies in, less one.
        level: How often such intervals hold the truth.
        share: Whether the value is a share, in (0, 1).

    Raises:
        UndefinedError: If nothing varies.

    References:
        Rao and Wu, "Resampling Inference With Complex Survey Data", J. Am. Stat. Assoc. 1988,
        section 2, for the draws; Pepe, "The Statistical Evaluation of Medical Tests", 2003,
        section 5.2.5, for the log odds.

    Examples:
        >>> low, high = t_interval(0.9, 0.03, 19)
        >>> round(low, 4), round(high, 4)
        (0.8175, 0.9476)
    """
    if spread < 1e-12 or value <= 0 or (share and value >= 1):
        raise UndefinedError("no interval: every draw of these clusters gives the same figure")
    reach = float(stdtrit(freedom, (1 + level) / 2)) * spread / value
    if not share:
        return value * math.exp(-reach), value * math.exp(reach)
    middle, reach = float(logit(value)), reach / (1 - value)
    return float(expit(middle - reach)), float(expit(middle + reach))


def cluster_strata(
    labels: NDArray[np.int8], cluster: NDArray[np.int64], count: int
) -> list[NDArray[np.int64]]:
    """Clusters that hold reals only, fakes only, and both.

    Args:
        labels: 0 real, 1 fake, (N,).
        cluster: Number of each item's cluster, (N,).
        count: Number of clusters C.

    Raises:
        UndefinedError: If fewer than two clusters hold reals, or fakes.
    """
    held = np.stack([np.bincount(cluster[labels == k], minlength=count) for k in (0, 1)]) > 0
    for clusters, what in zip(held.sum(1), ("reals", "fakes"), strict=True):
        if clusters < 2:
            raise UndefinedError(f"an interval needs {what} from 2 clusters, got {clusters}")
    return [np.flatnonzero((held[0] == a) & (held[1] == b)) for a, b in ((1, 0), (0, 1), (1, 1))]


def draw_weights(
    strata: list[NDArray[np.int64]],
    count: int,
    draws: int,
    rng: np.random.Generator,
    spare: int = 0,
) -> Floats:
    """How often each cluster counts, drawn with replacement within its stratum: (draws, C).

    Args:
        strata: Clusters of each stratum.
        count: Number of clusters C.
        draws: Number of draws.
        rng: Where chance comes from.
        spare: 1 draws one cluster less than a stratum holds and counts each the more for it, so
            that the variance over draws is unbiased. The only cluster of a stratum always counts.
    """
    weights = np.zeros((draws, count))
    for row in weights:
        for members in strata:
            size = max(len(members) - spare, min(len(members), 1))
            drawn = rng.integers(len(members), size=size) if len(members) else members
            row[members] = np.bincount(drawn, minlength=len(members)) * (
                len(members) / max(size, 1)
            )
    return weights


def weighted_auc(
    labels: NDArray[np.int8], scores: Floats, cluster: NDArray[np.int64], weights: Floats
) -> Floats:
    """AUC in which cluster c counts ``weights[:, c]`` times: (B, C) -> (B,)."""
    return _weighted_auc(_rank(labels, scores, cluster), weights)


class _Ranked(NamedTuple):
    """Clusters of the reals by rising score, of the fakes, and how many reals each fake beats."""

    real: NDArray[np.int64]
    fake: NDArray[np.int64]
    below: NDArray[np.int64]
    upto: NDArray[np.int64]


def _rank(y: NDArray[np.int8], s: Floats, cluster: NDArray[np.int64]) -> _Ranked:
    order = np.flatnonzero(y == 0)[np.argsort(s[y == 0], kind="stable")]
    fakes = s[y == 1]
    below = np.searchsorted(s[order], fakes, side="left")
    upto = np.searchsorted(s[order], fakes, side="right")
    return _Ranked(cluster[order], cluster[y == 1], below, upto)


def _wins(ranked: _Ranked, count: int) -> Floats:
    """How often a fake of cluster a beats a real of cluster b, ties one half: (C, C).

    With few clusters this makes a draw a matter of clusters instead of items.
    """
    wins = np.zeros((count, count))
    for b in np.unique(ranked.real):
        upto = np.append(0, np.cumsum(ranked.real == b))
        beaten = (upto[ranked.below] + upto[ranked.upto]) / 2
        wins[:, b] = np.bincount(ranked.fake, weights=beaten, minlength=count)
    return wins


def _weighted_auc(ranked: _Ranked, weights: Floats, wins: Floats | None = None) -> Floats:
    """AUC in which cluster c counts ``weights[:, c]`` times: (B, C) -> (B,)."""
    if wins is not None:
        counts = [np.bincount(of, minlength=len(wins)) for of in (ranked.fake, ranked.real)]
        pairs = (weights @ counts[0]) * (weights @ counts[1])
        return np.einsum("bc,bc->b", weights @ wins, weights) / pairs
    reals = np.zeros((len(weights), len(ranked.real) + 1))
    np.cumsum(weights[:, ranked.real], axis=1, out=reals[:, 1:])
    beaten = (reals[:, ranked.below] + reals[:, ranked.upto]) / 2
    fakes = weights[:, ranked.fake]
    return np.einsum("bf,bf->b", fakes, beaten) / (fakes.sum(1) * reals[:, -1])
