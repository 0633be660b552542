"""Weights that others published: their layouts in and out, and their files as checkpoints."""

from .layout import Layout
from .layouts import LAYOUTS, export_published, import_weights, load_published

__all__ = ["LAYOUTS", "Layout", "export_published", "import_weights", "load_published"]
