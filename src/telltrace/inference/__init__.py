"""Inference: a checkpoint and media in, scores and verdicts out."""

from .predict import choose_device, score_crops
from .scanner import Scanner, find_media
from .verdict import FaceVerdict, FileVerdict, judge_score

__all__ = [
    "FaceVerdict",
    "FileVerdict",
    "Scanner",
    "choose_device",
    "find_media",
    "judge_score",
    "score_crops",
]
