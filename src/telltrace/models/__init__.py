"""Detectors: networks that answer real or fake. One file per published method."""
