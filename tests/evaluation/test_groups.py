"""Groups of items: what counts as judged wrongly, and a report of arrays."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from telltrace.evaluation.groups import Level, judge_groups
from telltrace.evaluation.items import Items


def judged(y: np.ndarray, s: np.ndarray) -> Level:
    one, label = np.arange(len(y), dtype=np.int32), y.astype(np.int8)
    return judge_groups(Items(s, one, label, label), [np.ones(2, bool)], None, replicates=3)[0]


def test_what_was_not_judged_counts_as_wrong_where_it_is_asked_for() -> None:
    y = np.array([0, 0, 0, 1, 1, 1])
    s = np.array([0.1, np.nan, 0.2, 0.9, np.nan, 0.8])
    found = judged(y, s)
    assert found.metrics["auc"].value == 1
    worst = np.where(np.isnan(s), 1 - y, s)
    assert found.as_wrong["auc"].value == pytest.approx(roc_auc_score(y, worst), abs=0.06)
    assert found.as_wrong["auc"].value == 4 / 9
    assert found.as_wrong["accuracy"].value == 4 / 6
    assert found.as_wrong["balanced_accuracy"].value == pytest.approx(2 / 3)
    nothing = judged(y, np.full(6, np.nan))
    assert {m.reason for m in nothing.metrics.values()} == {"nothing was judged"}
    assert nothing.as_wrong["accuracy"].value == 0


@pytest.mark.parametrize("decimals", [1, 12])
def test_a_long_table_in_pieces_has_the_same_figures(
    decimals: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(decimals)
    y = rng.integers(2, size=3000)
    s = np.clip(rng.normal(0.3 + 0.4 * y, 0.3), 0, 1).round(decimals)
    s[::13] = np.nan
    whole = judged(y, s)
    monkeypatch.setattr("telltrace.evaluation.ranking.PIECE", 100)
    monkeypatch.setattr("telltrace.evaluation.items.PIECE", 100)
    found = judged(y, s)
    for name, expected in whole.metrics.items():
        assert found.metrics[name].value == pytest.approx(expected.value, abs=1e-12), name
    for name, expected in whole.as_wrong.items():
        assert found.as_wrong[name].value == pytest.approx(expected.value, abs=1e-12), name
    for name, interval in whole.intervals.items():
        assert found.intervals[name].low == pytest.approx(interval.low, abs=1e-12), name
