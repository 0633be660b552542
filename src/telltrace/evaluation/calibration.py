"""How well scores are probabilities, curves that make them so, and where verdicts begin."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from telltrace.errors import OptionError, check_positive

from .odds import expit, logit
from .pooling import FrameRule, confident
from .ranking import Floats, Ranking, UndefinedError, check
from .thresholds import Sample, rate_of_each

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
    from scipy.optimize import minimize_scalar

    how: Any = {"bounds": (-8, 8), "method": "bounded", "options": {"xatol": 1e-9}}
    best = minimize_scalar(lambda log: _loss(y, m * math.exp(-log), w), **how)
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

    from scipy.optimize import minimize

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


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """For a single look at a face: a picture, or one frame.

    ``score = curve(sigmoid((fake logit - real logit) / temperature + bias))``, where the curve
    runs straight from knot to knot and is the identity without knots.
    """

    temperature: float = 1.0
    bias: float = 0.0
    real_below: float = 0.5
    """Scores below this are called real."""
    fake_from: float = 0.5
    """Scores from here on are called fake; between the two nothing is claimed."""
    fake_from_strict: float | None = None
    """The same where fewer false alarms are wanted; None for no other threshold."""
    reals: Sample | None = None
    """Margins of real validation pictures, for pictures of several people; see `fake`."""
    rates: tuple[float, float] = (0.03, 0.01)
    """Largest share of real pictures that the two thresholds call fake."""
    knots: Knots = ()
    """Points (sigmoid, score) of an isotonic curve, rising."""
    fitted_on: str = ""
    """What the curve and the thresholds were fitted on, and what is promised of them."""
    frames: FrameRule = "logits"
    """How looks at one person through a video become one."""
    lr_bounds: tuple[float, float] | None = None
    """Lowest and highest log10 likelihood ratio that validation pictures support."""

    def __post_init__(self) -> None:
        check_positive(temperature=self.temperature)
        if not 0 <= self.real_below <= self.fake_from <= self.fake(strict=True) <= 1:
            raise OptionError(
                "Thresholds must satisfy 0 <= real_below <= fake_from <= fake_from_strict <= 1, "
                f"got {self.real_below}, {self.fake_from} and {self.fake_from_strict}."
            )
        if self.frames not in get_args(FrameRule):
            rules = ", ".join(get_args(FrameRule))
            raise OptionError(f"frames must be one of {rules}, got {self.frames!r}.")
        columns = np.array(self.knots or [(0.0, 0.0), (1.0, 1.0)])
        if (np.diff(columns, axis=0) < 0).any() or columns.min() < 0 or columns.max() > 1:
            raise OptionError("knots must rise, from left to right, within [0, 1].")

    def fake(self, strict: bool = False, people: int = 1) -> float:
        """From which score a face is fake, one of so many in a picture that share the rate."""
        found = self.fake_from_strict if strict else None
        alone = self.fake_from if found is None else found
        if self.reals is None or people == 1:
            return alone
        rate = rate_of_each(self.rates[strict], people)
        return max(alone, float(self.probability(self.reals.threshold(rate))))

    def margins(self, scores: ArrayLike) -> Floats:
        """Fake logit less real logit of scores, of any shape.

        Knots cannot be undone: the logits of the scores are then given, which are kept between
        1 and 99 %, since a curve through data reaches 0 and 1 where it knows little.
        """
        if self.knots:
            return margins(np.clip(np.asarray(scores, np.float64), 0.01, 0.99))
        return margins(scores, self.temperature, self.bias)

    def probability(self, margin: ArrayLike) -> Floats:
        """The score of such margins, of any shape."""
        m = np.asarray(margin, dtype=np.float64)
        return np.asarray(expit(m if self.knots else m / self.temperature + self.bias))

    def score(self, raw: ArrayLike) -> Floats:
        """The score of fake logit less real logit as the network gives them, (N,)."""
        found = expit(np.asarray(raw, np.float64) / self.temperature + self.bias)
        return apply_knots(found, self.knots) if self.knots else found

    def pool(self, margin: Floats) -> float:
        """One margin of those of a video's looks, (N,), by :attr:`frames`."""
        if self.frames == "logits":
            return float(np.mean(margin))
        scores = self.probability(margin)
        pooled = scores.mean() if self.frames == "mean" else confident(scores)
        return float(self.margins(pooled))


@dataclass(frozen=True, kw_only=True)
class VideoCalibration:
    """For a person through a video: the mean margin of all looks, and that of each second.

    Thresholds follow from ``reals`` and ``windows`` for any number of people and seconds. Both
    questions, whether a person is forged throughout or for a stretch, get half of the rate.
    """

    temperature: float = 1.0
    bias: float = 0.0
    real_below: float = 0.5
    """Real is said below it; above the threshold of forgery both become their middle."""
    reals: Sample
    """Mean margins of real validation videos."""
    windows: Sample | None = None
    """Mean margins of one second of them; None: stretches are not claimed."""
    within: float | None = None
    """Deviation of the windows of one video about their mean; None: taken for independent."""
    rates: tuple[float, float] = (0.05, 0.01)
    """Largest share of real videos that are called fake, and that with strict thresholds."""
    fitted_on: str = ""
    """What all this was fitted on, and what is promised."""
    lr_bounds: tuple[float, float] | None = None
    """Lowest and highest log10 likelihood ratio that validation videos support; None: too few."""

    def __post_init__(self) -> None:
        check_positive(temperature=self.temperature)
        if not 0 <= self.real_below <= 1:
            raise OptionError(f"real_below must lie in [0, 1], got {self.real_below}.")
        if not 0 < self.rates[1] <= self.rates[0] < 1:
            raise OptionError(f"rates must be in (0, 1), the strict one last, got {self.rates}.")
        if self.within is not None and not (self.windows and self.within >= 0):
            raise OptionError(f"within must be 0 or more and needs windows, got {self.within}.")
        for sample in (self.reals, self.windows or self.reals):
            if not (sample.size >= 2 and sample.sd >= 0 and np.isfinite(sample.mean)):
                raise OptionError(f"A sample needs two items and a deviation, got {sample}.")

    def probability(self, margin: ArrayLike) -> Floats:
        """The score of mean margins, of any shape."""
        return np.asarray(expit(np.asarray(margin, np.float64) / self.temperature + self.bias))

    def fake(self, strict: bool = False, people: int = 1, brief: bool = False) -> float:
        """The score from which one of so many people in a file is called forged throughout.

        The mean of the few looks at one seen for a ``brief`` time spreads as that of a window does.
        """
        rate = rate_of_each(self._share(strict), people)
        samples = [self.reals] + ([self.windows] if brief and self.windows else [])
        return float(self.probability(max(sample.threshold(rate) for sample in samples)))

    def stretch(
        self, windows: int, strict: bool = False, people: int = 1, times: float = 1.0
    ) -> float:
        """The score of its mean margin from which one of so many windows of a person is forged.

        ``people`` are judged, at so many ``times`` the rate; without ``windows`` an OptionError.
        """
        if self.windows is None:
            raise OptionError("Nothing is known of single seconds; calibrate on denser frames.")
        rate = rate_of_each(min(times * self._share(strict), 0.5), people)
        if self.within is None:
            margin = self.windows.threshold(rate_of_each(rate, max(windows, 1)))
        else:
            margin = self.windows.threshold_of_highest(rate, max(windows, 1), self.within)
        return float(self.probability(margin))

    def _share(self, strict: bool) -> float:
        """The rate of each question."""
        return rate_of_each(self.rates[strict], 1 if self.windows is None else 2)
