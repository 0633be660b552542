"""Inference: a checkpoint and media in, scores and verdicts out."""

from .find import find_media
from .predict import choose_device, score_crops
from .scanner import Scanner, ScanPlan
from .settings import ScanSettings
from .verdict import FaceVerdict, FileVerdict, TrackVerdict, judge_score

__all__ = [
    "FaceVerdict",
    "FileVerdict",
    "ScanPlan",
    "ScanSettings",
    "Scanner",
    "TrackVerdict",
    "choose_device",
    "find_media",
    "judge_score",
    "score_crops",
]
