"""Pictures of scores, faces and attention."""

from .attention import attention_figure
from .curves import histogram_figure, reliability_figure, roc_figure, runs_figure, save_figure
from .faces import blend_sheet, contact_sheet, draw_boxes, manifest_sheet

__all__ = [
    "attention_figure",
    "blend_sheet",
    "contact_sheet",
    "draw_boxes",
    "histogram_figure",
    "manifest_sheet",
    "reliability_figure",
    "roc_figure",
    "runs_figure",
    "save_figure",
]
