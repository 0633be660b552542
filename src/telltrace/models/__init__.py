"""Detectors: networks that answer real or fake. One file per published method."""

from .published import export_published, load_published
from .registry import DETECTORS, DetectorInfo, create_detector, list_detectors

__all__ = [
    "DETECTORS",
    "DetectorInfo",
    "create_detector",
    "export_published",
    "list_detectors",
    "load_published",
]
