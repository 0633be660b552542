"""Thresholds chosen on validation scores, and how often those who use them err."""

import math
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from telltrace.errors import OptionError

from .ranking import Floats, UndefinedError, check


def undecided_zone(
    labels: ArrayLike, scores: ArrayLike, error: float = 0.1
) -> tuple[float, float] | None:
    """Thresholds that keep both kinds of wrong verdict rare among the faces they are chosen on.

    At most a share ``error`` of the reals score at least the upper one, and at most as many of the
    fakes below the lower one. Where they would cross both become their midpoint. Labels, 0 real and
    1 fake, and scores are (N,); None where a class is missing.
    """
    y, s = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if not (y == 0).any() or not (y == 1).any():
        return None
    lower = real_threshold(s[y == 1], error)
    highest = -real_threshold(-s[y == 0], error)
    upper = min(1.0, float(np.nextafter(highest, 2)))  # just above the first real not allowed
    return (lower, upper) if lower <= upper else ((lower + upper) / 2,) * 2


def real_threshold(fakes: ArrayLike, error: float, weights: ArrayLike | None = None) -> float:
    """The highest threshold below which no more than a share ``error`` of the fakes lies.

    The fakes' scores and what each counts for are (N,).
    """
    if not 0 <= error < 1:
        raise OptionError(f"error must lie in [0, 1), got {error}.")
    s = np.asarray(fakes, dtype=np.float64)
    w = np.ones(len(s)) if weights is None else np.asarray(weights, dtype=np.float64)
    order = np.argsort(s, kind="stable")
    below = np.cumsum(w[order])
    allowed = error * below[-1] * (1 + 1e-9)
    return float(s[order[min(int(np.searchsorted(below, allowed, side="right")), len(s) - 1)]])


def conformal_threshold(
    reals: ArrayLike, rate: float, confidence: float | None = None, weights: ArrayLike | None = None
) -> float:
    """The lowest threshold from which on real faces are called fake at most at this rate.

    It asks nothing of the scores' distribution, only that calibration and use draw from the same
    one, item by item: give one score a video, since frames of one video are no separate draws.

    Args:
        reals: Scores of real items kept for calibration, (N,).
        rate: Largest share of reals that may be called fake, in (0, 1).
        confidence: None for a rate that holds on average over calibration sets; else the
            probability with which it holds for the very set at hand, in (0, 1).
        weights: What each item counts for, (N,), such as less where its source has many; the next
            item counts as much as the mean. Not together with ``confidence``.

    If there are too few reals for the rate an UndefinedError says how many would do.

    References:
        Vovk et al., "Algorithmic Learning in a Random World", 2005, section 4.2 (split conformal);
        Vovk, "Conditional validity of inductive conformal predictors", ACML 2012, proposition 2a.
    """
    from scipy.special import betainc

    for name, value in (("rate", rate), ("confidence", 0.5 if confidence is None else confidence)):
        if not 0 < value < 1:
            raise OptionError(f"{name} must lie in (0, 1), got {value}")
    s = np.sort(np.asarray(reals, dtype=np.float64))
    check(np.zeros(len(s), dtype=int), s)
    if confidence is None:
        return _weighted_threshold(np.asarray(reals, np.float64), rate, weights)
    ranks = np.arange(1, len(s) + 1)  # with k items above it, Beta(k, N + 1 - k) of new ones are
    above = int((betainc(ranks, len(s) + 1 - ranks, rate) >= confidence).sum())  # falls with rank
    if not above:
        needed = math.ceil(math.log(1 - confidence) / math.log(1 - rate) - 1e-9)
        raise _too_few(rate, needed, f"{len(s)}")
    return float(np.nextafter(s[len(s) - above], np.inf))  # above the highest that is not allowed


def _weighted_threshold(s: Floats, rate: float, weights: ArrayLike | None) -> float:
    """The threshold at and above which no more than the rate lies, the next item counted in."""
    w = np.ones(len(s)) if weights is None else np.asarray(weights, dtype=np.float64)
    size = effective_size(w)
    allowed = rate * (size + 1) - 1 + 1e-9
    if allowed < 0:
        counted = "" if weights is None else f" that count as {size:.0f}"
        raise _too_few(rate, math.ceil(1 / rate - 1 - 1e-9), f"{len(s)}{counted}")
    return float(np.nextafter(-real_threshold(-s, allowed / size, w), np.inf))


def _too_few(rate: float, needed: int, got: str) -> UndefinedError:
    return UndefinedError(f"a rate of {rate:g} needs {needed} items to calibrate on, got {got}")


LEVELS: Final = 4000
"""Equally probable levels of an item over which its highest value is averaged."""


class Sample(NamedTuple):
    """What is known of the logits of real items."""

    size: float
    """How many separate items; with weights, how many equal ones would tell as much."""
    mean: float
    sd: float
    """Standard deviation over items."""

    def threshold(self, rate: float) -> float:
        """What one more item of the same normal distribution exceeds with probability ``rate``.

        With few items it is higher, since their mean and deviation are not well known.

        References:
            Student's predictive distribution: Gelman et al., "Bayesian Data Analysis", 3rd
            edition, section 3.2.

        Examples:
            >>> [round(Sample(n, 0.0, 1.0).threshold(0.05), 2) for n in (3, 30, 3000)]
            [3.37, 1.73, 1.65]
        """
        from scipy.special import stdtrit

        quantile = float(stdtrit(self.size - 1, 1 - rate))
        return self.mean + self.sd * float(np.sqrt(1 + 1 / self.size)) * quantile

    @lru_cache(maxsize=1024)  # noqa: B019  samples are values; most people have as many windows
    def threshold_of_highest(self, rate: float, count: int, within: float) -> float:
        """What the highest of ``count`` values of one more item exceeds with probability ``rate``.

        Levels of items are Student's, as in :meth:`threshold`; values of one are normal about its
        level with deviation ``within``, and independent; ``sd`` is the deviation of all values.
        """
        from scipy.optimize import brentq
        from scipy.special import ndtr, stdtrit

        if not within:
            return self.threshold(rate)
        shares = (np.arange(LEVELS) + 0.5) / LEVELS
        between = np.sqrt(max(self.sd**2 - within**2, 0.0) * (1 + 1 / self.size))
        levels = self.mean + between * stdtrit(self.size - 1, shares)

        def beyond(margin: float) -> float:
            return float(np.mean(1 - ndtr((margin - levels) / within) ** count)) - rate

        reach = 40 * within
        return float(brentq(beyond, levels[0] - reach, levels[-1] + reach))


def effective_size(weights: ArrayLike) -> float:
    """How many items of equal weight tell as much as (N,): Kish, "Survey Sampling", 1965, 8.2."""
    w = np.asarray(weights, dtype=np.float64)
    return float(w.sum() ** 2 / (w**2).sum()) if w.any() else 0.0


def summarise_sample(
    values: ArrayLike, weights: ArrayLike | None = None, size: float | None = None
) -> Sample:
    """Size, mean and standard deviation of values (N,) that may have weights (N,).

    ``size`` is how many separate items they are, by default that of the weights; an UndefinedError
    says that fewer than two would tell as much.
    """
    v = np.asarray(values, dtype=np.float64)
    w = np.ones(len(v)) if weights is None else np.asarray(weights, dtype=np.float64)
    size = effective_size(w) if size is None else size
    if size < 2:
        raise UndefinedError(f"a threshold needs at least two real items, got {len(v)}")
    mean = float(np.average(v, weights=w))
    variance = float(np.average((v - mean) ** 2, weights=w)) * size / (size - 1)
    return Sample(size, mean, float(np.sqrt(variance)))


def rate_of_each(rate: float, tries: float) -> float:
    """The rate for each of several tries so that any of them errs at most at ``rate``.

    Exact for independent tries: Šidák, "Rectangular Confidence Regions for the Means of
    Multivariate Normal Distributions", JASA 1967. On the safe side for those that agree.
    """
    return float(-np.expm1(np.log1p(-rate) / tries))
