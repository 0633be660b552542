"""Weights that others published: their layouts in and out, and their files as checkpoints."""

from .importing import FORMATS, import_weights
from .layouts import export_published, load_published

__all__ = ["FORMATS", "export_published", "import_weights", "load_published"]
