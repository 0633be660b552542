"""How good an epoch is: the validation split, judged as `predict` would judge it."""

from typing import Any

import numpy as np
from lightning_fabric import Fabric

from telltrace.checkpoint import Calibration, Judge
from telltrace.evaluate import measure, undecided_zone
from telltrace.train.feed import NO_LABEL, Feed
from telltrace.train.processes import gather


def validate(
    judge: Judge, feed: Feed, fabric: Fabric
) -> tuple[dict[str, float | None], Calibration]:
    """Judge the validation split, each process its share.

    Args:
        judge: The network as it would be kept.
        feed: Gives the faces.
        fabric: Knows the processes; all of them get the same figures.

    Returns:
        Frame AUC, balanced accuracy and log loss, None where a figure is undefined; and the
        thresholds between which no verdict is given, chosen on these same faces.
    """
    mine = [(labels, judge.score_resized(images)) for images, labels in feed.validation()]
    judged = [pair for share in gather(fabric, mine) for pair in share]
    labels, scores = (np.concatenate(column) for column in zip(*judged, strict=True))
    labels, scores = labels[labels != NO_LABEL], scores[labels != NO_LABEL]
    found = measure(labels, scores)
    figures = {f"val_{key}": found[key].value for key in ("auc", "balanced_accuracy", "log_loss")}
    zone = undecided_zone(labels, scores)
    return figures, Calibration(real_below=zone[0], fake_from=zone[1]) if zone else Calibration()


def is_best(history: list[dict[str, Any]]) -> bool:
    """Whether the last epoch has the highest AUC so far, or the lowest loss where AUC is none."""
    merits = [
        (-np.inf if row["val_auc"] is None else row["val_auc"], -row["val_log_loss"])
        for row in history
    ]
    return merits.index(max(merits)) == len(merits) - 1
