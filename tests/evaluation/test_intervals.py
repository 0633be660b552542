import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from telltrace.evaluation import UndefinedError, bootstrap_auc, intervals
from telltrace.evaluation.intervals import draw_weights, t_interval


def clustered(seed: int, clusters: int, frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames that share most of their luck with the other frames of their video."""
    rng = np.random.default_rng(seed)
    label = np.arange(clusters) % 2
    shared = rng.normal(label, 1)
    scores = shared[:, None] + 0.3 * rng.normal(size=(clusters, frames))
    return np.repeat(label, frames), scores.ravel(), np.repeat(np.arange(clusters), frames)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_a_draw_is_the_weighted_auc(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, cluster = np.arange(40) % 2, rng.integers(8, size=40)
    s, weights = rng.integers(10, size=40) / 10, rng.integers(1, 4, size=(3, 8)).astype(float)
    ranked = intervals._rank(y.astype(np.int8), s, cluster)
    expected = [roc_auc_score(y, s, sample_weight=row[cluster]) for row in weights]
    for wins in (None, intervals._wins(ranked, 8)):
        found = intervals._weighted_auc(ranked, weights, wins)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_the_interval_is_the_quantiles_of_resampled_tables() -> None:
    y, s, cluster = clustered(0, clusters=24, frames=5)
    found = bootstrap_auc(y, s, cluster, replicates=2000, form="percentile")
    rng, draws = np.random.default_rng(1), []
    rows = [np.flatnonzero(cluster == c) for c in range(24)]
    for _ in range(2000):
        chosen = np.concatenate(
            [np.array(range(k, 24, 2))[rng.integers(12, size=12)] for k in (0, 1)]
        )
        taken = np.concatenate([rows[c] for c in chosen])
        fakes, reals = taken[y[taken] == 1], taken[y[taken] == 0]
        draws.append((s[fakes][:, None] > s[reals]).mean())
    assert (found.low, found.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.02)
    assert (found.clusters, found.replicates, found.level) == (24, 2000, 0.95)


def test_the_same_seed_gives_the_same_interval_in_blocks_of_any_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = clustered(0, clusters=10, frames=4)
    whole = bootstrap_auc(*data, replicates=100, seed=3)
    monkeypatch.setattr(intervals, "_CELLS", 2 * 40)  # 10 clusters squared are more
    blocks = bootstrap_auc(*data, replicates=100, seed=3)
    assert (blocks.low, blocks.high) == pytest.approx((whole.low, whole.high), abs=1e-12)
    assert bootstrap_auc(*data, replicates=100, seed=4) != whole


def test_clusters_cover_the_truth_where_frames_do_not() -> None:
    truth = NormalDist().cdf(1 / math.sqrt(2 * (1 + 0.3**2)))
    inside = {"videos": 0, "frames": 0}
    for seed in range(200):
        y, s, cluster = clustered(seed, clusters=40, frames=8)
        for name, unit in (("videos", cluster), ("frames", np.arange(len(y)))):
            found = bootstrap_auc(y, s, unit, replicates=200, seed=seed)
            inside[name] += found.low <= truth <= found.high
    assert binom.ppf(0.001, 200, 0.95) <= inside["videos"] <= binom.ppf(0.999, 200, 0.95)
    assert inside["frames"] <= 0.70 * 200


def test_students_interval_by_hand() -> None:
    low, high = t_interval(0.8, 0.05, 7)
    reach = 2.364624 * 0.05 / 0.16  # Student's 97.5 % point with 7 degrees of freedom
    assert (low, high) == pytest.approx(
        [1 / (1 + math.exp(-math.log(4) + d)) for d in (reach, -reach)], abs=1e-6
    )
    low, high = t_interval(2.0, 0.1, 7, share=False)
    assert low * high == pytest.approx(4)
    assert math.log(high / 2) == pytest.approx(2.364624 * 0.05, abs=1e-6)
    for value, spread in ((1.0, 0.1), (0.5, 0.0), (0.0, 0.1)):
        with pytest.raises(UndefinedError, match="gives the same figure"):
            t_interval(value, spread, 7)


def test_draws_of_one_less_keep_the_variance() -> None:
    """The variance of a mean over draws equals the textbook's, which dividing by n misses."""
    values = np.array([0.0, 1.0, 5.0, 2.0])
    weights = draw_weights([np.arange(4)], 4, 40_000, np.random.default_rng(0), spare=1)
    assert (weights.sum(1) == 4).all()
    spread = (weights @ values / 4).var()
    assert spread == pytest.approx(values.var(ddof=1) / 4, rel=0.03)
    plain = draw_weights([np.arange(4)], 4, 40_000, np.random.default_rng(0))
    assert (plain @ values / 4).var() == pytest.approx(values.var() / 4, rel=0.03)
    assert (draw_weights([np.array([2])], 3, 5, np.random.default_rng(0), 1)[:, 2] == 1).all()


def test_names_of_clusters_do_not_matter() -> None:
    y, s, cluster = clustered(0, clusters=10, frames=4)
    assert bootstrap_auc(y, s, [f"v{c}" for c in cluster]) == bootstrap_auc(y, s, cluster)


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
        bootstrap_auc(labels, scores, clusters)
