"""Data: what the media are (the manifest), who may learn from them, and their faces as batches."""

from .paper import Prepared
from .preparation import prepare

__all__ = ["Prepared", "prepare"]
