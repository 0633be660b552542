from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telltrace.inference.timeline import (
    AT_LEAST,
    Span,
    sharpen,
    smooth,
    stretch_spans,
    windows,
)

ANYWHERE = [(0.0, np.inf)]
scores = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(scores, st.sampled_from([0.2, 0.5, 1.0]))
def test_in_the_middle_of_a_long_track_it_is_a_running_median(
    values: list[float], window: float
) -> None:
    times = np.arange(len(values)) / 10
    smoothed = smooth(times, values, window)
    reach = max(round(window * 5), AT_LEAST // 2)  # looks on either side
    for i in range(reach, len(values) - reach):
        assert smoothed[i] == np.median(values[i - reach : i + reach + 1])


@given(scores, st.floats(0, 3))
def test_smoothing_stays_within_the_scores(values: list[float], window: float) -> None:
    smoothed = smooth(range(len(values)), values, window)
    assert smoothed.shape == (len(values),)
    assert min(values) <= smoothed.min() <= smoothed.max() <= max(values)


@pytest.mark.parametrize("place", [0, 7, 19])
def test_one_odd_look_is_gone(place: int) -> None:
    values = np.zeros(20)
    values[place] = 1
    assert smooth(np.arange(20) / 5, values, 1.0).max() == 0


def test_a_step_stays_where_it_is_even_where_looks_lie_closer() -> None:
    times = np.concatenate([np.arange(0, 4, 0.25), np.arange(4, 5, 0.04), np.arange(5, 9, 0.25)])
    values = (times >= 4.5).astype(float)
    np.testing.assert_array_equal(smooth(times, values, 1.0), values)


def test_no_window_changes_nothing() -> None:
    assert smooth([0, 1, 2], [0.1, 0.9, 0.2], 0).tolist() == [0.1, 0.9, 0.2]


@given(scores, st.floats(0.05, 0.95))
def test_spans_hold_what_reaches_the_threshold_and_nothing_else(
    values: list[float], fake_from: float
) -> None:
    times = [float(i) for i in range(len(values))]
    spans = stretch_spans(times, values, fake_from, ANYWHERE if max(values) >= fake_from else [], 0)
    inside = {t for s in spans for t in times if s.start <= t <= s.end}
    assert inside == {t for t, v in zip(times, values, strict=True) if v >= fake_from}
    for span in spans:
        assert (
            span.peak
            == values[int(span.peak_time)]
            == max(values[int(span.start) : int(span.end) + 1])
        )
    assert all(b.start > a.end + 1 for a, b in pairwise(spans))


def test_stretches_that_lie_close_are_one() -> None:
    times, values = [0.0, 0.1, 0.2, 0.3, 2.0], [0.9, 0.1, 0.8, 0.1, 0.9]
    apart = (Span(0.0, 0.0, 0.9, 0.0), Span(0.2, 0.2, 0.8, 0.2), Span(2.0, 2.0, 0.9, 2.0))
    assert stretch_spans(times, values, 0.5, ANYWHERE, 0) == apart


@given(st.lists(st.floats(0, 20), min_size=1, max_size=40), st.sampled_from([0.5, 1.0]))
def test_a_window_holds_all_looks_of_its_time_and_none_is_skipped(
    moments: list[float], length: float
) -> None:
    times = np.sort(np.round(moments, 2))
    found = windows(times, length)
    for window in found:
        assert np.ptp(times[window]) < length
    for start in np.arange(0, 21, length / 2):
        count = int(((times >= start - 1e-9) & (times < start + length - 1e-9)).sum())
        assert (count > 0) == any(
            start - 1e-6 <= times[w][0] and times[w][-1] < start + length and len(times[w]) == count
            for w in found
        )


def test_a_stretch_that_smoothing_took_away_keeps_its_place() -> None:
    times, level = [0.0, 1.0, 2.0, 3.0], 0.5
    assert stretch_spans(times, [0.1] * 4, level, [(1.0, 2.0)], 0.9) == (Span(1.0, 2.0, 0.9, 1.5),)
    both = stretch_spans(times, [0.9, 0.1, 0.8, 0.9], level, [(2.0, 2.5)], 0.9)
    assert both == (Span(2.0, 3.0, 0.9, 3.0),)


def test_a_stretch_ends_where_faces_that_score_high_themselves_are_not_those_within() -> None:
    """Looks at a second of FaceForensics++ whose person scores .7 behind it as well."""
    times = np.array([97, 98, 99, 100, 101, 102, 106, 110, 114, 118, 122, 127, 131]) / 25
    scores = [0.05, 0.07, 0.06, 0.94, 0.94, 0.95, 0.94, 0.95, 0.96, 0.94, 0.94, 0.7, 0.7]
    by_level = Span(4.0, 131 / 25, 0.94, 4.08)
    assert sharpen([by_level], times, scores, 0.5) == (by_level._replace(end=122 / 25),)


def test_an_odd_look_at_the_peak_of_a_stretch_moves_no_end() -> None:
    scores = [0.1, 0.1, 0.9, 0.9, 0.2, 0.9, 0.9, 0.1, 0.1]
    span = Span(2.0, 6.0, 0.9, 4.0)
    assert sharpen([span], range(9), scores, 2.0) == (span,)


def test_stretches_that_grow_into_one_are_one() -> None:
    spans = [Span(0.0, 1.0, 0.8, 1.0), Span(3.0, 4.0, 0.9, 3.0)]
    grown = sharpen(spans, range(8), [0.9] * 5 + [0.1] * 3, 4.0)
    assert grown == (Span(0.0, 4.0, 0.9, 3.0),)


def test_an_end_stays_where_nothing_drops_and_moves_inwards_but_a_little() -> None:
    span = Span(0.0, 6.0, 0.99, 0.0)
    assert sharpen([span], range(9), [0.9] * 9, 1.0) == (span,)
    one = sharpen([span], range(9), [0.999, *[0.5] * 8], 1.0)
    assert one == (span._replace(end=4.0),)
