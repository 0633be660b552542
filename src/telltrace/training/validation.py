"""Validation of an epoch, with scores as `predict` would give them."""

from typing import Any

import numpy as np
from lightning_fabric import Fabric

from telltrace.calibration import Calibration
from telltrace.checkpoint import Detector
from telltrace.evaluation import measure, undecided_zone

from .feed import NO_LABEL, Feed
from .processes import gather


def validate(
    detector: Detector, feed: Feed, fabric: Fabric
) -> tuple[dict[str, float | None], Calibration]:
    """Evaluate the validation split, each process its share; all get the same figures.

    Returns:
        Frame AUC, balanced accuracy and log loss, AUC of each named source and the lowest of
        them, None where a figure is undefined; and the thresholds between which no verdict is
        given, chosen on these same faces.
    """
    mine = [
        (part.labels, detector.score_resized(part.images), np.full(len(part.labels), part.source))
        for part in feed.validation()
    ]
    scored = [part for share in gather(fabric, mine) for part in share]
    labels, scores, sources = (np.concatenate(column) for column in zip(*scored, strict=True))
    known = labels != NO_LABEL
    labels, scores, sources = labels[known], scores[known], sources[known]
    found = measure(labels, scores)
    figures = {f"val_{key}": found[key].value for key in ("auc", "balanced_accuracy", "log_loss")}
    each = {
        f"val_auc_{name}": measure(labels[sources == name], scores[sources == name])["auc"].value
        for name in sorted(set(sources.tolist()) - {""})
    }
    if defined := [value for value in each.values() if value is not None]:
        each["val_auc_worst"] = min(defined)
    zone = undecided_zone(labels, scores)
    kept = Calibration(real_below=zone[0], fake_from=zone[1]) if zone else Calibration()
    return figures | each, kept


def is_best(history: list[dict[str, Any]]) -> bool:
    """Whether the last epoch has the highest AUC (of its worst source), or else the lowest loss."""
    merits = []
    for row in history:
        auc = row.get("val_auc_worst", row["val_auc"])
        merits.append((-np.inf if auc is None else auc, -row["val_log_loss"]))
    return merits.index(max(merits)) == len(merits) - 1
