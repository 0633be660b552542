"""Likelihood ratios: how far data support them, and what they say in words."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from telltrace.evaluation.odds import expit, logit
from telltrace.evaluation.ranking import Floats, check
from telltrace.evaluation.thresholds import effective_size

Bounds = tuple[float, float]
"""Lowest and highest log10 likelihood ratio; never above and below 0."""

SCALE: Final = (
    (6.0, "extremely strong"),
    (4.0, "very strong"),
    (3.0, "strong"),
    (2.0, "moderately strong"),
    (1.0, "moderate"),
    (float(np.log10(2)), "weak"),
)
"""From which log10 on support is called so: the example of a verbal scale in ENFSI, "Guideline for
Evaluative Reporting in Forensic Science", 2015."""


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """How much more probable a score is of a forged face than of a real one."""

    log10_lr: float
    """Decimal logarithm of the ratio: above 0 the score speaks for a forgery."""
    low: float
    high: float
    """Between which it was kept; validation items support no stronger one."""
    words: str
    """The same in words of the usual verbal scale."""
    prior: float | None = field(default=None, metadata={"digits": 12})
    """The reader's probability of forgery before the score, where it was given."""
    posterior: float | None = field(default=None, metadata={"digits": 12})
    """That after it; None without a prior."""

    @property
    def sentence(self) -> str:
        """The ratio, its bounds and its words; the posterior, where there is one."""
        said = f"Likelihood ratio {plain_ratio(self.log10_lr)}: {self.words}"
        said += f" (kept between {plain_ratio(self.low)} and {plain_ratio(self.high)})."
        if self.prior is not None and self.posterior is not None:
            before, after = map(plain_probability, (self.prior, self.posterior))
            said += f" A prior of {before} becomes a probability of {after}."
        return said


def state(score: float, bounds: Bounds, prior: float | None = None) -> Likelihood:
    """What a calibrated score says as evidence.

    Args:
        score: Probability of forgery where both classes are as likely, from 0 to 1.
        bounds: What validation items support; see `supported_bounds`.
        prior: The reader's probability of forgery before the score, in (0, 1). Without it no
            posterior is given: a detector cannot know it.

    Examples:
        >>> found = state(0.95, (-1.0, 1.0), prior=0.01)
        >>> found.log10_lr, found.words, round(found.posterior, 3)
        (1.0, 'moderate support for a forgery', 0.092)
    """
    with np.errstate(divide="ignore"):
        ratio = float(np.clip(logit(score) / np.log(10), *bounds))
    odds = ratio * np.log(10)
    posterior = None if prior is None else float(expit(logit(prior) + odds))
    low, high = bounds
    return Likelihood(
        log10_lr=ratio,
        low=low,
        high=high,
        words=in_words(ratio),
        prior=prior,
        posterior=posterior,
    )


def in_words(log10_lr: float) -> str:
    """Support in words.

    Examples:
        >>> in_words(0.2), in_words(-2.5)
        ('support for neither', 'moderately strong support for a real face')
    """
    side = "a forgery" if log10_lr > 0 else "a real face"
    found = (word for least, word in SCALE if abs(log10_lr) >= least)
    word = next(found, None)
    return f"{word} support for {side}" if word else "support for neither"


def plain_ratio(log10_lr: float) -> str:
    """A ratio as people write it.

    Examples:
        >>> plain_ratio(1.0), plain_ratio(-2.0), plain_ratio(0.3)
        ('10', '1/100', '2.0')
    """
    number = 10 ** abs(log10_lr)
    text = f"{number:.1f}" if number < 9.95 else f"{number:,.0f}"
    return text if log10_lr >= 0 or text == "1.0" else f"1/{text}"


def plain_probability(share: float) -> str:
    """A probability that is never rounded to certainty.

    Examples:
        >>> plain_probability(0.0917), plain_probability(0.99999)
        ('0.0917', '1 - 1e-05')
    """
    return f"{share:.3g}" if share < 0.999 else f"1 - {1 - share:.1g}"


def supported_bounds(
    labels: ArrayLike, log_ratios: ArrayLike, weights: ArrayLike | None = None
) -> Bounds:
    """Beyond which ratio deciding by it costs more than deciding without it (ELUB).

    One item of each class is taken to be misled as far as can be, so that n reals and n fakes that
    lie apart support no ratio above n.

    Args:
        labels: 0 real, 1 fake, (N,).
        log_ratios: Natural logarithms of their likelihood ratios, (N,).
        weights: What each counts for, (N,), such as less where its source has many.

    Returns:
        Decimal logarithms of the lowest and the highest ratio; (0, 0) where none is supported.

    References:
        Vergeer et al., "Numerical likelihood ratios outputted by LR systems are often based on
        extrapolation: when to stop extrapolating?", Science & Justice 2016.

    Examples:
        >>> low, high = supported_bounds([0] * 100 + [1] * 100, [-50.0] * 100 + [50.0] * 100)
        >>> round(10**low, 6), round(10**high, 6)
        (0.01, 100.0)
    """
    y, ratios = check(labels, log_ratios)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    real, fake = ((ratios[y == k], w[y == k]) for k in (0, 1))
    high = _highest(real, fake)
    low = -_highest(_mirrored(fake), _mirrored(real))
    return float(low / np.log(10)), float(high / np.log(10))


def _mirrored(items: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    return -items[0], items[1]


def _highest(real: tuple[Floats, Floats], fake: tuple[Floats, Floats]) -> float:
    """The log threshold of at least 0 up to which deciding by the ratio costs no more than 1.

    With a threshold t the costs are t for a real called fake, and 1 for a fake called real.
    """
    edges = np.unique(np.concatenate([[0.0], *(ratios[ratios > 0] for ratios, _ in (real, fake))]))
    alarms, misses = _above(*real, edges), 1 - _above(*fake, edges)
    sizes = effective_size(real[1]), effective_size(fake[1])
    alarms, misses = (
        (1 + n * share) / (n + 1) for n, share in zip(sizes, (alarms, misses), strict=True)
    )
    with np.errstate(divide="ignore"):
        reach = np.log(np.maximum(1 - misses, 0)) - np.log(alarms)
    last = int(np.argmax(reach < np.append(edges[1:], np.inf)))
    return float(max(edges[last], reach[last]))


def _above(ratios: Floats, weights: Floats, edges: Floats) -> Floats:
    """Share of the weight that lies above each edge, (E,)."""
    order = np.argsort(ratios)
    below = np.concatenate([[0.0], np.cumsum(weights[order])])
    return np.asarray(1 - below[np.searchsorted(ratios[order], edges, side="right")] / below[-1])
