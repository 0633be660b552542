"""How often do the 95 % intervals of `telltrace evaluate` hold the truth on clustered data?

    python benchmarks/interval_coverage.py --simulations 1000 --replicates 400

Invents detectors whose true figures are known: scores are Gaussian, and frames of a video share
most of their luck. In the scene "videos" videos are independent; in "people" forgeries join two
people each, and what a person does to a score comes with that person into every video. Prints how
many intervals hold the truth, with the standard error of that count, and beside them a bootstrap
that draws frames as if they were independent.
"""

import argparse
from collections import Counter
from math import sqrt
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from telltrace.evaluation import cluster_interval, evaluate

SHIFT = 1.6
"""How far fakes lie above reals, in standard deviations of one video's luck."""

NOISE = 0.6
"""Of a frame, on top of its video's luck, whose standard deviation is 1."""

FRAMES = range(4, 17)
METRICS = ("auc", "accuracy", "balanced_accuracy", "eer")


def simulate(scene: str, pairs: int, rng: np.random.Generator) -> pd.DataFrame:
    """A scores table of four videos a pair: two people, and each with the other's face."""
    names = [(2 * p, 2 * p + 1) for p in range(pairs)]
    identity = [i for a, b in names for i in (f"{a}", f"{b}", f"{a}+{b}", f"{b}+{a}")]
    label = np.tile([0, 0, 1, 1], pairs)
    luck = rng.normal(size=len(label))
    if scene == "people":
        own = rng.normal(size=(pairs, 2))
        both = np.repeat(own.sum(1, keepdims=True) / sqrt(2), 2, axis=1)
        luck = sqrt(0.5) * luck + sqrt(0.5) * np.concatenate([own, both], axis=1).ravel()
    frames = rng.choice(np.array(FRAMES), size=len(label))
    video = np.repeat(np.arange(len(label)), frames)
    height = (SHIFT * (label - 0.5) + luck)[video] + rng.normal(scale=NOISE, size=len(video))
    return pd.DataFrame(
        {
            "path": "", "dataset": "invented", "label": label[video],
            "method": np.where(label == 1, "paste", "real")[video], "compression": "",
            "video": video.astype(str),
            "identity": np.array(identity)[video] if scene == "people" else "",
            "split": "test", "frame": 0, "time": 0.0, "score": 0.5 + height / 30,
        }
    )  # fmt: skip


def truths() -> dict[tuple[str, str], float]:
    """The figures of endlessly many videos, by level and metric."""
    below = NormalDist().cdf
    frame = 1 + NOISE**2
    mean = [1 + NOISE**2 / m for m in FRAMES]
    auc = np.mean([below(SHIFT / sqrt(a + b)) for a in mean for b in mean])
    right = np.mean([below(SHIFT / 2 / sqrt(a)) for a in mean])
    found = {("frames", "auc"): below(SHIFT / sqrt(2 * frame)), ("videos", "auc"): float(auc)}
    for metric in ("accuracy", "balanced_accuracy", "eer"):
        for level, share in (("frames", below(SHIFT / 2 / sqrt(frame))), ("videos", float(right))):
            found[level, metric] = 1 - share if metric == "eer" else share
    return found


def held(scores: pd.DataFrame, replicates: int, seed: int) -> dict[tuple[str, str], bool]:
    """Which intervals of one table hold the truth; None where there is none."""
    report = evaluate(scores, replicates=replicates, seed=seed)
    levels = {"frames": report.overall.frames, "videos": report.overall.videos}
    ends = {
        (name, metric): level.intervals[metric]
        for name, level in levels.items()
        for metric in METRICS
        if metric in level.intervals
    }
    rows: NDArray[np.int64] = np.arange(len(scores))
    naive = cluster_interval(scores.label, scores.score, rows, replicates=replicates, seed=seed)
    true = truths()
    inside = {key: ends[key].low <= true[key] <= ends[key].high for key in ends}
    auc = true["frames", "auc"]
    return inside | {("frames drawn one by one", "auc"): naive.low <= auc <= naive.high}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--replicates", type=int, default=400)
    parser.add_argument("--pairs", type=int, default=30)
    settings = parser.parse_args()
    for scene in ("videos", "people"):
        hits: Counter[tuple[str, str]] = Counter()
        tried: Counter[tuple[str, str]] = Counter()
        for seed in range(settings.simulations):
            table = simulate(scene, settings.pairs, np.random.default_rng([1, seed]))
            for key, inside in held(table, settings.replicates, seed).items():
                hits[key] += inside
                tried[key] += 1
        print(f"{scene}: {4 * settings.pairs} videos in {settings.pairs} pairs of people")
        for key, count in tried.items():
            share = hits[key] / count
            error = sqrt(share * (1 - share) / count)
            print(f"  {key[0]:24} {key[1]:18} {share:7.2%} +- {error:.2%} of {count}")


if __name__ == "__main__":
    main()
