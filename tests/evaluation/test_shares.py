"""Intervals of shares against scipy, of gaps against a published example."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from telltrace.evaluation.shares import Share, largest_gap


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_scipys(found: tuple[int, int]) -> None:
    expected = binomtest(*found).proportion_ci(0.95, "wilson")
    assert Share(*found).interval == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_the_largest_gap_is_found_with_the_published_interval() -> None:
    # Newcombe 1998, table II, example (a) by method 10: 56/70 - 48/80
    gap = largest_gap({"a": Share(56, 70), "b": Share(48, 80), "c": Share(50, 70)}, enough=50)
    assert (gap.highest, gap.lowest, gap.too_few) == ("a", "b", ())
    assert gap.difference == pytest.approx(0.2)
    assert gap.interval == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_groups_with_too_few_files_are_named_and_not_compared() -> None:
    shares = {"a": Share(1, 200), "b": Share(4, 200), "c": Share(9, 12)}
    gap = largest_gap(shares)
    assert (gap.highest, gap.lowest, gap.too_few) == ("b", "a", ("c",))
    assert "Warning: fewer than 100 files, so that nothing is known of: c." in str(gap)
    none = largest_gap({"a": Share(1, 200), "c": Share(0, 12)})
    assert none.highest is None
    assert str(none).startswith("No two groups have enough files to be compared. Warning")


def test_a_share_reads_as_people_write_it() -> None:
    assert str(Share(12, 80)) == "12 of 80, 15.0 % [8.8, 24.4]"
    assert str(Share(0, 0)) == "0 of 0"
