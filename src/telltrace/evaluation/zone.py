"""Where a score says something: thresholds from validation, and the zone between them."""

import numpy as np
from numpy.typing import ArrayLike


def undecided_zone(
    labels: ArrayLike, scores: ArrayLike, error: float = 0.1
) -> tuple[float, float] | None:
    """Thresholds that keep both kinds of wrong verdict rare among the faces they are chosen on.

    At most a share ``error`` of the reals score at least the upper threshold, and at most as
    many of the fakes score below the lower one. Where the classes lie so far apart that the
    thresholds would cross, both become their midpoint and nothing is left undecided.

    Args:
        labels: (N,) 0 real, 1 fake.
        scores: (N,) probability of fake.
        error: Share of each class that may get the wrong verdict.

    Returns:
        Lower and upper threshold, in [0, 1]; None where a class is missing.

    Examples:
        >>> undecided_zone([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], error=0.0)
        (0.4, 0.6000000000000001)
    """
    y, s = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    reals, fakes = s[y == 0], s[y == 1]
    if not len(reals) or not len(fakes):
        return None
    allowed = int(error * len(reals)), int(error * len(fakes))
    highest = np.sort(reals)[::-1][min(allowed[0], len(reals) - 1)]
    upper = min(1.0, float(np.nextafter(highest, 2)))  # just above the first real not allowed
    lower = float(np.sort(fakes)[min(allowed[1], len(fakes) - 1)])
    if lower > upper:
        lower = upper = (lower + upper) / 2
    return lower, upper


def real_threshold(fakes: ArrayLike, error: float, weights: ArrayLike | None = None) -> float:
    """The highest threshold below which no more than a share of the fakes lies.

    Args:
        fakes: Scores of fakes, (N,).
        error: The share.
        weights: What each of them counts for, (N,); equal by default.

    Examples:
        >>> real_threshold([0.1, 0.6, 0.8, 0.9], 0.25)
        0.6
    """
    s = np.asarray(fakes, dtype=np.float64)
    w = np.ones(len(s)) if weights is None else np.asarray(weights, dtype=np.float64)
    order = np.argsort(s, kind="stable")
    below = np.cumsum(w[order])
    allowed = error * below[-1] * (1 + 1e-9)
    return float(s[order[min(int(np.searchsorted(below, allowed, side="right")), len(s) - 1)]])
