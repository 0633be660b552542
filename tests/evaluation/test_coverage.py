"""A small form of benchmarks/interval_coverage.py, which counts 1,000 tables of each scene."""

import importlib.util
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

FILE = Path(__file__).parents[2] / "benchmarks" / "interval_coverage.py"
TABLES = 80


@pytest.mark.parametrize("scene", ["videos", "people"])
def test_intervals_hold_the_truth_where_a_bootstrap_of_frames_does_not(scene: str) -> None:
    spec = importlib.util.spec_from_file_location("interval_coverage", FILE)
    assert spec is not None
    assert spec.loader is not None
    room = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(room)
    hits: Counter[tuple[str, str]] = Counter()
    for seed in range(TABLES):
        table = room.simulate(scene, 12, np.random.default_rng([2, seed]))
        hits.update(room.held(table, 100, seed))
    least = binom.ppf(0.001, TABLES, 0.95)
    for level in ("frames", "videos"):
        for metric in room.METRICS:
            assert least <= hits[level, metric], (level, metric)
    assert hits["frames drawn one by one", "auc"] < least
