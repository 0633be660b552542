"""Several prepared manifests as one table, with the one way in which all their crops were cut."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..faces.align import FaceCrop
from ..faces.detect import Face
from .manifest import read_manifest
from .pack import is_pack, read_pack
from .prepare import prepared_crop
from .protocols import assign_split


def read_crops(
    paths: Sequence[str | Path], *, protocol: str | None = None, split: str | None = None
) -> tuple[pd.DataFrame, FaceCrop]:
    """Read manifests of face crops as one table.

    Args:
        paths: Manifests that ``telltrace prepare`` wrote, or packs of ``telltrace pack``.
        protocol: Split to assign; None keeps the manifests' own.
        split: Only the rows of this split.

    Returns:
        The rows of all manifests, and how their crops were cut.

    Raises:
        ValueError: If the crops of two manifests were cut differently, or no row is left.
    """
    if not paths:
        raise ValueError("No manifest was given. Name at least one manifest.csv.")
    tables, crops = zip(*(_read(path) for path in paths), strict=True)
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


def _read(path: str | Path) -> tuple[pd.DataFrame, FaceCrop]:
    return read_pack(path) if is_pack(path) else (read_manifest(path), prepared_crop(path))


def crop_landmarks(table: pd.DataFrame, crop: FaceCrop) -> list[NDArray[np.float64] | None]:
    """Five landmarks of each crop, (5, 2) in pixels of the crop; None where the manifest has none.

    Args:
        table: Face crops; their boxes and landmarks are in pixels of the media.
        crop: How they were cut.
    """
    placed: list[NDArray[np.float64] | None] = []
    for box, landmarks in zip(table.box, table.landmarks, strict=True):
        if not box or not landmarks:
            placed.append(None)
            continue
        points = np.array(landmarks.replace(",", " ").split(), dtype=np.float64).reshape(5, 2)
        left, top, right, bottom = (float(edge) for edge in box.split())
        face = Face((left, top, right, bottom), points.astype(np.float32), 1.0)
        placed.append(crop.place(points, face))
    return placed
