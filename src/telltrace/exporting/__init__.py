"""Exporting: a detector as a file that other runtimes compute, with its card, checked on crops."""

from .exporter import BOUNDS, Exported, export
from .forms import Form, compare_forms
from .graphs import Format
from .plugged import EXPORTERS, Exporter

__all__ = [
    "BOUNDS", "EXPORTERS", "Exported", "Exporter", "Form", "Format", "compare_forms", "export",
]  # fmt: skip
