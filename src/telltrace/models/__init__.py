"""Detectors: networks that answer real or fake. One file per published method."""

from .registry import DETECTORS, DetectorInfo, create_detector, list_detectors

__all__ = ["DETECTORS", "DetectorInfo", "create_detector", "list_detectors"]
