"""The tables of the papers, run again: what was published beside what comes out here."""

from .cells import Cell, plan_table
from .figures import CellFigure, cell_figure
from .results import Result, to_dict, to_markdown, to_text
from .run import reproduce_table
from .scale import SCALES, Scale
from .tables import Table, load_table, table_names

__all__ = [
    "SCALES",
    "Cell",
    "CellFigure",
    "Result",
    "Scale",
    "Table",
    "cell_figure",
    "load_table",
    "plan_table",
    "reproduce_table",
    "table_names",
    "to_dict",
    "to_markdown",
    "to_text",
]
