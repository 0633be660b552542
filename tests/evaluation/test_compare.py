"""Comparing two detectors: DeLong against its definition, clusters against a plain loop."""

import numpy as np
import pytest

from telltrace.evaluation import UndefinedError, auc
from telltrace.evaluation.compare import compare_clusters, delong, delong_variance


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
    middle = (against_constant.low + against_constant.high) / 2
    assert middle == pytest.approx(against_constant.difference, abs=1e-12)
    assert against_constant.verdict == "first"


def test_equal_detectors_are_ties_as_often_as_the_interval_says() -> None:
    """Six videos a class of ten like frames each: few clusters, where quantiles are too narrow."""
    labels, clusters = np.repeat([0, 1], 60), np.arange(120) // 10
    ties = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        of_video, of_frame = rng.normal(size=(2, 12)), rng.normal(size=(2, 120))
        a, b = 1.5 * of_video[:, clusters] + of_frame + labels
        ties += compare_clusters(labels, a, b, clusters, replicates=200).verdict == "tie"
    assert 366 <= ties <= 392, ties  # binomial(400, 0.95), 1e-3 either side


def test_a_difference_that_never_varies_has_no_interval() -> None:
    labels, clusters = np.repeat([0, 1], 10), np.arange(20)
    with pytest.raises(UndefinedError, match="gives the same difference"):
        compare_clusters(labels, labels, np.zeros(20), clusters, replicates=50)
