"""Weights of detectors beside scikit-learn's, and conflicts by hand."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from telltrace.errors import OptionError
from telltrace.evaluation.combination import Combination, fit_weights


def drawn(count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and log odds of three: one that knows, one that knows less, and noise."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, count)
    side = 2 * label - 1
    sees = rng.normal(0, 1, (count, 3)) + side[:, None] * np.array([1.0, 0.5, 0.0])
    return label, sees * np.array([2.0, 1.0, 3.0])  # a noisy one that is sure of itself


def test_weights_are_those_of_a_logistic_regression() -> None:
    label, odds = drawn()
    found = fit_weights(label, odds, np.ones(len(label)))
    theirs = LogisticRegression(C=1e9, tol=1e-8).fit(odds[:, :2], label).coef_[0]
    assert found[:2] == pytest.approx(theirs, abs=0.02)
    assert found[2] == pytest.approx(0, abs=0.03)


def test_items_count_as_they_are_told() -> None:
    label, odds = drawn(400)
    twice = np.where(np.arange(400) < 200, 2.0, 0.0)
    half = fit_weights(label[:200], odds[:200], np.ones(200))
    assert fit_weights(label, odds, twice) == pytest.approx(half, abs=0.1)


def test_one_who_is_wrong_is_not_heard_and_twins_share() -> None:
    label, odds = drawn()
    turned = np.stack([odds[:, 0], -odds[:, 1]], axis=1)
    assert fit_weights(label, turned, np.ones(len(label)))[1] == 0.0
    twins = fit_weights(label, odds[:, [0, 0]], np.ones(len(label)))
    assert twins[0] == pytest.approx(twins[1], abs=1e-4)


def test_all_together_are_the_weighted_sum_of_log_odds() -> None:
    way = Combination(names=("a", "b"), weights=(0.5, 2.0))
    scores = np.array([[0.9, 0.2], [0.5, 0.5]])
    expected = 0.5 * logit(0.9) + 2 * logit(0.2)
    assert way.margins(scores) == pytest.approx([expected, 0.0])


def test_a_conflict_is_as_strong_as_its_weaker_side() -> None:
    way = Combination(names=("a", "b", "c"), weights=(1.0, 1.0, 0.0), picture=1.5, video=3.0)
    odds = [[3.0, -2.0, -9.0], [3.0, 1.0, -9.0], [-4.0, -1.0, 9.0], [0.5, -4.0, 0.0]]
    assert way.conflict(odds).tolist() == [2.0, 0.0, 0.0, 0.5]
    scores = expit([[2.5, -2.5, 9.0], [3.5, -1.5, 9.0]])  # the mean log odds are 3, -2 and 9
    words = "a says fake (95%), b says real (12%)"
    assert way.disagreement(scores, moving=False) == (words, True)
    assert way.disagreement(scores, moving=True) == (words, False)
    assert way.disagreement(expit([[3.0, 1.0, -9.0]]), moving=False) == ("", False)


@pytest.mark.parametrize("weights", [(1.0,), (1.0, -0.5), (0.0, 0.0)])
def test_weights_that_cannot_be_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(OptionError, match="weights"):
        Combination(names=("a", "b"), weights=weights)
