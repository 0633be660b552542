"""Judge a detector by the scores it wrote. Imports no torch."""

from .intervals import Interval, bootstrap_auc
from .metrics import METRICS, Measure, UndefinedError, measure
from .report import Group, Level, Report, evaluate_scores
from .scores import COLUMNS, VIDEO_KEY, ScoresError, read_scores, write_scores
from .tables import render
from .videos import Aggregation, aggregate_videos
from .zone import undecided_zone

__all__ = [
    "COLUMNS",
    "METRICS",
    "VIDEO_KEY",
    "Aggregation",
    "Group",
    "Interval",
    "Level",
    "Measure",
    "Report",
    "ScoresError",
    "UndefinedError",
    "aggregate_videos",
    "bootstrap_auc",
    "evaluate_scores",
    "measure",
    "read_scores",
    "render",
    "undecided_zone",
    "write_scores",
]
