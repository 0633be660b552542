"""Metrics of a forgery detector, as pure functions of labels and scores.

Everywhere ``labels`` is (N,) with 0 for real and 1 for fake, and ``scores`` is (N,) where higher
means more fake. A face is called fake when its score is at least the threshold. What the numbers
at hand cannot support is an :class:`UndefinedError` with the reason, never a number.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]

THRESHOLD = 0.5
"""Score from which accuracy and balanced accuracy call a face fake."""

CALIBRATION_BINS = 15
MAX_FPR = 0.1
RATES = {"tpr_at_fpr_1e-2": 1e-2, "tpr_at_fpr_1e-3": 1e-3, "tpr_at_fpr_1e-4": 1e-4}


class UndefinedError(ValueError):
    """A metric that these labels and scores cannot support; ``str()`` is the reason."""


class Roc(NamedTuple):
    """False-alarm rate, hit rate and threshold at every distinct score, strictest first."""

    fpr: Floats
    tpr: Floats
    thresholds: Floats


class Reliability(NamedTuple):
    """Mean score, share of fakes and number of items of every bin that is not empty."""

    score: Floats
    fakes: Floats
    items: NDArray[np.int64]


def _sklearn() -> Any:
    """scikit-learn's metrics: 60 MB that reading and judging a file of any length does without."""
    from sklearn import metrics

    return metrics


def check(labels: ArrayLike, scores: ArrayLike) -> tuple[Labels, Floats]:
    """Both as equally long vectors, or a ValueError that says what is wrong with them."""
    y, s = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if y.shape != s.shape or y.ndim != 1:
        raise ValueError(
            f"labels and scores must be 1-D and equally long, got {y.shape} and {s.shape}."
        )
    if not np.isin(y, (0, 1)).all():
        raise ValueError("labels must be 0 (real) or 1 (fake).")
    if not np.isfinite(s).all():
        raise ValueError(f"{(~np.isfinite(s)).sum()} of {s.size} scores are NaN or infinite.")
    return y.astype(np.int8), s


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> Roc:
    """ROC curve with every vertex kept; from (0, 0) at +inf to (1, 1).

    Raises:
        UndefinedError: If only one class is present.
    """
    return Roc(*_sklearn().roc_curve(*_both(labels, scores), drop_intermediate=False))


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Probability that a fake scores above a real, ties counting one half.

    Raises:
        UndefinedError: If only one class is present.

    Examples:
        >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.75
    """
    return float(_sklearn().roc_auc_score(*_both(labels, scores)))


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Precision averaged over the recall steps, without interpolation; fakes are the positives.

    Raises:
        UndefinedError: If only one class is present.
    """
    return float(_sklearn().average_precision_score(*_both(labels, scores)))


def equal_error_rate(labels: ArrayLike, scores: ArrayLike) -> float:
    """Error rate at which false alarms and misses are equally frequent.

    The crossing is interpolated linearly between ROC vertices, so the result does not hang on
    which vertex happens to be nearer. 0 is perfect, 0.5 is chance.

    Raises:
        UndefinedError: If only one class is present.

    Examples:
        >>> equal_error_rate([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])
        0.5
    """
    fpr, tpr, _ = roc_curve(labels, scores)
    gap = fpr - (1 - tpr)  # rises from -1 to 1
    i = int(np.argmax(gap >= 0))
    step = -gap[i - 1] / (gap[i] - gap[i - 1])
    return float(fpr[i - 1] + step * (fpr[i] - fpr[i - 1]))


def tpr_at_fpr(labels: ArrayLike, scores: ArrayLike, fpr: float) -> float:
    """Largest hit rate of any threshold whose false-alarm rate is at most ``fpr``.

    Only thresholds that exist count: nothing is interpolated. With fewer than ``1 / fpr`` reals
    one false alarm already exceeds ``fpr``; the hit rate without any false alarm would then pass
    for a rate it was never tested at, so the metric is undefined.

    Raises:
        UndefinedError: If only one class is present, or too few reals to resolve ``fpr``.

    Examples:
        >>> tpr_at_fpr([0, 0, 0, 0, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.5, 0.9], fpr=0.25)
        1.0
    """
    y, s = _both(labels, scores)
    reals = int((y == 0).sum())
    alarms = math.floor(fpr * reals + 1e-9)
    if alarms < 1:
        needed = math.ceil(1 / fpr - 1e-9)
        raise UndefinedError(f"a false-alarm rate of {fpr:g} needs {needed} reals, got {reals}")
    curve = roc_curve(y, s)
    return float(curve.tpr[np.rint(curve.fpr * reals) <= alarms].max())


def partial_auc(labels: ArrayLike, scores: ArrayLike, max_fpr: float = MAX_FPR) -> float:
    """Area under the ROC curve up to ``max_fpr``, scaled so that 0.5 is chance and 1 perfect.

    Args:
        labels: 0 real, 1 fake, (N,).
        scores: Higher is more fake, (N,).
        max_fpr: Right end of the area, in (0, 1].

    Raises:
        UndefinedError: If only one class is present.

    References:
        McClish, "Analyzing a Portion of the ROC Curve", Medical Decision Making 1989, for the
        scaling.

    Examples:
        >>> round(partial_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], max_fpr=0.5), 4)
        0.6667
    """
    y, s = _both(labels, scores)
    return float(_sklearn().roc_auc_score(y, s, max_fpr=max_fpr))


def accuracy(labels: ArrayLike, scores: ArrayLike, threshold: float = THRESHOLD) -> float:
    """Share of right verdicts; it hangs on the mixture of classes, unlike balanced accuracy."""
    y, s = _some(labels, scores)
    return float(_sklearn().accuracy_score(y, s >= threshold))


def balanced_accuracy(labels: ArrayLike, scores: ArrayLike, threshold: float = THRESHOLD) -> float:
    """Mean of the shares of fakes and of reals that are judged rightly.

    Raises:
        UndefinedError: If only one class is present.
    """
    y, s = _both(labels, scores)
    return float(_sklearn().balanced_accuracy_score(y, s >= threshold))


def log_loss(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean negative log-likelihood in nats; scores of 0 and 1 are moved inwards by 2.2e-16."""
    return float(_sklearn().log_loss(*_probabilities(labels, scores), labels=[0, 1]))


def brier(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean squared distance between score and label."""
    return float(_sklearn().brier_score_loss(*_probabilities(labels, scores), pos_label=1))


def reliability(labels: ArrayLike, scores: ArrayLike, bins: int = CALIBRATION_BINS) -> Reliability:
    """How often faces of a given score are fake, in ``bins`` equal widths of [0, 1].

    Bins are closed below and open above, the last one closed on both sides. Empty bins are left
    out.
    """
    y, s = _probabilities(labels, scores)
    place = np.minimum((s * bins).astype(np.int64), bins - 1)
    items = np.bincount(place, minlength=bins)
    full = items > 0
    score = np.bincount(place, weights=s, minlength=bins)[full] / items[full]
    fakes = np.bincount(place, weights=y, minlength=bins)[full] / items[full]
    return Reliability(score, fakes, items[full])


def expected_calibration_error(
    labels: ArrayLike, scores: ArrayLike, bins: int = CALIBRATION_BINS
) -> float:
    """Mean distance between score and share of fakes over the bins, weighted by their items.

    References:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equation 3, with the
        probability of fake in place of the winner's confidence.
    """
    score, fakes, items = reliability(labels, scores, bins)
    return float(np.average(np.abs(score - fakes), weights=items))


METRICS: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "auc": auc,
    "ap": average_precision,
    "eer": equal_error_rate,
    "pauc_1e-1": partial_auc,
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    **{name: partial(tpr_at_fpr, fpr=rate) for name, rate in RATES.items()},
    "log_loss": log_loss,
    "brier": brier,
    "ece": expected_calibration_error,
}
"""Every metric of a report, in the order in which it is shown."""


@dataclass(frozen=True)
class Measure:
    """A metric's value, or None with the reason why it has none."""

    value: float | None
    reason: str | None = None


def measure(labels: ArrayLike, scores: ArrayLike) -> dict[str, Measure]:
    """Every metric of :data:`METRICS`; those that the data cannot support carry their reason.

    Examples:
        >>> measure([1, 1], [0.2, 0.9])["auc"]
        Measure(value=None, reason='needs both classes, got 0 reals and 2 fakes')
    """
    measures = {}
    for name, metric in METRICS.items():
        try:
            measures[name] = Measure(metric(labels, scores))
        except UndefinedError as error:
            measures[name] = Measure(None, str(error))
    return measures


def _some(labels: ArrayLike, scores: ArrayLike) -> tuple[Labels, Floats]:
    y, s = check(labels, scores)
    if y.size == 0:
        raise UndefinedError("nothing was judged")
    return y, s


def _both(labels: ArrayLike, scores: ArrayLike) -> tuple[Labels, Floats]:
    y, s = _some(labels, scores)
    fakes = int(y.sum())
    if fakes in (0, y.size):
        raise UndefinedError(f"needs both classes, got {y.size - fakes} reals and {fakes} fakes")
    return y, s


def _probabilities(labels: ArrayLike, scores: ArrayLike) -> tuple[Labels, Floats]:
    y, s = _some(labels, scores)
    if s.min() < 0 or s.max() > 1:
        raise ValueError(f"scores must be probabilities in [0, 1], got {s.min():g} to {s.max():g}.")
    return y, s
