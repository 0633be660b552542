"""Inference: a checkpoint and media in, scores and verdicts out."""

import sys

from telltrace.renamed import Package

from .find import find_paths
from .rule import Rule, judge_score
from .scanner import Scanner, scan
from .scoring import choose_device, predict, score_crops
from .settings import ScanSettings
from .verdict import FaceVerdict, TrackVerdict, Verdict

__all__ = [
    "FaceVerdict",
    "Rule",
    "ScanSettings",
    "Scanner",
    "TrackVerdict",
    "Verdict",
    "choose_device",
    "find_paths",
    "judge_score",
    "predict",
    "scan",
    "score_crops",
]

sys.modules[__name__].__class__ = Package
