"""Pictures of scores, faces and attention."""

from .curves import histogram_figure, reliability_figure, roc_figure, runs_figure, save_figure
from .faces import blend_sheet, contact_sheet, draw_boxes, manifest_sheet
from .networks import attention_figure, inner_figure, scatter_figure, spectra_figure

__all__ = [
    "attention_figure", "blend_sheet", "contact_sheet", "draw_boxes", "histogram_figure",
    "inner_figure", "manifest_sheet", "reliability_figure", "roc_figure", "runs_figure",
    "save_figure", "scatter_figure", "spectra_figure",
]  # fmt: skip
