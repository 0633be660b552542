"""Thresholds for one more real item, from a count, a mean and a deviation; several tries at one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from .metrics import UndefinedError


class Sample(NamedTuple):
    """What is known of the logits of real items."""

    size: float
    """How many separate items; with weights, how many equal ones would tell as much."""
    mean: float
    sd: float
    """Standard deviation over items."""

    def threshold(self, rate: float) -> float:
        """What one more item from the same normal distribution exceeds with probability ``rate``.

        With few items the threshold is higher, since their mean and deviation are not well known.

        Args:
            rate: In (0, 1).

        References:
            Student's predictive distribution: Gelman et al., "Bayesian Data Analysis", 3rd
            edition, section 3.2.

        Examples:
            >>> [round(Sample(n, 0.0, 1.0).threshold(0.05), 2) for n in (3, 30, 3000)]
            [3.37, 1.73, 1.65]
        """
        quantile = float(stdtrit(self.size - 1, 1 - rate))
        return self.mean + self.sd * float(np.sqrt(1 + 1 / self.size)) * quantile


def effective_size(weights: ArrayLike) -> float:
    """How many items of equal weight would tell as much as these.

    References:
        Kish, "Survey Sampling", 1965, section 8.2.

    Examples:
        >>> effective_size([2, 2, 2]), effective_size([1, 0, 0])
        (3.0, 1.0)
    """
    w = np.asarray(weights, dtype=np.float64)
    return float(w.sum() ** 2 / (w**2).sum()) if w.any() else 0.0


def summarise_sample(
    values: ArrayLike, weights: ArrayLike | None = None, size: float | None = None
) -> Sample:
    """Size, mean and standard deviation, of items that may count for different amounts.

    Args:
        values: (N,).
        weights: (N,); equal by default.
        size: Separate items, where values are not; by default those of the weights.

    Raises:
        UndefinedError: If fewer than two items would tell as much.

    Examples:
        >>> summarise_sample([1.0, 2.0, 3.0])
        Sample(size=3.0, mean=2.0, sd=1.0)
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
    """The rate for each of several tries so that any of them errs no oftener than ``rate``.

    References:
        Šidák, "Rectangular Confidence Regions for the Means of Multivariate Normal
        Distributions", JASA 1967: exact for independent tries, and on the safe side for those
        that agree.

    Examples:
        >>> round(rate_of_each(0.05, 10), 5)
        0.00512
    """
    return float(-np.expm1(np.log1p(-rate) / tries))
