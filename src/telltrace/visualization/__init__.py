"""Pictures of scores, faces and attention."""

from .curves import histogram_figure, reliability_figure, roc_figure, runs_figure, save_figure
from .faces import blend_sheet, contact_sheet, draw_boxes, manifest_sheet
from .heat import draw_heat, heat_bar, with_legend
from .likelihood import cross_entropy_figure, tippett_figure
from .networks import attention_figure, inner_figure, scatter_figure, spectra_figure

__all__ = [
    "attention_figure", "blend_sheet", "contact_sheet", "cross_entropy_figure", "draw_boxes",
    "draw_heat", "heat_bar", "histogram_figure", "inner_figure", "manifest_sheet",
    "reliability_figure", "roc_figure", "runs_figure", "save_figure", "scatter_figure",
    "spectra_figure", "tippett_figure", "with_legend",
]  # fmt: skip
