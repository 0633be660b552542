"""Cllr and its parts against densities, scikit-learn's isotonic curve and hand computations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression

from telltrace.evaluation import METRICS, measure
from telltrace.evaluation.cross_entropy import cross_entropy, log_ratios, minimal_cost
from telltrace.evaluation.odds import expit
from telltrace.evaluation.ranking import Ranking

Rows = list[tuple[bool, float]]
scores = st.integers(1, 99).map(lambda n: n / 100)
rows = st.lists(st.tuples(st.booleans(), scores), min_size=2, max_size=50).filter(
    lambda found: 0 < sum(label for label, _ in found) < len(found)
)


def gaussians(count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and scores that are the exact ratios of reals of N(-1, 1) and fakes of N(1, 1)."""
    x = norm.ppf((np.arange(count) + 0.5) / count)
    y = np.repeat([0, 1], count)
    return y, expit(2 * np.concatenate([x - 1, x + 1]))  # log ratio 2 x


def test_known_gaussian_scores_cost_what_their_densities_say() -> None:
    exact, _ = quad(lambda x: norm.pdf(x, 1) * np.log2(1 + np.exp(-2 * x)), -12, 12)
    found = measure(*gaussians())
    assert found["cllr"].value == pytest.approx(exact, abs=2e-4)  # by symmetry of both classes
    assert found["min_cllr"].value == pytest.approx(exact, abs=5e-3)
    assert found["cllr_loss"].value == pytest.approx(0, abs=5e-3)
    for name in ("misleading_reals", "misleading_fakes"):
        assert found[name].value == pytest.approx(norm.sf(1), abs=2e-4)


def test_overstated_ratios_are_a_loss_of_calibration_alone() -> None:
    y, s = gaussians()
    twice = expit(2 * np.log(s / (1 - s)))
    before, after = measure(y, s), measure(y, twice)
    assert after["min_cllr"].value == before["min_cllr"].value
    assert after["cllr"].value > before["cllr"].value + 0.05  # type: ignore[operator]


def test_scores_that_say_nothing_cost_one_bit() -> None:
    found = measure([0, 1, 0, 1, 1], [0.5] * 5)
    values = {name: found[name].value for name in ("cllr", "min_cllr", "cllr_loss")}
    assert values == pytest.approx({"cllr": 1, "min_cllr": 1, "cllr_loss": 0})
    misleading = [found[f"misleading_{side}"].value for side in ("reals", "fakes")]
    assert misleading == [0, 0]  # a ratio of 1 misleads nobody


@given(rows)
def test_minimal_cllr_is_that_of_scikit_learns_isotonic_curve(found: Rows) -> None:
    y, s = (np.array(column) for column in zip(*found, strict=True))
    weight = np.where(y, 1 / y.sum(), 1 / (~y).sum())
    best = IsotonicRegression().fit(s, y, sample_weight=weight).predict(s)
    with np.errstate(divide="ignore"):
        bits = -np.log2(np.where(y, best, 1 - best))
    expected = (bits[y].mean() + bits[~y].mean()) / 2
    assert METRICS["min_cllr"](y.astype(int), s) == pytest.approx(expected, abs=1e-9)


@given(rows)
def test_draws_are_integrated_to_nearly_the_same(found: Rows) -> None:
    y, s = (np.array(column) for column in zip(*found, strict=True))
    one = Ranking.of(y.astype(int), s)
    two = Ranking(one.scores, np.stack([one.real] * 2, 1), np.stack([one.fake] * 2, 1))
    assert minimal_cost(two) == pytest.approx(np.full(2, minimal_cost(one)), abs=4e-3)


@given(rows)
def test_a_long_ranking_gives_the_same_in_pieces(found: Rows) -> None:
    y, s = (np.array(column) for column in zip(*found, strict=True))
    whole = measure(y.astype(int), s)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("telltrace.evaluation.ranking.PIECE", 7)
        parts = measure(y.astype(int), s)
    for name in ("cllr", "min_cllr", "cllr_loss", "misleading_reals", "misleading_fakes"):
        assert parts[name].value == pytest.approx(whole[name].value, abs=1e-12)


def test_cross_entropy_at_even_odds_is_cllr_and_without_evidence_the_entropy_of_the_prior() -> None:
    y, s = gaussians(200)
    one = Ranking.of(y, s)
    prior = np.log([1.0, 0.1])
    even, rare = cross_entropy(log_ratios(one.scores), one.real, one.fake, prior)
    assert even == pytest.approx(METRICS["cllr"](y, s))
    p = 0.1 / 1.1
    entropy = -p * np.log2(p) - (1 - p) * np.log2(1 - p)
    nothing = cross_entropy(np.zeros(1), np.ones(1), np.ones(1), prior)
    assert nothing == pytest.approx([1, entropy])
    assert rare < entropy
