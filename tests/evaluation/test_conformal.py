"""Conformal thresholds keep what they promise, and refuse to promise on too little."""

import numpy as np
import pytest
from scipy.stats import beta, binom

from telltrace.evaluation import UndefinedError, conformal_threshold

SPLITS = 1000


@pytest.mark.parametrize("count", [99, 250, 1000])
def test_rate_of_one_percent_is_kept_over_a_thousand_splits(count: int) -> None:
    rng = np.random.default_rng(count)
    scores = rng.beta(1, 6, (SPLITS, count + 400))
    alarms = 0
    for row in scores:
        alarms += int((row[count:] >= conformal_threshold(row[:count], 0.01)).sum())
    k = int((count + 1) * 0.01)
    # A split's alarms are Binomial(400, Beta(k, count + 1 - k)): mean and variance by hand.
    mean = k / (count + 1)
    spread = beta.var(k, count + 1 - k)
    variance = SPLITS * (400 * (mean * (1 - mean) - spread) + 400**2 * spread)
    assert mean <= 0.01
    assert abs(alarms - SPLITS * 400 * mean) < 3.5 * np.sqrt(variance)


def test_confidence_holds_for_the_set_at_hand() -> None:
    rng = np.random.default_rng(5)
    uniform = rng.random((SPLITS, 500))  # the rate of a threshold t is 1 - t
    kept = sum(1 - conformal_threshold(row, 0.01, confidence=0.9) <= 0.01 for row in uniform)
    assert binom.sf(kept - 1, SPLITS, 0.9) > 1e-4 or kept >= 0.9 * SPLITS
    assert kept >= binom.ppf(1e-4, SPLITS, 0.9)
    averaged = sum(1 - conformal_threshold(row, 0.01) <= 0.01 for row in uniform)
    assert averaged < kept  # on average is the weaker promise


@pytest.mark.parametrize(
    ("rate", "confidence", "needed"), [(0.01, None, 99), (0.1, None, 9), (0.01, 0.95, 299)]
)
def test_too_few_are_refused_with_the_number_needed(
    rate: float, confidence: float | None, needed: int
) -> None:
    with pytest.raises(UndefinedError, match=f"needs {needed} items"):
        conformal_threshold(np.linspace(0, 1, needed - 1), rate, confidence)
    assert conformal_threshold(np.linspace(0, 0.9, needed), rate, confidence) > 0.9


def test_ties_are_no_alarms() -> None:
    assert conformal_threshold(np.full(99, 0.5), 0.01) > 0.5
