"""Pictures of scores, faces and attention."""

from .curves import histogram_figure, roc_figure, save_figure, save_histogram, save_roc
from .faces import contact_sheet, draw_boxes

__all__ = [
    "contact_sheet",
    "draw_boxes",
    "histogram_figure",
    "roc_figure",
    "save_figure",
    "save_histogram",
    "save_roc",
]
