"""Exporting: a detector as a file that other runtimes compute, with its card, checked on crops."""

from .exporter import BOUNDS, EXPORTERS, Exported, Exporter, export
from .forms import Form, compare_forms
from .graphs import Format

__all__ = [
    "BOUNDS", "EXPORTERS", "Exported", "Exporter", "Form", "Format", "compare_forms", "export",
]  # fmt: skip
