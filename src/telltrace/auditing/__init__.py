"""Audits: what in a data set would make a detector seem better than it is."""

from .report import SCHEMA, Audit, audit

__all__ = ["SCHEMA", "Audit", "audit"]
