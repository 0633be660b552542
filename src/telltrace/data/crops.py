"""Several prepared manifests as one table, with the one way in which all their crops were cut."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..faces.align import FaceCrop
from .manifest import read_manifest
from .prepare import prepared_crop
from .protocols import assign_split


def read_crops(
    paths: Sequence[str | Path], *, protocol: str | None = None, split: str | None = None
) -> tuple[pd.DataFrame, FaceCrop]:
    """Read manifests of face crops as one table.

    Args:
        paths: Manifests that ``telltrace prepare`` wrote.
        protocol: Split to assign; None keeps the manifests' own.
        split: Only the rows of this split.

    Returns:
        The rows of all manifests, and how their crops were cut.

    Raises:
        ValueError: If the crops of two manifests were cut differently, or no row is left.
    """
    if not paths:
        raise ValueError("No manifest was given. Name at least one manifest.csv.")
    tables = [read_manifest(path) for path in paths]
    crops = [prepared_crop(path) for path in paths]
    for path, crop in zip(paths, crops, strict=True):
        if crop != crops[0]:
            raise ValueError(
                f"{path}: its crops were cut as {crop}, those of {paths[0]} as {crops[0]}. "
                "Prepare both with the same --size, --margin and --alignment."
            )
    table = tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
    if protocol is not None:
        table = assign_split(table, protocol)
    if split is not None:
        found = sorted(set(table.split) - {""})
        table = table[table.split == split].reset_index(drop=True)
        if table.empty:
            names = ", ".join(str(path) for path in paths)
            raise ValueError(
                f"{names}: no crop belongs to the split {split!r}; there are "
                f"{found or 'no splits'}. Assign splits with --protocol."
            )
    return table, crops[0]
