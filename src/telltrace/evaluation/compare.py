"""Two detectors on the same items: is one better, or is it a tie?"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtrit

from .intervals import cluster_strata, draw_weights, weighted_auc
from .metrics import UndefinedError, auc, check

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """AUC of the first detector less that of the second, with its interval."""

    first: float
    second: float
    difference: float
    low: float
    high: float
    level: float
    method: Literal["delong", "clustered bootstrap"]
    p_value: float | None = None
    """Two-sided, of no difference; None for a bootstrap."""

    @property
    def verdict(self) -> Literal["first", "second", "tie"]:
        """Who is ahead; a tie where the interval holds 0."""
        if self.low <= 0 <= self.high:
            return "tie"
        return "first" if self.difference > 0 else "second"


def delong(
    labels: ArrayLike, first: ArrayLike, second: ArrayLike, *, level: float = 0.95
) -> Comparison:
    """DeLong's interval and test of the difference of two AUCs on the same independent items.

    Frames of one video are not independent: use it on videos of unrelated people, and
    :func:`compare_clusters` otherwise.

    Args:
        labels: 0 real, 1 fake, (N,).
        first: Scores of one detector, (N,).
        second: Scores of the other for the same items, (N,).
        level: Share of the interval.

    Raises:
        UndefinedError: If a class has fewer than two items, or the two detectors rank the
            items alike to the last one, so that nothing varies.

    References:
        DeLong, DeLong and Clarke-Pearson, "Comparing the Areas under Two or More Correlated
        Receiver Operating Characteristic Curves", Biometrics 1988; Sun and Xu, "Fast
        Implementation of DeLong's Algorithm", IEEE Signal Processing Letters 2014.

    Examples:
        >>> labels = [0, 0, 0, 1, 1, 1]
        >>> found = delong(labels, [1, 2, 4, 3, 5, 6], [1, 3, 5, 2, 4, 6])
        >>> round(found.difference, 4), found.verdict
        (0.2222, 'tie')
    """
    y, a = check(labels, first)
    _, b = check(labels, second)
    for kind, what in ((0, "reals"), (1, "fakes")):
        if (count := int((y == kind).sum())) < 2:
            raise UndefinedError(f"DeLong's interval needs 2 {what}, got {count}")
    parts = [_placements(y, s) for s in (a, b)]
    areas = [float(fakes.mean()) for fakes, _ in parts]
    of_fakes, of_reals = (parts[0][k] - parts[1][k] for k in (0, 1))
    variance = of_fakes.var(ddof=1) / len(of_fakes) + of_reals.var(ddof=1) / len(of_reals)
    if variance < 1e-18:
        raise UndefinedError("the two detectors rank these items alike: nothing varies")
    difference, error = areas[0] - areas[1], float(np.sqrt(variance))
    reach = float(ndtri((1 + level) / 2)) * error
    p = float(2 * ndtr(-abs(difference) / error))
    low, high = difference - reach, difference + reach
    return Comparison(areas[0], areas[1], difference, low, high, level, "delong", p)


def delong_variance(labels: ArrayLike, scores: ArrayLike) -> float:
    """DeLong's variance of one AUC over independent items.

    Raises:
        UndefinedError: If a class has fewer than two items.
    """
    y, s = check(labels, scores)
    if min(np.bincount(y, minlength=2)) < 2:
        raise UndefinedError("DeLong's variance needs two items of each class")
    fakes, reals = _placements(y, s)
    return float(fakes.var(ddof=1) / len(fakes) + reals.var(ddof=1) / len(reals))


def compare_clusters(
    labels: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    clusters: ArrayLike,
    *,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Interval of the difference of two AUCs, from draws of whole clusters for both alike.

    Student's, with the spread of the draws, as :func:`~telltrace.evaluation.t_interval` has it:
    quantiles of draws of few clusters would call ties decided.

    Args:
        labels: 0 real, 1 fake, (N,).
        first: Scores of one detector, (N,).
        second: Scores of the other for the same items, (N,).
        clusters: What each item belongs to (its video, or the people in it), (N,).
        replicates: Number of draws.
        level: How often such intervals hold the truth.
        seed: The same seed gives the same interval.

    Raises:
        UndefinedError: As :func:`~telltrace.evaluation.bootstrap_auc`; or if every draw gives the
            same difference, other than none.
    """
    y, a = check(labels, first)
    _, b = check(labels, second)
    names, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    strata = cluster_strata(y, cluster, len(names))
    rng = np.random.default_rng(seed)
    draws = []
    block = max(1, 2**21 // max(len(y), len(names)))
    for start in range(0, replicates, block):
        weights = draw_weights(strata, len(names), min(block, replicates - start), rng, spare=1)
        draws.append(weighted_auc(y, a, cluster, weights) - weighted_auc(y, b, cluster, weights))
    areas = auc(y, a), auc(y, b)
    difference, spread = areas[0] - areas[1], float(np.concatenate(draws).std(ddof=1))
    if spread < 1e-12 <= abs(difference):
        raise UndefinedError("no interval: every draw of these clusters gives the same difference")
    fewest = min(len(np.unique(cluster[y == k])) for k in (0, 1))
    reach = float(stdtrit(fewest - 1, (1 + level) / 2)) * spread
    low, high = difference - reach, difference + reach
    method: Literal["clustered bootstrap"] = "clustered bootstrap"
    return Comparison(areas[0], areas[1], difference, low, high, level, method)


def _placements(y: NDArray[np.int8], s: Floats) -> tuple[Floats, Floats]:
    """For every fake the share of reals that it beats, for every real of fakes that beat it."""
    from scipy.stats import rankdata

    together, fakes, reals = rankdata(s), rankdata(s[y == 1]), rankdata(s[y == 0])
    beaten = (together[y == 1] - fakes) / len(reals)
    beating = 1 - (together[y == 0] - reals) / len(fakes)
    return np.asarray(beaten), np.asarray(beating)
