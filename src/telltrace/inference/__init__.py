"""Inference: a checkpoint and media in, scores and verdicts out."""

from .find import find_paths
from .predict import choose_device, predict, score_crops
from .rule import Rule, judge_score
from .scanner import Scanner, scan
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
