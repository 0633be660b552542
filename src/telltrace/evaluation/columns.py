"""Columns that the manifest and the scores table share."""

from typing import Final

MEDIUM: Final = [
    *("path", "dataset", "label", "method", "compression", "video", "identity", "split"),
]
"""What both tables say of a medium, in this order; ``identity`` names all people in it, joined by
"+"."""

VIDEO_KEY: Final = ["dataset", "method", "compression", "video"]
"""What makes two rows one video. Never the file's stem: four methods forge ``183_253``."""
