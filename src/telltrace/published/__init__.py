"""Weights that others published: their layouts in and out, and their files as checkpoints."""

from .importing import import_weights
from .layout import Layout
from .layouts import LAYOUTS, export_published, load_published

__all__ = ["LAYOUTS", "Layout", "export_published", "import_weights", "load_published"]
