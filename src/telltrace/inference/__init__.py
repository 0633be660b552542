"""Inference: a checkpoint and media in, scores and verdicts out."""

from .find import find_media
from .predict import choose_device, predict, score_crops
from .rule import Rule, judge_score
from .scanner import Scanner, ScanPlan
from .settings import ScanSettings
from .verdict import FaceVerdict, FileVerdict, TrackVerdict

__all__ = [
    "FaceVerdict",
    "FileVerdict",
    "Rule",
    "ScanPlan",
    "ScanSettings",
    "Scanner",
    "TrackVerdict",
    "choose_device",
    "find_media",
    "judge_score",
    "predict",
    "score_crops",
]
