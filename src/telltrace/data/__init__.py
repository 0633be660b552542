"""Data: what the media are (the manifest), who may learn from them, and their faces as batches."""

from .preparation import Prepared, prepare

__all__ = ["Prepared", "prepare"]
