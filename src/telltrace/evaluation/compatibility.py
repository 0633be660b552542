"""What another benchmark's metric code would have said of the same scores, and why it differs."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .compact import ScoreTable, compact_scores
from .metrics import accuracy, auc, average_precision, equal_error_rate
from .ranking import Floats, Labels, Ranking

REASONS = {
    "frame AUC": "the same rule",
    "frame AP": "the same rule",
    "frame EER": "theirs is the FPR of the ROC vertex nearest the crossing; ours is the crossing",
    "frame accuracy": "theirs calls a score of exactly 0.5 real; ours calls it fake",
    "accuracy on reals": "theirs takes the first rows to be the reals, whatever their labels",
    "accuracy on fakes": "theirs takes the last rows to be the fakes, whatever their labels",
    "video AUC": "theirs joins all videos of one name into one, whatever their method, compression "
    "or dataset; ours tells them apart",
}


@dataclass(frozen=True)
class Difference:
    """One figure by two rules."""

    metric: str
    theirs: float
    ours: float
    reason: str
    """Why they may differ."""


def deepfakebench(scores: pd.DataFrame | ScoreTable) -> tuple[Difference, ...]:
    """DeepfakeBench's figures of a scores table beside ours.

    Raises:
        UndefinedError: If only one class was judged.

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
    real, fake = (float(np.mean((values[labels == k] >= 0.5) == k)) for k in (0, 1))
    area, precision = auc(labels, values), average_precision(labels, values)
    fpr, tpr = Ranking.of(labels, values).rates
    merged = _merged_videos(table.videos["video"], video, labels, values)
    figures = {
        "frame AUC": (area, area),
        "frame AP": (precision, precision),
        "frame EER": (fpr[np.argmin(np.abs(1 - tpr - fpr))], equal_error_rate(labels, values)),
        "frame accuracy": (np.mean(called == labels), accuracy(labels, values)),
        "accuracy on reals": (np.mean(~called[:reals]), real),
        "accuracy on fakes": (np.mean(called[reals:]), fake),
        "video AUC": (auc(*merged), auc(table.labels[judged], of_videos[judged])),
    }
    return tuple(
        Difference(name, float(theirs), ours, REASONS[name])
        for name, (theirs, ours) in figures.items()
    )


def _merged_videos(
    names: pd.Series, video: NDArray[np.int32], labels: Labels, values: Floats
) -> tuple[Floats, Floats]:
    """Labels and mean scores of videos as DeepfakeBench forms them: by their name alone.

    A video's label is the whole part of the mean of its rows' labels, so that a name which
    reals and fakes share counts as real.
    """
    name = pd.factorize(names, sort=True)[0][video]
    count = np.maximum(np.bincount(name), 1e-9)
    label, score = (np.bincount(name, of) / count for of in (labels, values))
    held = count >= 1
    return np.floor(label[held]), score[held]
