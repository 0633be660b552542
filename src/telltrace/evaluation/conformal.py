"""Thresholds with a guarantee: how often a real face may be called fake, whatever the scores."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

from .metrics import UndefinedError, check
from .predictive import effective_size


@dataclass(frozen=True)
class Zone:
    """Scores below ``real_below`` are called real, from ``fake_from`` on fake, between: nothing."""

    real_below: float
    fake_from: float
    guarantee: str
    """What holds of it, in words."""


def conformal_threshold(
    reals: ArrayLike,
    rate: float,
    confidence: float | None = None,
    weights: ArrayLike | None = None,
) -> float:
    """The lowest threshold at which real faces are called fake no oftener than ``rate``.

    It asks nothing of the scores' distribution, only that calibration and use draw from the same
    one, item by item: give one score a video, since frames of one video are no separate draws.

    Args:
        reals: Scores of real items kept for calibration, (N,).
        rate: Largest share of reals that may be called fake, in (0, 1).
        confidence: None for a rate that holds on average over calibration sets; else the
            probability with which it holds for the very set at hand, in (0, 1).
        weights: What each item counts for, (N,), as where a source of many items shall count as
            much as one of few; the next item counts as much as the mean of them. Not together
            with ``confidence``.

    Returns:
        Threshold t; a score of at least t is called fake.

    Raises:
        UndefinedError: If there are too few reals for the rate; the message says how many would
            do.

    References:
        Vovk et al., "Algorithmic Learning in a Random World", 2005, section 4.2 (split
        conformal); Vovk, "Conditional validity of inductive conformal predictors", ACML 2012,
        proposition 2a.

    Examples:
        >>> import numpy as np
        >>> conformal_threshold(np.arange(1, 100) / 100, 0.01) > 0.99
        True
    """
    for name, value in (("rate", rate), ("confidence", 0.5 if confidence is None else confidence)):
        if not 0 < value < 1:
            raise ValueError(f"{name} must lie in (0, 1), got {value}.")
    s = np.sort(np.asarray(reals, dtype=np.float64))
    check(np.zeros(len(s), dtype=int), s)
    if weights is not None and confidence is None:
        return _weighted_threshold(np.asarray(reals, np.float64), rate, weights)
    above = _allowed(len(s), rate, confidence)
    if above is None:
        raise UndefinedError(
            f"a rate of {rate:g} needs {_needed(rate, confidence)} items to calibrate on, "
            f"got {len(s)}"
        )
    return float(np.nextafter(s[len(s) - above], np.inf))  # above the highest that is not allowed


def _weighted_threshold(s: NDArray[np.float64], rate: float, weights: ArrayLike) -> float:
    """The threshold at and above which no more than the rate lies, the next item counted in."""
    w = np.asarray(weights, dtype=np.float64)
    size = effective_size(w)
    allowed = rate * (size + 1) - 1 + 1e-9
    if allowed < 0:
        raise UndefinedError(
            f"a rate of {rate:g} needs {_needed(rate, None)} items to calibrate on, "
            f"got {len(s)} that count as {size:.0f}"
        )
    order = np.argsort(-s, kind="stable")
    above = np.cumsum(w[order]) * size / w.sum()
    first = int(np.argmax(above > allowed))  # the highest that must stay below
    return float(np.nextafter(s[order[first]], np.inf))


def conformal_zone(
    labels: ArrayLike, scores: ArrayLike, rate: float, confidence: float | None = None
) -> Zone:
    """Two thresholds: reals called fake, and fakes called real, each no oftener than ``rate``.

    Between them nothing is claimed. Where the classes lie apart the thresholds would cross; then
    both become their midpoint, which keeps both promises.

    Args:
        labels: 0 real, 1 fake, (N,).
        scores: Probabilities of fake, one a video, (N,).
        rate: Largest share of each class that may get the wrong verdict, in (0, 1).
        confidence: See :func:`conformal_threshold`.

    Raises:
        UndefinedError: If a class has too few items for the rate.
    """
    y, s = check(labels, scores)
    upper = conformal_threshold(s[y == 0], rate, confidence)
    lower = -conformal_threshold(-s[y == 1], rate, confidence)
    lower = float(np.nextafter(lower, np.inf))  # "below" is strict, "from" is not
    if lower > upper:
        lower = upper = (lower + upper) / 2
    words = (
        "on average over calibration sets"
        if confidence is None
        else f"with probability {confidence:g} over calibration sets"
    )
    guarantee = (
        f"At most {rate:g} of reals are called fake and of fakes real, {words}, for items drawn "
        f"as the {int((y == 0).sum())} reals and {int(y.sum())} fakes of the calibration were."
    )
    return Zone(min(max(lower, 0.0), 1.0), min(max(upper, 0.0), 1.0), guarantee)


def _allowed(count: int, rate: float, confidence: float | None) -> int | None:
    """The rank from the top of the first score that may lie below the threshold; None: too few.

    With k items at or above it, a new item lies above with probability Beta(k, count + 1 - k).
    """
    if confidence is None:
        k = math.floor((count + 1) * rate + 1e-12)
        return k if 1 <= k <= count else None
    ranks = np.arange(1, count + 1)
    fits = int((betainc(ranks, count + 1 - ranks, rate) >= confidence).sum())  # falls with rank
    return fits or None


def _needed(rate: float, confidence: float | None) -> int:
    """The fewest items that make any threshold."""
    if confidence is None:
        return math.ceil(1 / rate - 1 - 1e-9)
    return math.ceil(math.log(1 - confidence) / math.log(1 - rate) - 1e-9)
