"""Audits: what in a data set would make a detector seem better than it is."""

from .collect import choose_files, look_at_files, read_rows
from .leaks import Leak, find_leaks
from .media import Look, Medium, look_at
from .report import SCHEMA, Audit, audit_manifests, audit_rows
from .shortcuts import Shortcut, Shortcuts, find_shortcuts
from .tables import render

__all__ = [
    "SCHEMA",
    "Audit",
    "Leak",
    "Look",
    "Medium",
    "Shortcut",
    "Shortcuts",
    "audit_manifests",
    "audit_rows",
    "choose_files",
    "find_leaks",
    "find_shortcuts",
    "look_at",
    "look_at_files",
    "read_rows",
    "render",
]
