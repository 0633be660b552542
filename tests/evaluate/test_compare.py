"""Comparing two detectors: DeLong against its definition, clusters against a plain loop."""

import numpy as np
import pytest

from telltrace.evaluate import UndefinedError, auc
from telltrace.evaluate.compare import compare_clusters, delong, delong_variance
from telltrace.evaluate.intervals import bootstrap_auc


def drawn(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    shared = labels + rng.normal(0, 1, count)
    first = np.round(shared + rng.normal(0, 0.5, count), 1)  # rounded, so that there are ties
    return labels, first, np.round(shared + rng.normal(0, 1.5, count), 1)


def test_delong_equals_the_double_sums_of_its_paper() -> None:
    labels, first, second = drawn(0)
    parts = []
    for s in (first, second):
        kernel = np.sign(s[labels == 1][:, None] - s[labels == 0][None]) / 2 + 0.5
        parts.append((kernel.mean(), kernel.mean(1), kernel.mean(0)))
    cov = sum(np.cov([parts[0][k], parts[1][k]]) / len(parts[0][k]) for k in (1, 2))
    found = delong(labels, first, second)
    assert found.first == pytest.approx(auc(labels, first), abs=1e-12)
    assert found.difference == pytest.approx(parts[0][0] - parts[1][0], abs=1e-12)
    reach = 1.959963984540054 * np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    assert (found.low, found.high) == pytest.approx(
        (found.difference - reach, found.difference + reach), abs=1e-12
    )
    assert delong_variance(labels, first) == pytest.approx(cov[0, 0], abs=1e-15)


def test_delong_is_wrong_no_oftener_than_it_says() -> None:
    ties = sum(
        delong(y, y + 1.5 * e, y + 1.5 * f).verdict == "tie"
        for seed in range(400)
        for y, e, f in [
            (
                np.repeat([0, 1], 40),
                *np.random.default_rng(seed).normal(size=(2, 80)),
            )
        ]
    )
    assert 366 <= ties <= 392  # binomial(400, 0.95), 1e-3 either side


def test_detectors_that_rank_alike_have_no_interval() -> None:
    labels, first, _ = drawn(1)
    with pytest.raises(UndefinedError, match="rank these items alike"):
        delong(labels, first, 3 * first + 1)


def test_clusters_are_drawn_alike_for_both() -> None:
    labels, first, _ = drawn(2)
    clusters = np.arange(60) // 3
    same = compare_clusters(labels, first, first, clusters)
    assert (same.low, same.high, same.verdict) == (0, 0, "tie")
    against_constant = compare_clusters(labels, first, np.zeros(60), clusters, replicates=300)
    alone = bootstrap_auc(labels, first, clusters, replicates=300, form="percentile")
    assert against_constant.low == pytest.approx(alone.low - 0.5, abs=1e-12)
    assert against_constant.high == pytest.approx(alone.high - 0.5, abs=1e-12)
    assert against_constant.verdict == "first"
