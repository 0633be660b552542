"""What another benchmark's metric code would have said of the same scores, and why it differs."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .compact import ScoreTable, compact_scores
from .metrics import accuracy, auc, average_precision, equal_error_rate
from .ranking import Ranking


@dataclass(frozen=True)
class Difference:
    """One figure by two rules."""

    metric: str
    theirs: float
    ours: float
    reason: str
    """Why they may differ."""


def deepfakebench(scores: pd.DataFrame | ScoreTable) -> tuple[Difference, ...]:
    """DeepfakeBench's figures of a scores table beside ours; an UndefinedError for one class only.

    References:
        Yan et al., "DeepfakeBench", NeurIPS 2023 Datasets and Benchmarks; the rules are those of
        its ``get_test_metrics``.
    """
    table = compact_scores(scores)
    known = ~np.isnan(table.score)
    values, video = table.score[known], table.video[known]
    labels = table.labels[video]
    of_videos, _ = table.level("videos")
    judged = ~np.isnan(of_videos)
    called = values > 0.5
    reals = int((labels == 0).sum())
    area, precision = auc(labels, values), average_precision(labels, values)  # or one class only
    real, fake = (float(np.mean((values[labels == k] >= 0.5) == k)) for k in (0, 1))
    fpr, tpr = Ranking.of(labels, values).rates
    name = pd.factorize(table.videos["video"], sort=True)[0][video]
    count = np.bincount(name)  # of videos by their name alone; one that classes share is real
    label, score = (np.bincount(name, x)[count > 0] / count[count > 0] for x in (labels, values))
    vertex = fpr[np.argmin(np.abs(1 - tpr - fpr))]
    rows = [
        ("frame AUC", area, area, "the same rule"),
        ("frame AP", precision, precision, "the same rule"),
        ("frame EER", vertex, equal_error_rate(labels, values),
         "theirs is the FPR of the ROC vertex nearest the crossing; ours is the crossing"),
        ("frame accuracy", np.mean(called == labels), accuracy(labels, values),
         "theirs calls a score of exactly 0.5 real; ours calls it fake"),
        ("accuracy on reals", np.mean(~called[:reals]), real,
         "theirs takes the first rows to be the reals, whatever their labels"),
        ("accuracy on fakes", np.mean(called[reals:]), fake,
         "theirs takes the last rows to be the fakes, whatever their labels"),
        ("video AUC", auc(np.floor(label), score), auc(table.labels[judged], of_videos[judged]),
         "theirs joins all videos of one name into one, whatever their method, compression or "
         "dataset; ours tells them apart"),
    ]  # fmt: skip
    return tuple(Difference(name, float(theirs), ours, why) for name, theirs, ours, why in rows)
