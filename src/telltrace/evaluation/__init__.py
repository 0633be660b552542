"""Judge a detector by the scores it wrote. Imports no torch."""

from typing import TYPE_CHECKING

from telltrace.renamed import old_names

from .calibration import apply_knots, fit_isotonic, fit_platt, fit_temperature
from .compact import ScoreTable, compact_scores
from .comparison import Comparison, compare, comparison_to_dict, delong
from .compatibility import deepfakebench
from .groups import Level
from .intervals import cluster_interval
from .metrics import METRICS, Measure, auc, measure
from .ranking import UndefinedError
from .rendering import render, render_comparison, render_compatibility
from .report import Group, Report, evaluate
from .scores import COLUMNS, parse_columns, read_scores, write_scores
from .thresholds import (
    Sample,
    conformal_threshold,
    effective_size,
    rate_of_each,
    real_threshold,
    summarise_sample,
    undecided_zone,
)
from .videos import Aggregation

__all__ = [
    "COLUMNS", "METRICS", "Aggregation", "Comparison", "Group", "Level", "Measure", "Report",
    "Sample", "ScoreTable", "UndefinedError", "apply_knots", "auc", "cluster_interval",
    "compact_scores", "compare", "comparison_to_dict", "conformal_threshold", "deepfakebench",
    "delong", "effective_size", "evaluate", "fit_isotonic", "fit_platt", "fit_temperature",
    "measure", "parse_columns", "rate_of_each", "read_scores", "real_threshold", "render",
    "render_comparison", "render_compatibility", "summarise_sample", "undecided_zone",
    "write_scores",
]  # fmt: skip

if not TYPE_CHECKING:
    old = {"evaluate_scores": "evaluate", "load_scores": "compact_scores"}
    __getattr__ = old_names(__name__, old)
