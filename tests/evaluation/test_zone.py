import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telltrace.evaluation import undecided_zone

scored = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=80).filter(
    lambda rows: {label for label, _ in rows} == {True, False}
)


@given(scored, st.integers(0, 500))
def test_wrong_verdicts_are_as_rare_as_promised(rows: list[tuple[bool, int]], mille: int) -> None:
    """Rates in thousandths, so that what they allow is counted without rounding."""
    labels, levels = (np.array(column) for column in zip(*rows, strict=True))
    scores = 0.02 + levels / 21.1
    zone = undecided_zone(labels, scores, mille / 1000)
    assert zone is not None
    lower, upper = zone
    assert 0 <= lower <= upper <= 1
    reals, fakes = scores[labels == 0], scores[labels == 1]
    assert 1000 * (reals >= upper).sum() <= mille * len(reals)
    assert 1000 * (fakes < lower).sum() <= mille * len(fakes)


def test_classes_far_apart_leave_nothing_undecided() -> None:
    lower, upper = undecided_zone([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]) or (0, 1)
    assert lower == upper == pytest.approx(0.5)


def test_one_class_gives_no_zone() -> None:
    assert undecided_zone([1, 1], [0.2, 0.8]) is None
