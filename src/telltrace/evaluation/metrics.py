"""The metrics. To add one, write a function of a `Ranking` and list it in `METRICS`.

Nothing else has to change. A face is called fake when its score is at least the threshold.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from telltrace.errors import ManifestError
from telltrace.plugins import Registry

from .calibration import BINS, places
from .cross_entropy import cost, minimal_cost
from .ranking import Floats, Ranking, UndefinedError

THRESHOLD = 0.5
"""Score from which accuracy and balanced accuracy call a face fake."""

LOGITS = "If these are logits, write 1 / (1 + exp(-logit)) in their place."
"""What to do about scores that are not probabilities."""

MAX_FPR = 0.1


@dataclass(frozen=True)
class Measure:
    """A metric's value, or None with the reason why it has none."""

    value: float | None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure of merit; ``metric(labels, scores)`` computes it.

    Args:
        name: Its key in JSON.
        title: What a reader calls it.
        meaning: What it says, in a sentence.
        compute: A function of the sorted scores, along the first axis of the counts: a ranking of
            B draws gives (B,). A sum over :meth:`Ranking.pieces` needs little memory.
        higher_is_better: Which way is better.
        both_classes: Whether it needs reals and fakes.
        fewest_reals: How many reals it needs.
        probabilities: Whether scores must lie in [0, 1].
        scale: What its interval is symmetric in: the log odds of a share, the logarithm of a
            positive figure, or the figure itself.
        heading: Of its column in the tables by set and method; "" leaves it out of them.
        worst_case: Whether it is also given as if all items without a score were judged wrongly;
            for metrics to which reals above all others, and fakes below, add only their number.
    """

    name: str
    title: str
    meaning: str
    compute: Callable[[Ranking], Any]
    higher_is_better: bool = True
    both_classes: bool = True
    fewest_reals: int = 0
    probabilities: bool = False
    scale: Literal["share", "positive", "any"] = "share"
    heading: str = ""
    worst_case: bool = False

    def __call__(self, labels: ArrayLike, scores: ArrayLike) -> float:
        """Its value for labels, 0 real and 1 fake, and scores, (N,); or an UndefinedError."""
        found = self.measure(Ranking.of(labels, scores))
        if found.value is None:
            raise UndefinedError(found.reason or "")
        return found.value

    def measure(self, ranking: Ranking) -> Measure:
        """Its value for one set of items, or the reason why it has none."""
        reals, fakes = map(int, ranking.totals)
        if not reals + fakes:
            return Measure(None, "nothing was judged")
        if self.both_classes and not (reals and fakes):
            return Measure(None, f"needs both classes, got {reals} reals and {fakes} fakes")
        if reals < self.fewest_reals:
            return Measure(None, f"{self.meaning} needs {self.fewest_reals} reals, got {reals}")
        if self.probabilities and (ranking.scores[-1] < 0 or ranking.scores[0] > 1):
            ends = f"{ranking.scores[-1]:g} to {ranking.scores[0]:g}"
            text = f"scores must be probabilities in [0, 1], got {ends}"
            raise ManifestError(text, remedy=LOGITS)
        return Measure(float(self.compute(ranking)))


def _adds_up(part: Callable[[Ranking], Any]) -> Callable[[Ranking], Any]:
    """A metric that is the sum of what the pieces of a ranking give."""
    return lambda ranking: sum(part(piece) for piece in ranking.pieces())


@_adds_up
def _area(ranking: Ranking) -> Any:
    fpr, tpr = ranking.rates
    return np.einsum("t...,t...->...", np.diff(fpr, axis=0), tpr[1:] + tpr[:-1]) / 2


@_adds_up
def _average_precision(ranking: Ranking) -> Any:
    fp, tp = (above[1:] for above in ranking.counts)
    steps = np.einsum("t...,t...->...", ranking.fake, tp / np.maximum(tp + fp, 1e-9))
    return steps / ranking.totals[1]


def _equal_error_rate(ranking: Ranking) -> Any:
    fpr, tpr = ranking.rates_until(lambda fpr, tpr: fpr >= 1 - tpr)
    gap = fpr - (1 - tpr)  # rises from -1 to 1
    i = np.argmax(gap >= 0, axis=0)[None]
    after, before, x, x0 = (
        np.take_along_axis(values, at, 0) for values in (gap, fpr) for at in (i, i - 1)
    )
    return (x0 - before / (after - before) * (x - x0))[0]


@_adds_up
def _area_below_max_fpr(ranking: Ranking) -> Any:
    fpr, tpr = ranking.rates
    step, width = np.diff(fpr, axis=0), np.diff(np.minimum(fpr, MAX_FPR), axis=0)
    share = np.divide(width, step, out=np.zeros_like(width), where=step > 0)
    return np.einsum("t...,t...->...", width, tpr[:-1] + share * np.diff(tpr, axis=0) / 2)


def _partial_area(ranking: Ranking) -> Any:
    area, least = _area_below_max_fpr(ranking), MAX_FPR**2 / 2
    return 0.5 * (1 + (area - least) / (MAX_FPR - least))


def _right(ranking: Ranking) -> tuple[Any, Any]:
    """Reals and fakes on the right side of the threshold."""
    above = ranking.above(THRESHOLD)
    return ranking.real[above.stop :].sum(0), ranking.fake[above].sum(0)


@_adds_up
def _accuracy(ranking: Ranking) -> Any:
    return sum(_right(ranking)) / sum(ranking.totals)


@_adds_up
def _balanced_accuracy(ranking: Ranking) -> Any:
    (real, fake), (reals, fakes) = _right(ranking), ranking.totals
    return (real / reals + fake / fakes) / 2


def _mean(of_real: Floats, of_fake: Floats, ranking: Ranking) -> Any:
    """Mean over the items of something that depends on label and score."""
    return (of_real @ ranking.real + of_fake @ ranking.fake) / sum(ranking.totals)


@_adds_up
def _log_loss(ranking: Ranking) -> Any:
    eps = np.finfo(np.float64).eps
    inner, other = (np.clip(s, eps, 1 - eps) for s in (ranking.scores, 1 - ranking.scores))
    return _mean(-np.log(other), -np.log(inner), ranking)


@_adds_up
def _brier(ranking: Ranking) -> Any:
    return _mean(ranking.scores**2, (1 - ranking.scores) ** 2, ranking)


def _calibration_error(ranking: Ranking) -> Any:
    gaps = sum(_surplus(piece) for piece in ranking.pieces())
    return np.abs(gaps).sum(0) / sum(ranking.totals)


def _surplus(ranking: Ranking) -> Any:
    """By how much the scores of each bin add up to more than its fakes, (bins, ...)."""
    own = places(ranking.scores) == np.arange(BINS)[:, None]
    return (own * ranking.scores) @ ranking.real - (own * (1 - ranking.scores)) @ ranking.fake


@_adds_up
def _misleading_reals(ranking: Ranking) -> Any:
    above = ranking.above(math.nextafter(0.5, 1))
    return ranking.real[above].sum(0) / ranking.totals[0]


@_adds_up
def _misleading_fakes(ranking: Ranking) -> Any:
    return ranking.fake[ranking.above(0.5).stop :].sum(0) / ranking.totals[1]


def tpr_at_fpr(limit: float) -> Metric:
    """The metric that is the largest TPR of any threshold whose FPR is at most ``limit``.

    Nothing is interpolated. With fewer than ``1 / limit`` reals one false positive already exceeds
    the limit: the metric is undefined, since that rate cannot be tested.
    """

    def compute(ranking: Ranking) -> Any:
        most = limit * (1 + 1e-6)
        fpr, tpr = ranking.rates_until(lambda fpr, _: fpr > most)
        last = (fpr <= most).sum(0) - 1
        return np.take_along_axis(tpr, last[None], 0)[0]

    text = f"{limit:.0e}".replace("e-0", "e-")
    return Metric(
        name=f"tpr_at_fpr_{text}", title=f"TPR at FPR {text}", compute=compute,
        meaning=f"a false positive rate of {limit:g}", fewest_reals=math.ceil(1 / limit - 1e-9),
    )  # fmt: skip


auc = Metric(
    name="auc", title="AUC", compute=_area, heading="AUC", worst_case=True,
    meaning="probability that a fake scores above a real, ties counting one half",
)  # fmt: skip
average_precision = Metric(
    name="ap", title="average precision", compute=_average_precision, heading="AP",
    meaning="precision averaged over the recall steps, not interpolated; fakes are the positives",
)  # fmt: skip
equal_error_rate = Metric(
    name="eer", title="equal error rate", compute=_equal_error_rate, heading="EER",
    higher_is_better=False,
    meaning="error rate where false positives and misses are equally frequent, interpolated "
    "linearly between ROC vertices",
)  # fmt: skip
partial_auc = Metric(
    name="pauc_1e-1", title=f"partial AUC to FPR {MAX_FPR}", compute=_partial_area,
    meaning="area under the ROC curve up to that FPR, scaled so that 0.5 is chance and 1 perfect "
    "(McClish, Medical Decision Making 1989)",
)  # fmt: skip
accuracy = Metric(
    name="accuracy", title=f"accuracy at {THRESHOLD}", compute=_accuracy, heading="acc.",
    both_classes=False, worst_case=True,
    meaning="share of right verdicts; it depends on the mixture of the classes",
)  # fmt: skip
balanced_accuracy = Metric(
    name="balanced_accuracy", title=f"balanced accuracy at {THRESHOLD}", worst_case=True,
    compute=_balanced_accuracy, heading="bal. acc.",
    meaning="mean of the shares of reals and of fakes that are judged rightly",
)  # fmt: skip
log_loss = Metric(
    name="log_loss", title="log loss", compute=_log_loss, higher_is_better=False,
    both_classes=False, probabilities=True, scale="positive",
    meaning="mean negative log-likelihood in nats; scores of 0 and 1 are moved in by 2.2e-16",
)  # fmt: skip
brier = Metric(
    name="brier", title="Brier score", compute=_brier, higher_is_better=False,
    both_classes=False, probabilities=True,
    meaning="mean squared distance between score and label",
)  # fmt: skip
expected_calibration_error = Metric(
    name="ece", title="calibration error", compute=_calibration_error, higher_is_better=False,
    both_classes=False, probabilities=True,
    meaning="mean distance between score and share of fakes over 15 bins, weighted by items (Guo "
    "et al., ICML 2017, equation 3, with the probability of fake as confidence)",
)  # fmt: skip
cllr = Metric(
    name="cllr", title="Cllr", compute=_adds_up(cost), higher_is_better=False, probabilities=True,
    scale="positive",
    meaning="cost in bits of taking score / (1 - score) for a likelihood ratio, both classes "
    "counting the same: saying nothing costs 1",
)  # fmt: skip
min_cllr = Metric(
    name="min_cllr", title="minimal Cllr", compute=minimal_cost, higher_is_better=False,
    meaning="Cllr after the best rising curve, which has seen the labels: the ranking's part of it",
)  # fmt: skip
calibration_loss = Metric(
    name="cllr_loss", title="calibration loss", higher_is_better=False, probabilities=True,
    compute=lambda ranking: cllr.compute(ranking) - minimal_cost(ranking), scale="any",
    meaning="Cllr less minimal Cllr, in bits: what another curve would save",
)  # fmt: skip
misleading_reals = Metric(
    name="misleading_reals", title="reals with LR over 1", compute=_misleading_reals,
    higher_is_better=False, meaning="misleading evidence: reals that score above 0.5",
)  # fmt: skip
misleading_fakes = Metric(
    name="misleading_fakes", title="fakes with LR under 1", compute=_misleading_fakes,
    higher_is_better=False, meaning="misleading evidence: fakes that score below 0.5",
)  # fmt: skip

_SHOWN = [
    *(auc, average_precision, equal_error_rate, partial_auc, accuracy, balanced_accuracy),
    *(tpr_at_fpr(5e-2), tpr_at_fpr(1e-2), tpr_at_fpr(1e-3), tpr_at_fpr(1e-4)),
    *(log_loss, brier, expected_calibration_error),
    *(cllr, min_cllr, calibration_loss, misleading_reals, misleading_fakes),
]
METRICS: Registry[Metric] = Registry("metrics", Metric, {one.name: one for one in _SHOWN})
"""Every metric of a report by its name, in the order in which it is shown."""


def measure(labels: ArrayLike, scores: ArrayLike) -> dict[str, Measure]:
    """Every metric of :data:`METRICS`; those that the data cannot support carry their reason."""
    return measure_ranking(Ranking.of(labels, scores))


def measure_ranking(ranking: Ranking) -> dict[str, Measure]:
    """The same of items that are sorted already."""
    return {name: metric.measure(ranking) for name, metric in METRICS.items()}
