"""Judge a detector by the scores it wrote. Imports no torch."""

import warnings
from typing import TYPE_CHECKING

from .calibration import apply_knots, fit_isotonic, fit_platt, fit_temperature
from .compact import ScoreTable, compact_scores
from .comparison import Comparison, TableDraws, compare, comparison_to_dict, delong
from .compatibility import deepfakebench
from .groups import Level
from .intervals import Draws, cluster_interval
from .metrics import METRICS, Measure, Metric, auc, measure
from .ranking import Ranking, UndefinedError
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
    "COLUMNS",
    "METRICS",
    "Aggregation",
    "Comparison",
    "Draws",
    "Group",
    "Level",
    "Measure",
    "Metric",
    "Ranking",
    "Report",
    "Sample",
    "ScoreTable",
    "TableDraws",
    "UndefinedError",
    "apply_knots",
    "auc",
    "cluster_interval",
    "compact_scores",
    "compare",
    "comparison_to_dict",
    "conformal_threshold",
    "deepfakebench",
    "delong",
    "effective_size",
    "evaluate",
    "fit_isotonic",
    "fit_platt",
    "fit_temperature",
    "measure",
    "parse_columns",
    "rate_of_each",
    "read_scores",
    "real_threshold",
    "render",
    "render_comparison",
    "render_compatibility",
    "summarise_sample",
    "undecided_zone",
    "write_scores",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """The names of version 0.1, for one more release."""
        old = {"evaluate_scores": "evaluate", "load_scores": "compact_scores"}
        if name not in old:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        text = f"{name} is now {old[name]}; the old name goes with the next release."
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        return globals()[old[name]]
