"""The tables of the papers, run again: what was published beside what comes out here."""

from .cells import Cell, Setup
from .plan import plan_table
from .tables import Table

__all__ = ["Cell", "Setup", "plan_table", "reproduce_table"]


def reproduce_table(table: Table, setup: Setup) -> list[Cell]:
    """Every cell of a table, with our figures where this machine can make them.

    It may be stopped at any moment: runs that are done are not done again, and the one under way
    goes on. Runs are shared by all tables below ``setup.out``. A TelltraceError names the row,
    column or data set that is wrong.
    """
    from .run import run_cell  # torch is imported here

    return [run_cell(table, cell, setup) for cell in plan_table(table, setup)]
