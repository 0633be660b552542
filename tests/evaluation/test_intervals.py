import math
from functools import partial
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn import metrics as sklearn_metrics

from telltrace.evaluation import METRICS, UndefinedError, cluster_interval, intervals
from telltrace.evaluation.intervals import Draws, draw_weights, t_interval
from telltrace.evaluation.items import BinnedItems, Items

BOTH = np.ones(2, bool)
WEIGHTED = {
    "auc": sklearn_metrics.roc_auc_score,
    "ap": sklearn_metrics.average_precision_score,
    "pauc_1e-1": partial(sklearn_metrics.roc_auc_score, max_fpr=0.1),
    "accuracy": lambda y, s, **w: sklearn_metrics.accuracy_score(y, s >= 0.5, **w),
    "balanced_accuracy": lambda y, s, **w: sklearn_metrics.balanced_accuracy_score(
        y, s >= 0.5, **w
    ),
    "log_loss": sklearn_metrics.log_loss,
    "brier": sklearn_metrics.brier_score_loss,
}


def clustered(seed: int, clusters: int, frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames that share most of their luck with the other frames of their video."""
    rng = np.random.default_rng(seed)
    label = np.arange(clusters) % 2
    shared = rng.normal(label, 1)
    scores = shared[:, None] + 0.3 * rng.normal(size=(clusters, frames))
    return np.repeat(label, frames), scores.ravel(), np.repeat(np.arange(clusters), frames)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_a_draw_is_the_weighted_metric(seed: int) -> None:
    rng = np.random.default_rng(seed)
    label = (np.arange(8) % 2).astype(np.int8)
    owner = np.append(np.arange(8), rng.integers(8, size=32))
    s, weights = rng.integers(10, size=40) / 10, rng.integers(1, 4, size=(8, 3)).astype(float)
    y, items = label[owner], Items(s, owner, label, label)
    binned = BinnedItems(items)
    ranking = binned.ranking(weights, BOTH)
    for name, reference in WEIGHTED.items():
        expected = [reference(y, s, sample_weight=row[owner]) for row in weights.T]
        found = METRICS[name].compute(ranking)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9, err_msg=name)
    for draw, row in enumerate(weights.T):
        copies = np.repeat(np.arange(40), row[owner].astype(int))
        for name in ("eer", "ece"):
            assert METRICS[name].compute(ranking)[draw] == pytest.approx(
                METRICS[name](y[copies], s[copies]), abs=1e-9
            )


def test_the_spread_is_that_of_resampled_tables() -> None:
    y, s, cluster = clustered(0, clusters=24, frames=5)
    label = (np.arange(24) % 2).astype(np.int8)
    items = Items(s, cluster, label, label)
    draws = Draws(label, np.arange(24), replicates=2000)
    values = draws.values(BinnedItems(items))["auc"]
    rng, plain = np.random.default_rng(1), []
    rows = [np.flatnonzero(cluster == c) for c in range(24)]
    for _ in range(2000):
        chosen = np.concatenate(
            [np.array(range(k, 24, 2))[rng.integers(12, size=11)] for k in (0, 1)]
        )
        taken = np.concatenate([rows[c] for c in chosen])
        fakes, reals = taken[y[taken] == 1], taken[y[taken] == 0]
        plain.append((s[fakes][:, None] > s[reals]).mean())
    ends = [0.025, 0.5, 0.975]
    assert np.quantile(values, ends) == pytest.approx(np.quantile(plain, ends), abs=0.02)
    found = cluster_interval(y, s, cluster, replicates=2000)
    assert (found.clusters, found.replicates, found.level, found.form) == (24, 2000, 0.95, "t")


def test_the_same_seed_gives_the_same_interval_in_blocks_of_any_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = clustered(0, clusters=10, frames=4)
    whole = cluster_interval(*data, replicates=100, seed=3)
    monkeypatch.setattr(intervals, "_CELLS", 1600)
    blocks = cluster_interval(*data, replicates=100, seed=3)
    assert (blocks.low, blocks.high) == pytest.approx((whole.low, whole.high), abs=1e-12)
    assert cluster_interval(*data, replicates=100, seed=4) != whole


def test_clusters_cover_the_truth_where_frames_do_not() -> None:
    truth = NormalDist().cdf(1 / math.sqrt(2 * (1 + 0.3**2)))
    inside = {"videos": 0, "frames": 0}
    for seed in range(200):
        y, s, cluster = clustered(seed, clusters=40, frames=8)
        for name, unit in (("videos", cluster), ("frames", np.arange(len(y)))):
            found = cluster_interval(y, s, unit, replicates=200, seed=seed)
            inside[name] += found.low <= truth <= found.high
    assert binom.ppf(0.001, 200, 0.95) <= inside["videos"] <= binom.ppf(0.999, 200, 0.95)
    assert inside["frames"] <= 0.70 * 200


def test_students_interval_by_hand() -> None:
    low, high = t_interval(0.8, 0.05, 7)
    reach = 2.364624 * 0.05 / 0.16  # Student's 97.5 % point with 7 degrees of freedom
    assert (low, high) == pytest.approx(
        [1 / (1 + math.exp(-math.log(4) + d)) for d in (reach, -reach)], abs=1e-6
    )
    low, high = t_interval(2.0, 0.1, 7, scale="positive")
    assert low * high == pytest.approx(4)
    assert math.log(high / 2) == pytest.approx(2.364624 * 0.05, abs=1e-6)
    for value, spread in ((1.0, 0.1), (0.5, 0.0), (0.0, 0.1)):
        with pytest.raises(UndefinedError, match="gives the same figure"):
            t_interval(value, spread, 7)


def test_draws_of_one_less_keep_the_variance() -> None:
    """The variance of a mean over draws equals the textbook's, which dividing by n misses."""
    values = np.array([0.0, 1.0, 5.0, 2.0])
    weights = draw_weights([np.arange(4)], 4, 40_000, np.random.default_rng(0))
    assert (weights.sum(1) == 4).all()
    spread = (weights @ values / 4).var()
    assert spread == pytest.approx(values.var(ddof=1) / 4, rel=0.03)
    assert (draw_weights([np.array([2])], 3, 5, np.random.default_rng(0))[:, 2] == 1).all()


def test_names_of_clusters_do_not_matter() -> None:
    y, s, cluster = clustered(0, clusters=10, frames=4)
    assert cluster_interval(y, s, [f"v{c}" for c in cluster]) == cluster_interval(y, s, cluster)


@pytest.mark.parametrize(
    ("labels", "scores", "clusters", "message"),
    [
        ([0, 0, 1], [0.1, 0.2, 0.3], [0, 1, 2], "fakes from 2 clusters, got 1"),
        ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], [0, 0, 1, 2], "reals from 2 clusters, got 1"),
        ([1, 1], [0.1, 0.2], [0, 1], "reals from 2 clusters, got 0"),
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], [0, 1, 2, 3], "every draw .* gives the same AUC"),
    ],
)
def test_no_interval_where_nothing_can_vary(
    labels: list[int], scores: list[float], clusters: list[int], message: str
) -> None:
    with pytest.raises(UndefinedError, match=message):
        cluster_interval(labels, scores, clusters)


def test_spread_in_bins_is_the_spread_of_exact_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """More items than bins: intervals are those of exact draws to a few hundredths."""
    y, s, cluster = clustered(1, clusters=60, frames=100)
    s = 1 / (1 + np.exp(-s))
    for name in ("auc", "accuracy", "log_loss", "brier"):
        found = cluster_interval(y, s, cluster, METRICS[name])
        with monkeypatch.context() as patch:
            patch.setattr("telltrace.evaluation.items.BINS", 10_000)
            plain = cluster_interval(y, s, cluster, METRICS[name])
        width = plain.high - plain.low
        assert found.low == pytest.approx(plain.low, abs=0.03 * width)
        assert found.high == pytest.approx(plain.high, abs=0.03 * width)
