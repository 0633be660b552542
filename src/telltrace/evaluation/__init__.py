"""Judge a detector by the scores it wrote. Imports no torch."""

from .calibration import apply_knots, fit_isotonic, fit_platt, fit_temperature, margins
from .compare import Comparison, compare_clusters, delong, delong_variance
from .compat import Difference, deepfakebench
from .conformal import Zone, conformal_threshold, conformal_zone
from .intervals import Interval, bootstrap_auc, t_interval
from .metrics import (
    METRICS,
    Measure,
    UndefinedError,
    accuracy,
    auc,
    average_precision,
    balanced_accuracy,
    brier,
    equal_error_rate,
    expected_calibration_error,
    log_loss,
    measure,
    partial_auc,
    reliability,
    roc_curve,
    tpr_at_fpr,
)
from .predictive import Sample, effective_size, rate_of_each, summarise_sample
from .report import Group, Level, Report, evaluate_scores
from .scores import COLUMNS, OPTIONAL, VIDEO_KEY, ScoresError, read_scores, write_scores
from .table import ScoreTable, compact_scores, load_scores
from .tables import render
from .videos import Aggregation, aggregate_videos
from .zone import real_threshold, undecided_zone

__all__ = [
    "COLUMNS",
    "METRICS",
    "OPTIONAL",
    "VIDEO_KEY",
    "Aggregation",
    "Comparison",
    "Difference",
    "Group",
    "Interval",
    "Level",
    "Measure",
    "Report",
    "Sample",
    "ScoreTable",
    "ScoresError",
    "UndefinedError",
    "Zone",
    "accuracy",
    "aggregate_videos",
    "apply_knots",
    "auc",
    "average_precision",
    "balanced_accuracy",
    "bootstrap_auc",
    "brier",
    "compact_scores",
    "compare_clusters",
    "conformal_threshold",
    "conformal_zone",
    "deepfakebench",
    "delong",
    "delong_variance",
    "effective_size",
    "equal_error_rate",
    "evaluate_scores",
    "expected_calibration_error",
    "fit_isotonic",
    "fit_platt",
    "fit_temperature",
    "load_scores",
    "log_loss",
    "margins",
    "measure",
    "partial_auc",
    "rate_of_each",
    "read_scores",
    "real_threshold",
    "reliability",
    "render",
    "roc_curve",
    "summarise_sample",
    "t_interval",
    "tpr_at_fpr",
    "undecided_zone",
    "write_scores",
]
