"""How well scores are probabilities, and curves that make them so, fitted on validation scores."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit

from .ranking import Floats, Ranking, UndefinedError, check

Knots = tuple[tuple[float, float], ...]
"""Points (score, probability) of a rising curve that is straight between them."""

BINS = 15
"""Bins of the calibration error."""
_NEAREST = 1e-12
"""How near to 0 and 1 a score may come before its margin is taken to be that of this distance."""


class Reliability(NamedTuple):
    """Mean score, share of fakes and number of items of every bin that is not empty."""

    score: Floats
    fakes: Floats
    items: NDArray[np.int64]


def places(scores: Floats) -> NDArray[np.int64]:
    """The bin of each score: equal widths of [0, 1], closed below, the last on both sides."""
    return np.minimum((scores * BINS).astype(np.int64), BINS - 1)


def reliability(ranking: Ranking) -> Reliability:
    """Shares of fakes of the scores in each bin."""
    found = np.zeros((3, BINS))
    for piece in ranking.pieces():
        total = piece.real + piece.fake
        of = total, piece.scores * total, piece.fake
        found += [np.bincount(places(piece.scores), weights, BINS) for weights in of]
    items, scores, fakes = found[:, found[0] > 0]
    return Reliability(scores / items, fakes / items, items.astype(np.int64))


def margins(scores: ArrayLike, temperature: float = 1.0, bias: float = 0.0) -> Floats:
    """What a detector said before ``score = sigmoid(margin / temperature + bias)``, (N,)."""
    s = np.clip(np.asarray(scores, dtype=np.float64), _NEAREST, 1 - _NEAREST)
    return np.asarray((logit(s) - bias) * temperature, dtype=np.float64)


def fit_temperature(
    labels: ArrayLike, margin: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """The temperature under which the labels are likeliest: one number, no ranking changes.

    Labels, 0 real and 1 fake, margins (fake logit less real logit) and weights are (N,) each. With
    one class only, or classes in the wrong order, none is best: an UndefinedError.

    References:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.
    """
    y, m, w = _checked(labels, margin, weights)
    if (w * m * (2 * y - 1)).sum() <= 0:
        raise UndefinedError("the scores rank no better than chance; no temperature changes that")

    def loss(log_temperature: float) -> float:
        return _loss(y, m * math.exp(-log_temperature), w)

    best = minimize_scalar(loss, bounds=(-8, 8), method="bounded", options={"xatol": 1e-9})
    return math.exp(float(best.x))


def fit_platt(
    labels: ArrayLike, margin: ArrayLike, weights: ArrayLike | None = None
) -> tuple[float, float]:
    """Temperature and bias of ``sigmoid(margin / temperature + bias)`` that make labels likeliest.

    The targets are drawn in a little, as Platt did, so that classes that lie apart do not ask for
    an infinite slope. Arguments and errors are those of :func:`fit_temperature`.

    References:
        Platt, "Probabilistic Outputs for Support Vector Machines", 1999, section 2.2.
    """
    y, m, w = _checked(labels, margin, weights)
    reals, fakes = np.bincount(y, minlength=2)
    target = np.where(y == 1, (fakes + 1) / (fakes + 2), 1 / (reals + 2))
    spread = float(m.std()) or 1.0

    def loss(parameters: Floats) -> tuple[float, Floats]:
        z = parameters[0] * m / spread + parameters[1]
        off = expit(z) - target
        gradient = np.array([(w * off * m / spread).sum(), (w * off).sum()])
        return _loss(target, z, w), gradient

    best = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS", options={"gtol": 1e-9})
    slope, bias = float(best.x[0]) / spread, float(best.x[1])
    if slope <= 0:
        raise UndefinedError("the scores rank no better than chance; no rising curve fits them")
    return 1 / slope, bias


def fit_isotonic(labels: ArrayLike, scores: ArrayLike, weights: ArrayLike | None = None) -> Knots:
    """The rising curve that fits the labels best in squares, as its corner points.

    A few hundred scores already overfit it: prefer Platt's curve there. Scores on one step become
    equal, which can change the AUC. Labels, scores and weights are (N,) each; with one class only
    it is an UndefinedError.

    References:
        Zadrozny and Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability
        Estimates", KDD 2002.
    """
    y, s, _ = _checked(labels, scores)
    from sklearn.isotonic import IsotonicRegression

    curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    curve.fit(s, y, sample_weight=None if weights is None else np.asarray(weights))
    corners = np.stack([curve.X_thresholds_, curve.y_thresholds_], axis=1).astype(np.float64)
    return tuple((x, p) for x, p in corners.tolist())


def apply_knots(scores: ArrayLike, knots: Knots) -> Floats:
    """The curve's probability at scores (N,); flat before its first point and after its last."""
    return np.asarray(np.interp(np.asarray(scores, np.float64), *np.array(knots).T), np.float64)


def _loss(target: NDArray[Any], z: Floats, w: Floats) -> float:
    return float((w * (np.logaddexp(0, z) - target * z)).sum())


def _checked(
    labels: ArrayLike, values: ArrayLike, weights: ArrayLike | None = None
) -> tuple[NDArray[np.int8], Floats, Floats]:
    """Labels of both classes, values, and weights that sum to one."""
    y, v = check(labels, values)
    fakes = int(y.sum())
    if fakes in (0, y.size):
        raise UndefinedError(f"needs both classes, got {y.size - fakes} reals and {fakes} fakes")
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    return y, v, w / w.sum()
