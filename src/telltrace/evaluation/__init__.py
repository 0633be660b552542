"""Judge a detector by the scores it wrote. Imports no torch, and nothing before it is used."""

from typing import TYPE_CHECKING, Any

from telltrace.lazy import lazy_names
from telltrace.renamed import old_names

if TYPE_CHECKING:
    from .calibration import apply_knots, fit_isotonic, fit_platt, fit_temperature
    from .compact import ScoreTable, compact_scores
    from .comparison import Comparison, compare, comparison_to_dict, delong
    from .compatibility import deepfakebench
    from .groups import Level
    from .intervals import cluster_interval
    from .matching import match_sources, render_matched
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
    "COLUMNS", "METRICS", "Aggregation", "Comparison", "Group", "Level", "Measure",
    "Report", "Sample", "ScoreTable", "UndefinedError", "apply_knots", "auc", "cluster_interval",
    "compact_scores", "compare", "comparison_to_dict", "conformal_threshold", "deepfakebench",
    "delong", "effective_size", "evaluate", "fit_isotonic", "fit_platt", "fit_temperature",
    "match_sources", "measure", "parse_columns", "rate_of_each", "read_scores", "real_threshold",
    "render", "render_comparison", "render_compatibility", "render_matched", "summarise_sample",
    "undecided_zone", "write_scores",
]  # fmt: skip

_HOMES = {
    "calibration": "apply_knots fit_isotonic fit_platt fit_temperature",
    "compact": "ScoreTable compact_scores",
    "comparison": "Comparison compare comparison_to_dict delong",
    "compatibility": "deepfakebench",
    "groups": "Level",
    "intervals": "cluster_interval",
    "matching": "match_sources render_matched",
    "metrics": "METRICS Measure auc measure",
    "ranking": "UndefinedError",
    "rendering": "render render_comparison render_compatibility",
    "report": "Group Report evaluate",
    "scores": "COLUMNS parse_columns read_scores write_scores",
    "thresholds": "Sample conformal_threshold effective_size rate_of_each real_threshold "
    "summarise_sample undecided_zone",
    "videos": "Aggregation",
}

if not TYPE_CHECKING:
    _new = lazy_names(__name__, _HOMES)
    _old = old_names(__name__, {"evaluate_scores": "evaluate", "load_scores": "compact_scores"})

    def __getattr__(name: str) -> Any:
        return _new(name) if name in __all__ else _old(name)
