"""One pass over the scores: every figure is that of the pure functions, whatever the blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from telltrace.evaluation import intervals, measure, resample, sweep
from telltrace.evaluation.judging import judge

EVERYTHING = [np.ones(2, dtype=bool)]


def figures(y: np.ndarray, s: np.ndarray, **options: object) -> object:
    draws = {"replicates": 3, "level": 0.95, "seed": 0, "enough": 5, **options}
    one = np.arange(len(y), dtype=np.int32)
    return judge(s, one, y.astype(np.int8), y.astype(np.int64), EVERYTHING, None, **draws)[0]  # type: ignore[arg-type]


@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 20, 1000]), st.sampled_from([1, 4, 9999]))
@settings(max_examples=60, deadline=None)
def test_equals_the_pure_functions(seed: int, steps: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 150))
    y = (rng.random(size) < rng.random()).astype(int)
    s = np.round(rng.random(size) * steps) / steps
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "_BLOCK", block)
        found = figures(y, s).metrics  # type: ignore[attr-defined]
    expected = measure(y, s)
    assert list(found) == list(expected)
    for name, one in expected.items():
        assert found[name].reason == one.reason, name
        if one.value is not None:
            assert found[name].value == pytest.approx(one.value, abs=1e-12), name


def test_many_scores_in_many_blocks_equal_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 30_000)
    s = 1 / (1 + np.exp(-(y + rng.normal(size=30_000))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "_BLOCK", 1000)
        found = figures(y, s).metrics  # type: ignore[attr-defined]
    for name, one in measure(y, s).items():
        assert found[name].value == pytest.approx(one.value, abs=1e-12), name


def test_a_draw_is_the_weighted_figure() -> None:
    rng = np.random.default_rng(3)
    y, s = np.arange(300) % 2, rng.integers(0, 40, 300) / 40
    weight = rng.integers(0, 4, 300).astype(float)
    place = (np.unique(s)[::-1][:, None] == s).astype(float)
    found = resample.curve_figures(*((place @ (weight * (y == k)))[:, None] for k in (1, 0)))
    assert found["auc"][0] == pytest.approx(roc_auc_score(y, s, sample_weight=weight), abs=1e-12)
    expected = average_precision_score(y, s, sample_weight=weight)
    assert found["ap"][0] == pytest.approx(expected, abs=1e-12)
    partial = roc_auc_score(y, s, sample_weight=weight, max_fpr=0.1)
    assert found["pauc_1e-1"][0] == pytest.approx(partial, abs=1e-9)
    copies = np.repeat(np.arange(300), weight.astype(int))
    plain = measure(y[copies], s[copies])
    assert found["eer"][0] == pytest.approx(plain["eer"].value, abs=1e-9)
    assert found["tpr_at_fpr_1e-2"][0] == pytest.approx(plain["tpr_at_fpr_1e-2"].value, abs=1e-12)


def test_spread_in_bins_is_the_spread_of_plain_draws() -> None:
    """More items than bins: the interval of the AUC is that of exact draws to a hundredth."""
    rng = np.random.default_rng(1)
    label = np.arange(60) % 2
    s = (rng.normal(label, 1)[:, None] + rng.normal(size=(60, 100))).ravel()
    s = 1 / (1 + np.exp(-s))
    owner = np.repeat(np.arange(60, dtype=np.int32), 100)
    found = judge(
        s, owner, label.astype(np.int8), label.astype(np.int64), EVERYTHING, None,
        replicates=1000, level=0.95, seed=0, enough=5,
    )[0].intervals["auc"]  # fmt: skip
    plain = intervals.bootstrap_auc(label[owner], s, owner, replicates=1000)
    assert (found.clusters, found.form) == (60, "t")
    width = plain.high - plain.low
    assert found.low == pytest.approx(plain.low, abs=0.03 * width)
    assert found.high == pytest.approx(plain.high, abs=0.03 * width)


def test_what_was_not_judged_counts_as_wrong_where_it_is_asked_for() -> None:
    y = np.array([0, 0, 0, 1, 1, 1])
    s = np.array([0.1, np.nan, 0.2, 0.9, np.nan, 0.8])
    found = figures(y, s)
    assert found.metrics["auc"].value == 1  # type: ignore[attr-defined]
    worst = np.where(np.isnan(s), 1 - y, s)
    assert found.as_wrong["auc"].value == pytest.approx(roc_auc_score(y, worst), abs=0.06)  # type: ignore[attr-defined]
    assert found.as_wrong["auc"].value == 4 / 9  # type: ignore[attr-defined]
    assert found.as_wrong["accuracy"].value == 4 / 6  # type: ignore[attr-defined]
    assert found.as_wrong["balanced_accuracy"].value == pytest.approx(2 / 3)  # type: ignore[attr-defined]
