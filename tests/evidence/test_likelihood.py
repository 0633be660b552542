"""Likelihood ratios against densities, bounds against a search, words against the scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm

from telltrace.evidence.likelihood import in_words, plain_ratio, state, supported_bounds


def searched_bounds(y: NDArray[np.int64], ratios: NDArray[np.float64]) -> tuple[float, float]:
    """By definition, at every threshold of a fine grid, with one misled item of each class."""
    grid = np.linspace(-8, 8, 16001)
    real, fake = (np.append(ratios[y == k], far) for k, far in ((0, np.inf), (1, -np.inf)))
    alarms, misses = (real[:, None] > grid).mean(0), (fake[:, None] <= grid).mean(0)
    fails = np.exp(grid) * alarms + misses > np.minimum(1, np.exp(grid)) * (1 + 1e-12)
    high = grid[np.argmax(fails & (grid >= 0))]
    low = grid[len(grid) - 1 - np.argmax((fails & (grid <= 0))[::-1])]
    return low / np.log(10), high / np.log(10)


def test_bounds_are_where_deciding_by_ratios_begins_to_cost_more() -> None:
    for seed, apart in ((0, 0.5), (1, 1.0), (2, 2.0)):
        rng = np.random.default_rng(seed)
        y = np.arange(400) % 4 == 0
        ratios = rng.normal(np.where(y, apart, -apart), 1.3)
        found = supported_bounds(y.astype(int), ratios)
        assert found == pytest.approx(searched_bounds(y.astype(int), ratios), abs=2e-3)
        assert found[0] < 0 < found[1]


def test_weights_count_as_so_many_items() -> None:
    rng = np.random.default_rng(3)
    y = np.arange(200) % 2
    ratios = rng.normal(2 * y - 1, 1)
    low, high = supported_bounds(y, ratios, np.full(200, 7.0))
    assert (low, high) == pytest.approx(supported_bounds(y, ratios))
    few = np.where(np.arange(200) < 20, 1.0, 1e-9)  # as good as twenty items
    assert supported_bounds(y, ratios, few) == pytest.approx(
        supported_bounds(y[:20], ratios[:20]), abs=1e-6
    )


@given(st.lists(st.tuples(st.booleans(), st.floats(-30, 30)), min_size=2, max_size=40))
def test_no_bound_lies_beyond_the_number_of_items(rows: list[tuple[bool, float]]) -> None:
    y, ratios = (np.array(column) for column in zip(*rows, strict=True))
    if y.all() or not y.any():
        return
    low, high = supported_bounds(y.astype(int), ratios)
    reals, fakes = (~y).sum(), y.sum()
    highest = np.log10((reals + 1) * fakes / (fakes + 1)) + 1e-9
    lowest = -np.log10((fakes + 1) * reals / (reals + 1)) - 1e-9
    assert lowest <= low <= 0 <= high <= highest


def test_a_detector_that_is_wrong_way_round_supports_nothing() -> None:
    y = np.repeat([0, 1], 50)
    assert supported_bounds(y, np.where(y == 1, -3.0, 3.0)) == (0.0, 0.0)


@pytest.mark.parametrize("x", [-2.0, -0.4, 0.0, 1.7])
def test_the_ratio_of_a_score_is_that_of_the_densities(x: float) -> None:
    real, fake = norm.pdf(x, -1), norm.pdf(x, 1)
    found = state(fake / (fake + real), (-3.0, 3.0))
    assert found.log10_lr == pytest.approx(np.log10(fake / real), abs=1e-12)
    assert found.posterior is None


def test_a_ratio_is_kept_within_its_bounds_and_a_prior_gives_a_posterior() -> None:
    found = state(1.0, (-1.0, 2.0), prior=0.001)
    assert found.log10_lr == 2
    assert found.posterior == pytest.approx(0.1 / 1.099)  # odds of 1 to 999 times 100
    assert "A prior of 0.001 becomes a probability of 0.091." in found.sentence
    sure = state(1.0, (-1.0, 2.0), prior=0.9999)
    assert sure.sentence.endswith("A prior of 1 - 0.0001 becomes a probability of 1 - 1e-06.")
    assert "probability" not in state(1.0, (-1.0, 2.0)).sentence
    assert state(0.0, (-1.0, 2.0)).sentence == (
        "Likelihood ratio 1/10: moderate support for a real face (kept between 1/10 and 100)."
    )


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1.9, "support for neither"),
        (2, "weak support for a forgery"),
        (99, "moderate support for a forgery"),
        (101, "moderately strong support for a forgery"),
        (2e3, "strong support for a forgery"),
        (5e5, "very strong support for a forgery"),
        (2e6, "extremely strong support for a forgery"),
        (1 / 50, "moderate support for a real face"),
    ],
)
def test_words_are_those_of_the_scale(ratio: float, words: str) -> None:
    assert in_words(np.log10(ratio)) == words


def test_ratios_read_as_people_write_them() -> None:
    assert [plain_ratio(np.log10(x)) for x in (1, 1234.4, 0.5, 0.999)] == [
        "1.0", "1,234", "1/2.0", "1.0",
    ]  # fmt: skip
