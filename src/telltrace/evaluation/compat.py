"""What another benchmark's metric code would have said of the same scores, and why it differs."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .metrics import auc, average_precision, equal_error_rate, roc_curve
from .scores import check_scores
from .videos import aggregate_videos


@dataclass(frozen=True)
class Difference:
    """One figure by two rules."""

    metric: str
    theirs: float
    ours: float
    reason: str
    """Why they may differ."""


def deepfakebench(scores: pd.DataFrame) -> tuple[Difference, ...]:
    """DeepfakeBench's figures of a scores table beside ours.

    Args:
        scores: Scores table, as :func:`~telltrace.evaluation.read_scores` gives it.

    Raises:
        UndefinedError: If only one class was judged.

    References:
        Yan et al., "DeepfakeBench", NeurIPS 2023 Datasets and Benchmarks; the rules are those of
        its ``get_test_metrics``.
    """
    table = check_scores(scores)
    judged = table[table["score"].notna()]
    labels = judged["label"].to_numpy()
    values = judged["score"].to_numpy(np.float64)
    videos = aggregate_videos(table)
    videos = videos[videos["score"].notna()]
    of, video_scores = videos["label"].to_numpy(), videos["score"].to_numpy(np.float64)
    their_labels, their_scores = merged_videos(judged)
    accuracy = float(np.mean((values >= 0.5) == labels))
    real, fake = (float(np.mean((values >= 0.5)[labels == k] == k)) for k in (0, 1))
    sorted_real, sorted_fake = sorted_class_accuracy(labels, values)
    rows = (
        ("frame AUC", auc(labels, values), auc(labels, values), "the same rule"),
        (
            "frame AP",
            average_precision(labels, values),
            average_precision(labels, values),
            "the same rule",
        ),
        (
            "frame EER",
            nearest_vertex_eer(labels, values),
            equal_error_rate(labels, values),
            "theirs is the false-alarm rate of the ROC vertex nearest to the crossing; ours is "
            "the crossing",
        ),
        (
            "frame accuracy",
            float(np.mean((values > 0.5) == labels)),
            accuracy,
            "theirs calls a score of exactly 0.5 real; ours calls it fake",
        ),
        (
            "accuracy on reals",
            sorted_real,
            real,
            "theirs takes the first rows to be the reals, whatever their labels",
        ),
        (
            "accuracy on fakes",
            sorted_fake,
            fake,
            "theirs takes the last rows to be the fakes, whatever their labels",
        ),
        (
            "video AUC",
            auc(their_labels, their_scores),
            auc(of, video_scores),
            "theirs joins all videos of one name into one, whatever their method, compression or "
            "dataset; ours tells them apart",
        ),
    )
    return tuple(Difference(*row) for row in rows)


def merged_videos(judged: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels and mean scores of videos as DeepfakeBench forms them: by their name alone.

    A video's label is the whole part of the mean of its rows' labels, so that a name which
    reals and fakes share counts as real.
    """
    groups = judged.groupby("video", sort=True)
    labels = groups["label"].mean().to_numpy(np.float64).astype(np.int64)
    return labels, groups["score"].mean().to_numpy(np.float64)


def nearest_vertex_eer(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """The false-alarm rate at the ROC vertex where it is nearest to the miss rate."""
    curve = roc_curve(labels, scores)
    return float(curve.fpr[np.argmin(np.abs(1 - curve.tpr - curve.fpr))])


def sorted_class_accuracy(
    labels: NDArray[np.int64], scores: NDArray[np.float64]
) -> tuple[float, float]:
    """Accuracy on reals and on fakes if the table is taken to list all reals first."""
    reals = int((labels == 0).sum())
    called = scores > 0.5
    return float(np.mean(~called[:reals])), float(np.mean(called[reals:]))
