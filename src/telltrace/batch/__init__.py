"""Batch: any number of files judged in parallel, with results that survive a kill."""

from .scan import batch_scan, run_batch

__all__ = ["batch_scan", "run_batch"]
