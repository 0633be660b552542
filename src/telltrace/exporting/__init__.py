"""Exporting: a detector as a file that other runtimes compute, with its card, checked on crops."""

from .exporter import BOUNDS, EXPORTERS, Exported, Exporter, export
from .forms import compare_forms

__all__ = ["BOUNDS", "EXPORTERS", "Exported", "Exporter", "compare_forms", "export"]
