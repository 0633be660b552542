"""Judge a detector by the scores it wrote. Imports no torch."""

from .intervals import Interval, bootstrap_auc
from .metrics import METRICS, Measure, UndefinedError, measure
from .scores import COLUMNS, VIDEO_KEY, ScoresError, read_scores, write_scores
from .videos import Aggregation, aggregate_videos

__all__ = [
    "COLUMNS",
    "METRICS",
    "VIDEO_KEY",
    "Aggregation",
    "Interval",
    "Measure",
    "ScoresError",
    "UndefinedError",
    "aggregate_videos",
    "bootstrap_auc",
    "measure",
    "read_scores",
    "write_scores",
]
