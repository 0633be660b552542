"""How a detector's figures fall when pictures and videos are treated as they are on their way."""

from .corruptions import CORRUPTIONS, LEVELS, Corruption, corrupt
from .results import CLEAN, CellResult, Robustness, curves_figure, summarise, to_text
from .run import measure_robustness

__all__ = [
    "CLEAN", "CORRUPTIONS", "LEVELS", "CellResult", "Corruption", "Robustness", "corrupt",
    "curves_figure", "measure_robustness", "summarise", "to_text",
]  # fmt: skip
