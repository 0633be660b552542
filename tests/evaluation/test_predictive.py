import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from telltrace.errors import OptionError
from telltrace.evaluation import (
    Sample,
    UndefinedError,
    conformal_threshold,
    effective_size,
    real_threshold,
    summarise_sample,
)
from telltrace.evaluation.thresholds import rate_of_each


@pytest.mark.parametrize("count", [2, 5, 40])
@pytest.mark.parametrize("rate", [0.05, 0.01])
def test_a_new_item_exceeds_the_threshold_as_rarely_as_promised(count: int, rate: float) -> None:
    rng = np.random.default_rng(count)
    draws = rng.normal(3, 2, (100_000, count + 1))
    mean, sd = draws[:, :-1].mean(1), draws[:, :-1].std(1, ddof=1)
    unit = Sample(count, 0.0, 1.0).threshold(rate)
    assert (draws[:, -1] > mean + sd * unit).mean() == pytest.approx(rate, rel=0.1)


def test_it_is_the_formula_of_the_decision() -> None:
    n, mean, sd, m = 12, -1.5, 0.4, 60
    expected = mean + sd * np.sqrt(1 + 1 / m) * t.ppf(0.95 ** (1 / n), m - 1)
    assert Sample(m, mean, sd).threshold(rate_of_each(0.05, n)) == pytest.approx(expected)


@given(st.integers(1, 1000), st.floats(1e-4, 0.5))
def test_several_tries_err_as_rarely_as_one(tries: int, rate: float) -> None:
    each = rate_of_each(rate, tries)
    assert 1 - (1 - each) ** tries == pytest.approx(rate)
    assert rate / tries * 0.999 <= each <= rate * 1.001


def test_weights_are_repetitions_of_items_that_were_drawn_once() -> None:
    values = [1.0, 2.0, 5.0]
    found = summarise_sample(values, [1, 2, 1])
    assert found.mean == pytest.approx(np.mean([1, 2, 2, 5]))
    assert found.size == pytest.approx(16 / 6)
    assert summarise_sample(values, [7, 7, 7]) == pytest.approx(summarise_sample(values))
    with pytest.raises(UndefinedError, match="at least two real items"):
        summarise_sample([1.0])
    assert effective_size([]) == 0


@given(st.lists(st.floats(0, 1), min_size=60, max_size=200, unique=True))
def test_equal_weights_change_no_conformal_threshold(scores: list[float]) -> None:
    plain = conformal_threshold(scores, 0.05)
    assert conformal_threshold(scores, 0.05, weights=np.full(len(scores), 3.0)) == plain


def test_a_small_source_has_as_much_say_in_a_conformal_threshold() -> None:
    rng = np.random.default_rng(0)
    large, small = rng.normal(0, 1, 5000), rng.normal(3, 1, 500)
    scores, weights = np.concatenate([large, small]), np.repeat([0.1, 1.0], [5000, 500])
    found = conformal_threshold(scores, 0.1, weights=weights)
    assert ((large >= found).mean() + (small >= found).mean()) / 2 == pytest.approx(0.1, abs=0.01)
    with pytest.raises(UndefinedError, match="needs 999 items to calibrate on, got 5500"):
        conformal_threshold(scores, 0.001, weights=np.repeat([0.001, 1.0], [5000, 500]))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.floats(0, 0.5))
def test_no_more_fakes_are_called_real_than_allowed(levels: list[int], error: float) -> None:
    scores = np.array(levels) / 30
    lower = real_threshold(scores, error)
    assert (scores < lower).mean() <= error + 1e-9
    assert (scores <= lower).mean() > error


@pytest.mark.parametrize("error", [-0.1, 1, 2])
def test_a_share_that_is_none_is_refused(error: float) -> None:
    with pytest.raises(OptionError, match=r"error must lie in \[0, 1\)"):
        real_threshold([0.2, 0.9], error)
