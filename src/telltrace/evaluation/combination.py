"""Several detectors as one: what each counts, and when they disagree."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from telltrace.errors import OptionError

from .calibration import margins
from .odds import expit
from .ranking import Floats, UndefinedError, check

SURE: Final = float(np.log(3))
"""Log odds from which a detector takes a side at all: three to one."""


@dataclass(frozen=True, kw_only=True)
class Combination:
    """The weighted sum of the log odds that detectors give, (N, detectors) to (N,).

    Detectors *conflict* by as much as the less sure of two opposite sides is sure: by ``c`` log
    odds if one holds a face for forged with odds of at least ``exp(c)`` and another for real.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    """What each one's log odds count; a detector of weight 0 is not heard."""
    picture: float | None = None
    """The conflict from which on a picture is UNCERTAIN; None where none was measured."""
    video: float | None = None
    """The same of a person through a video, by mean log odds."""
    fitted_on: str = ""
    """What weights and bounds were measured on."""

    def __post_init__(self) -> None:
        if len(self.names) != len(self.weights):
            raise OptionError(f"{len(self.names)} detectors have {len(self.weights)} weights.")
        if min(self.weights) < 0 or not sum(self.weights) > 0:
            raise OptionError(f"weights must be 0 or more and not all 0, got {self.weights}.")

    def margins(self, scores: ArrayLike) -> Floats:
        """Log odds of all together from the scores of each, (N, detectors) to (N,)."""
        return np.asarray(margins(scores) @ np.array(self.weights))

    def conflict(self, odds: ArrayLike) -> Floats:
        """How strongly two of them contradict each other, (N, detectors) to (N,), 0 or more."""
        heard = np.asarray(odds, np.float64)[:, np.array(self.weights) > 0]
        return np.asarray(np.minimum(heard.max(axis=1), -heard.min(axis=1)).clip(min=0))

    def disagreement(self, scores: ArrayLike, moving: bool) -> tuple[str, bool]:
        """Who says what of one face or person, by the scores of its looks, (looks, detectors).

        The words are empty where all take the same side; beside them, whether they conflict beyond
        the bound.
        """
        odds = margins(scores).mean(axis=0)
        conflict, bound = (
            float(self.conflict(odds[None])[0]),
            self.video if moving else self.picture,
        )
        if not conflict:
            return "", False
        heard = [each for each in zip(self.names, odds, self.weights, strict=True) if each[2] > 0]
        said = (
            f"{name} says {'fake' if z > 0 else 'real'} ({expit(z):.0%})" for name, z, _ in heard
        )
        return ", ".join(said), bound is not None and conflict >= bound


def fit_weights(labels: ArrayLike, odds: ArrayLike, weights: ArrayLike) -> tuple[float, ...]:
    """What each detector's log odds count, under which the labels are likeliest; none below 0.

    Labels, 0 real and 1 fake, and what each item counts are (N,), log odds (N, detectors). Equal
    weights are preferred by as much as one item counts, so that detectors that say the same share
    their weight. An UndefinedError if all weights would be 0.

    References:
        Wolpert, "Stacked Generalization", Neural Networks 1992; weights of 0 or more: Breiman,
        "Stacked Regressions", Machine Learning 1996.
    """
    z = np.asarray(odds, np.float64)
    y, _ = check(labels, z[:, 0])
    w = np.asarray(weights, np.float64) / np.sum(weights)
    reals, fakes = np.bincount(y, minlength=2)
    target = np.where(y == 1, (fakes + 1) / (fakes + 2), 1 / (reals + 2))  # as Platt's
    count = z.shape[1]

    def loss(parameters: Floats) -> tuple[float, Floats]:
        bias, weight = parameters[0], parameters[1:]
        margin = z @ weight + bias
        off, apart = w * (expit(margin) - target), (weight - 1 / count) / len(y)
        value = (w * (np.logaddexp(0, margin) - target * margin)).sum() + (
            apart**2
        ).sum() / 2 * len(y)
        return float(value), np.concatenate([[off.sum()], z.T @ off + apart])

    start, bounds = np.r_[0.0, np.full(count, 1 / count)], [(None, None), *[(0.0, None)] * count]
    from scipy.optimize import minimize

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x[1:]
    if not found.sum() > 0:
        raise UndefinedError("no detector tells the classes apart")
    return tuple(float(weight) for weight in found)
