"""Tables of media or crops as they are: CSV and parquet with a manifest's columns."""

import os
from pathlib import Path
from typing import Final

import pandas as pd

from ...errors import ManifestError
from ..manifest import check_manifest, read_manifest

PARQUET: Final = {".parquet", ".pq"}


def read_table(root: str | Path) -> pd.DataFrame:
    """Read a CSV or parquet file as a manifest; only ``path`` and ``label`` must be in it.

    Args:
        root: The file; paths in it are relative to its folder.

    Raises:
        ManifestError: If the file is missing, cannot be read, or a row of it is wrong.
    """
    file = Path(root).absolute()
    if file.suffix.lower() not in PARQUET or not file.is_file():
        return read_manifest(file)
    try:
        table = pd.read_parquet(file)
    except ImportError:
        remedy = "Install one (pip install pyarrow), or save the table as CSV"
        raise ManifestError("needs a parquet reader", remedy=remedy, path=file) from None
    except (OSError, ValueError) as error:
        reason = f"is no readable parquet file ({str(error).strip()})"
        raise ManifestError(reason, remedy="Write it again", path=file) from None
    table.attrs["file"] = str(file)
    table = check_manifest(table.reset_index(drop=True))
    for column in ("path", "mask"):
        given = table[column]
        table[column] = [p and os.path.normpath(file.parent / p) for p in given]
    return table
