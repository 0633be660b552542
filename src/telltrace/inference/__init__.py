"""Inference: a checkpoint and media in, scores and verdicts out."""

import sys
from typing import TYPE_CHECKING

from telltrace.backends import choose_device
from telltrace.lazy import lazy_names
from telltrace.renamed import Package

from .find import find_paths
from .rule import Rule, judge_score
from .scanner import Scanner, scan
from .settings import ScanSettings
from .verdict import FaceVerdict, TrackVerdict, Verdict

__all__ = [
    "FaceVerdict", "Rule", "ScanSettings", "Scanner", "TrackVerdict", "Verdict", "choose_device",
    "find_paths", "judge_score", "predict", "scan", "score_crops",
]  # fmt: skip

if TYPE_CHECKING:
    from .scoring import predict, score_crops
else:
    __getattr__ = lazy_names(__name__, {"scoring": "predict score_crops"})
sys.modules[__name__].__class__ = Package
