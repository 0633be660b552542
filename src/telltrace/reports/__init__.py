"""One page that says what a detector's scores amount to, for people who were not there."""

from .build import build_report
from .sources import Source, read_source

__all__ = ["Source", "build_report", "read_source"]
