import math
from collections.abc import Callable
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from telltrace.errors import ManifestError
from telltrace.evaluation import METRICS, UndefinedError, auc, measure
from telltrace.evaluation.calibration import reliability
from telltrace.evaluation.metrics import (
    accuracy,
    average_precision,
    balanced_accuracy,
    brier,
    equal_error_rate,
    expected_calibration_error,
    log_loss,
    tpr_at_fpr,
)
from telltrace.evaluation.ranking import Ranking

Scored = tuple[NDArray[np.int64], NDArray[np.float64]]


def as_arrays(rows: list[tuple[bool, float]]) -> Scored:
    return np.array([y for y, _ in rows], dtype=int), np.array([s for _, s in rows])


score = st.one_of(st.integers(0, 8).map(lambda n: n / 8), st.floats(0, 1))
any_scored = st.lists(st.tuples(st.booleans(), score), min_size=1, max_size=60).map(as_arrays)
scored = any_scored.filter(lambda rows: 0 < rows[0].mean() < 1)

SKLEARN: dict[str, Callable[..., float]] = {
    "auc": sklearn_metrics.roc_auc_score,
    "ap": sklearn_metrics.average_precision_score,
    "accuracy": lambda y, s: sklearn_metrics.accuracy_score(y, s >= 0.5),
    "balanced_accuracy": lambda y, s: sklearn_metrics.balanced_accuracy_score(y, s >= 0.5),
    "log_loss": sklearn_metrics.log_loss,
    "brier": sklearn_metrics.brier_score_loss,
}


@given(scored)
def test_equals_scikit_learn(rows: Scored) -> None:
    found = measure(*rows)
    for name, reference in SKLEARN.items():
        assert found[name].value == pytest.approx(reference(*rows), abs=1e-12), name


@given(scored)
def test_the_curve_is_scikit_learns(rows: Scored) -> None:
    expected = sklearn_metrics.roc_curve(*rows, drop_intermediate=False)[:2]
    np.testing.assert_allclose(Ranking.of(*rows).rates, expected, rtol=0, atol=1e-12)
    partial = sklearn_metrics.roc_auc_score(*rows, max_fpr=0.1)
    assert measure(*rows)["pauc_1e-1"].value == pytest.approx(partial, abs=1e-12)


def test_a_single_class_has_no_auc_where_torchmetrics_says_zero() -> None:
    found = measure([1, 1, 1], [0.2, 0.5, 0.9])["auc"]
    assert (found.value, found.reason) == (None, "needs both classes, got 0 reals and 3 fakes")


@given(scored)
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: Scored) -> None:
    y, s = rows
    pairs = [(f > r) + (f == r) / 2 for f, r in product(s[y == 1], s[y == 0])]
    assert auc(y, s) == pytest.approx(np.mean(pairs), abs=1e-12)


@given(scored)
def test_average_precision_by_its_definition(rows: Scored) -> None:
    y, s = rows
    points = [(0.0, 1.0)]  # recall, precision
    for threshold in sorted(set(s), reverse=True):
        called = s >= threshold
        points.append((y[called].sum() / y.sum(), y[called].mean()))
    steps = sum((b[0] - a[0]) * b[1] for a, b in pairwise(points))
    assert average_precision(y, s) == pytest.approx(steps, abs=1e-12)


@given(scored)
def test_eer_is_where_misses_and_false_alarms_meet(rows: Scored) -> None:
    fpr, tpr = Ranking.of(*rows).rates
    low, high, at = 0.0, len(fpr) - 1.0, np.arange(len(fpr))
    for _ in range(80):  # bisection along the curve, whose excess of false alarms never falls
        middle = (low + high) / 2
        below = np.interp(middle, at, fpr) < 1 - np.interp(middle, at, tpr)
        low, high = (middle, high) if below else (low, middle)
    assert equal_error_rate(*rows) == pytest.approx(np.interp(high, at, fpr), abs=1e-12)


@given(scored)
def test_eer_of_the_opposite_opinion_is_the_complement(rows: Scored) -> None:
    y, s = rows
    assert equal_error_rate(y, s) == pytest.approx(1 - equal_error_rate(y, -s), abs=1e-12)


def test_eer_is_interpolated_where_the_nearest_vertex_is_wrong() -> None:
    y, s = [1, 0, 0, 1, 0], [0.9, 0.7, 0.7, 0.6, 0.5]
    fpr, tpr = Ranking.of(y, s).rates
    nearest_vertex = fpr[np.argmin(np.abs(1 - tpr - fpr))]
    assert nearest_vertex == pytest.approx(2 / 3)
    assert equal_error_rate(y, s) == 0.5  # half of the fakes are missed up to there


@given(scored, st.sampled_from([0.05, 0.1, 0.25, 0.5, 1.0]))
def test_tpr_at_fpr_is_the_best_of_all_thresholds(rows: Scored, fpr: float) -> None:
    y, s = rows
    if (y == 0).sum() * fpr < 1:
        with pytest.raises(UndefinedError, match=r"needs .* reals"):
            tpr_at_fpr(fpr)(y, s)
        return
    thresholds = [*s, np.inf]
    allowed = [t for t in thresholds if (s[y == 0] >= t).mean() <= fpr + 1e-12]
    assert tpr_at_fpr(fpr)(y, s) == max((s[y == 1] >= t).mean() for t in allowed)


@pytest.mark.parametrize(
    ("reals", "name"), [(20, "5e-2"), (100, "1e-2"), (1000, "1e-3"), (10000, "1e-4")]
)
def test_a_rare_false_alarm_rate_needs_enough_reals(reals: int, name: str) -> None:
    s = np.append(np.linspace(0, 0.4, reals), [0.5, 0.6])
    y = np.append(np.zeros(reals), [1, 1])
    assert measure(y, s)[f"tpr_at_fpr_{name}"].value == 1.0
    short = measure(y[1:], s[1:])[f"tpr_at_fpr_{name}"]
    assert short.value is None
    assert f"needs {reals} reals, got {reals - 1}" in str(short.reason)


@given(any_scored)
def test_calibration_error_by_hand(rows: Scored) -> None:
    y, s = rows
    total = 0.0
    for k in range(15):
        inside = np.array([min(int(value * 15), 14) == k for value in s])
        if inside.any():
            total += inside.sum() / len(s) * abs(s[inside].mean() - y[inside].mean())
    assert expected_calibration_error(y, s) == pytest.approx(total, abs=1e-12)
    assert reliability(Ranking.of(y, s)).items.sum() == len(s)


def test_honest_scores_are_calibrated_and_boasting_ones_are_not() -> None:
    y = np.tile([0, 0, 0, 1], 50)
    assert expected_calibration_error(y, np.full(200, 0.25)) == 0
    assert expected_calibration_error(y, np.full(200, 1.0)) == 0.75


def test_log_loss_and_brier_by_hand() -> None:
    y, s = [0, 1, 1], [0.25, 0.5, 0.875]
    assert log_loss(y, s) == pytest.approx(-math.log(0.75 * 0.5 * 0.875) / 3, abs=1e-12)
    assert brier(y, s) == pytest.approx((0.25**2 + 0.5**2 + 0.125**2) / 3, abs=1e-12)


@given(scored, st.randoms(use_true_random=False))
def test_no_metric_hangs_on_the_order_of_rows(rows: Scored, random: object) -> None:
    y, s = rows
    order = np.random.default_rng(random.getrandbits(32)).permutation(len(y))  # type: ignore[attr-defined]
    before, after = measure(y, s), measure(y[order], s[order])
    for name in METRICS:
        assert after[name].value == pytest.approx(before[name].value, abs=1e-12), name


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_gives_a_reason_and_never_a_number(label: int) -> None:
    found = measure([label] * 3, [0.1, 0.5, 0.9])
    undefined = {name for name, m in found.items() if m.value is None}
    needs_both = {n for n in METRICS if n.startswith("tpr")} | {
        *("auc", "ap", "eer", "pauc_1e-1", "balanced_accuracy"),
        *("cllr", "min_cllr", "cllr_loss", "misleading_reals", "misleading_fakes"),
    }
    assert undefined == needs_both
    assert all("needs both classes" in str(found[name].reason) for name in needs_both)


def test_nothing_judged_defines_nothing() -> None:
    assert {(m.value, m.reason) for m in measure([], []).values()} == {(None, "nothing was judged")}


def test_half_a_probability_is_called_fake() -> None:
    assert accuracy([1, 0], [0.5, 0.4999]) == balanced_accuracy([1, 0], [0.5, 0.4999]) == 1.0


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([0, 1], [0.1, math.nan], "1 of 2 scores are NaN"),
        ([0, 2], [0.1, 0.2], "labels must be 0"),
        ([0, 1, 1], [0.1, 0.2], r"equally long, got \(3,\) and \(2,\)"),
    ],
)
def test_refuses_what_is_no_score(labels: list[int], scores: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        auc(labels, scores)
    assert not isinstance(caught.value, UndefinedError)


def test_calibration_wants_probabilities_and_ranking_does_not() -> None:
    assert auc([0, 1], [-3.0, 7.0]) == 1.0
    with pytest.raises(ManifestError, match=r"in \[0, 1\], got -3 to 7.*1 / \(1 \+ exp"):
        brier([0, 1], [-3.0, 7.0])
