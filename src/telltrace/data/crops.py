"""Several prepared manifests as one table, with the one way in which all their crops were cut."""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..faces.align import FaceCrop
from ..faces.detect import Face
from .manifest import read_manifest
from .pack import is_pack, read_pack
from .pictures import Image, decode, read_bytes
from .prepared import prepared_crop
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


def read_faces(
    paths: Sequence[str | Path], *, protocol: str | None = None
) -> tuple[pd.DataFrame, list[FaceCrop]]:
    """Manifests of face crops as one table, each row with the way in which it was cut.

    Args:
        paths: Manifests that ``telltrace prepare`` wrote, or packs of ``telltrace pack``.
        protocol: Split to assign; None keeps the manifests' own.

    Raises:
        ValueError: If no manifest is named.
    """
    if not paths:
        raise ValueError("No manifest was given. Name at least one manifest.csv.")
    read = [_read(path) for path in paths]
    table = pd.concat([table for table, _ in read], ignore_index=True)
    crops = [crop for rows, crop in read for _ in range(len(rows))]
    return (table if protocol is None else assign_split(table, protocol)), crops


def _read(path: str | Path) -> tuple[pd.DataFrame, FaceCrop]:
    return read_pack(path) if is_pack(path) else (read_manifest(path), prepared_crop(path))


def crop_landmarks(table: pd.DataFrame, crop: FaceCrop) -> list[NDArray[np.float64] | None]:
    """Five landmarks of each crop, (5, 2) in pixels of the crop; None where the manifest has none.

    Args:
        table: Face crops; their boxes and landmarks are in pixels of the media.
        crop: How they were cut.
    """
    rows = table.to_dict("records")
    faces = [crop_face(row, crop) for row in rows]
    known = [bool(row["box"] and row["landmarks"]) for row in rows]
    return [
        np.asarray(face.landmarks, np.float64) if here else None
        for face, here in zip(faces, known, strict=True)
    ]


def crop_face(row: Mapping[Hashable, Any], crop: FaceCrop) -> Face:
    """The face that a crop shows, its box and landmarks in pixels of the crop.

    Where the manifest does not say where the face was found, it is taken to fill the middle of
    the crop, ``1 / margin`` of its side, and its landmarks are not numbers.

    Args:
        row: Of a manifest; boxes and landmarks in pixels of the medium.
        crop: How it was cut.
    """
    if not row["box"] or not row["landmarks"]:
        near, far = (crop.size * (1 + sign / crop.margin) / 2 for sign in (-1, 1))
        return Face((near, near, far, far), np.full((5, 2), np.nan, np.float32), 1.0)
    points = np.array(row["landmarks"].replace(",", " ").split(), dtype=np.float64).reshape(5, 2)
    left, top, right, bottom = (float(edge) for edge in row["box"].split())
    face = Face((left, top, right, bottom), points.astype(np.float32), 1.0)
    x, y, side = (int(v) for v in (row.get("square") or "0 0 0").split())
    square = (x, y, side) if side else None
    corners = crop.place([(left, top), (right, bottom)], face, square)
    (left, top), (right, bottom) = corners.tolist()
    placed = crop.place(points, face, square).astype(np.float32)
    return Face((left, top, right, bottom), placed, 1.0)


class Faces:
    """The face crops of a table, whichever way each was cut.

    Args:
        table: Rows of manifests.
        crops: How each row was cut.
    """

    def __init__(self, table: pd.DataFrame, crops: Sequence[FaceCrop]) -> None:
        self.rows: list[dict[Hashable, Any]] = table.to_dict("records")
        self.crops = crops

    def __len__(self) -> int:
        return len(self.rows)

    def image(self, row: int) -> Image:
        """The crop as it was cut, (S, S, 3) uint8 RGB; see `read_crop`."""
        return read_crop(self.rows[row]["path"])

    def face(self, row: int) -> Face:
        """Where the face is in its crop."""
        return crop_face(self.rows[row], self.crops[row])

    def cut(self, row: int, crop: FaceCrop) -> Image:
        """The crop cut again, (size, size, 3): tighter, or as wide as it is."""
        own = self.crops[row]
        return self.image(row) if own == crop else crop.cut(self.image(row), self.face(row))


def read_crop(path: str) -> Image:
    """One crop, (S, S, 3) uint8 RGB.

    Raises:
        ValueError: If the file is missing or no picture.
    """
    try:
        image = decode(read_bytes(path))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}). Prepare it again.") from None
    if image is None:
        raise ValueError(f"{path}: is no readable picture. Prepare it again.")
    return image


def check_cut(crop: FaceCrop, wanted: FaceCrop) -> None:
    """Refuse crops that cannot be cut again as a detector wants them.

    Raises:
        ValueError: If one of the two is aligned by landmarks and they differ.
    """
    if crop != wanted and not (crop.alignment == wanted.alignment == "box"):
        raise ValueError(
            f"The crops were cut as {crop}, the detector wants {wanted}. Prepare the media again "
            "with the detector's alignment."
        )
