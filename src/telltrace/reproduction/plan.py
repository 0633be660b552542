"""Which cells of a table can be run here, and what is missing for the others."""

from collections.abc import Sequence
from typing import TypeVar

from telltrace.errors import OptionError, TelltraceError

from .cells import SCALES, Cell, Setup
from .tables import Column, Row, Table

Named = TypeVar("Named", Row, Column)

PREPARE = {
    "ffpp-hq": "telltrace prepare --config recipes/data/ffpp-hq.yaml FaceForensics++",
    "ffpp-lq": "telltrace prepare --config recipes/data/ffpp-lq.yaml FaceForensics++",
    "ffpp-luo": "telltrace prepare --config recipes/data/ffpp-luo.yaml FaceForensics++",
    "ffpp-luo-lq": "telltrace prepare --config recipes/data/ffpp-luo-lq.yaml FaceForensics++",
    "dfdc": "telltrace prepare --config recipes/data/dfdc.yaml DFDC",
    "hff": "telltrace prepare --config recipes/data/hff.yaml HFF",
    "celebdf": "telltrace prepare --config recipes/data/celebdf.yaml Celeb-DF-v2",
    "celebdf-lists": "telltrace prepare --config recipes/data/celebdf-lists.yaml Celeb-DF-v2",
    "celebdf-v1": "telltrace prepare Celeb-DF-v1 --layout celeb-df-v1 --out crops/celebdf-v1",
    "dfdc-preview": "telltrace prepare DFDC-Preview --layout dfdc-preview --out crops/dfdc-preview",
    "dfd": "telltrace prepare DFD --layout dfd --out crops/dfd",
    "dfdc-faces": "telltrace prepare DFDC-faces --config recipes/data/dfdc-faces.yaml",
    "ciplab": "telltrace prepare CIPLab --layout splices --out crops/ciplab",
}
"""How each data set of the tables is made."""


def plan_table(table: Table, setup: Setup) -> list[Cell]:
    """The cells of the rows and columns that are asked for, and why one cannot be run.

    Raises:
        OptionError: If a row or column has no such name.
    """
    rows = _chosen(table.rows, setup.rows, "row")
    columns = _chosen(table.columns, setup.columns, "column")
    return [Cell(row, column, _missing(row, column, setup)) for row in rows for column in columns]


def _chosen(all_: Sequence[Named], names: Sequence[str], what: str) -> list[Named]:
    known = [one.name for one in all_]
    if unknown := [name for name in names if name not in known]:
        raise OptionError(f"No {what} is named {unknown[0]!r}. There are {', '.join(known)}.")
    return [one for one in all_ if not names or one.name in names]


def _missing(row: Row, column: Column, setup: Setup) -> str:
    if row.detector is None:
        return "quoted from its authors; not in this package"
    needed = dict.fromkeys((column.train, column.test))
    if lacking := [name for name in needed if not setup.manifest_of(name).is_file()]:
        what = " and ".join(str(setup.manifest_of(name)) for name in lacking)
        return f"no {what}; make it with {'; '.join(f'`{PREPARE[name]}`' for name in lacking)}"
    try:
        setup.weights_of(row)
    except OptionError as error:
        return str(error)
    from .selection import both_sides  # pandas is imported here

    try:
        both_sides(column, SCALES[setup.scale], setup)
    except TelltraceError as error:
        return f"failed: {error}"
    return ""
