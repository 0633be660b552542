"""Prepared manifests as tables: their crops, how these were cut, and which media gave no face."""

import io
import json
import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import ManifestError, OutputError
from ..faces.align import UPRIGHT, FaceCrop
from ..faces.detect import Face
from ..faces.rectangles import RULES
from ..files.pack import SUFFIX, find_entry, is_pack, write_entries
from ..files.pictures import read_crop
from ..jobs.progress import logger
from ..pixels import Image
from .manifest import VIDEO_KEY, check_manifest, read_manifest
from .protocols import assign_split

SETTINGS: Final = "prepare.json"
FAILURES: Final = "failures.csv"
NAMES: Final = ["dataset", "label", "method", "compression", "video", "identity", "split"]
"""What ``failures.csv`` says of a medium besides what went wrong."""


def read_crops(
    paths: Sequence[str | Path],
    *,
    protocol: str | None = None,
    split: str | None = None,
    cut: FaceCrop | None = None,
) -> tuple[pd.DataFrame, FaceCrop]:
    """Read manifests or packs of face crops, all cut alike, as one table.

    A ``protocol`` assigns splits, of which ``split`` takes one. ``cut`` says how crops without a
    ``prepare.json`` were cut. Crops cut differently, and an empty split, are ManifestErrors.
    """
    table, crops = read_faces(paths, protocol=protocol, cut=cut, alike=True)
    if split is not None:
        found = sorted(set(table.split) - {""})
        table = table[table.split == split].reset_index(drop=True)
        if table.empty:
            names = ", ".join(str(path) for path in paths)
            reason = f"{names}: no crop belongs to the split {split!r}; there are "
            remedy = "Assign splits with --protocol."
            raise ManifestError(reason + str(found or "no splits"), remedy=remedy)
    return table, crops[0]


def read_faces(
    paths: Sequence[str | Path],
    *,
    protocol: str | Path | None = None,
    cut: FaceCrop | None = None,
    alike: bool = False,
) -> tuple[pd.DataFrame, list[FaceCrop]]:
    """As `read_crops`, but rows of all splits, each with how it was cut, ``alike`` or not."""
    if not paths:
        raise ManifestError("No manifest was given", remedy="Name at least one manifest.csv.")
    read = [
        read_pack(path) if is_pack(path) else (read_manifest(path), prepared_crop(path, cut))
        for path in paths
    ]
    first = read[0][1]
    for path, (_, crop) in zip(paths, read, strict=True):
        if alike and crop != first:
            reason = f"its crops were cut as {crop}, those of {paths[0]} as {first}"
            remedy = "Prepare both with the same --size, --margin and --alignment."
            raise ManifestError(reason, remedy=remedy, path=path)
    table = read[0][0] if len(read) == 1 else pd.concat([t for t, _ in read], ignore_index=True)
    crops = [crop for rows, crop in read for _ in range(len(rows))]
    return (table if protocol is None else assign_split(table, protocol)), crops


def read_pack(path: str | Path) -> tuple[pd.DataFrame, FaceCrop]:
    """The manifest in a pack, paths into it, and how its crops were cut; else a ManifestError."""
    file = os.path.abspath(path)  # noqa: PTH100
    found = find_entry(file + "/")
    if found is None:
        raise ManifestError("is not a file", remedy="Write it with `telltrace pack`", path=file)
    pack = found[0]
    table = pd.read_csv(io.StringIO(pack.manifest_text), dtype=str, keep_default_na=False)
    for column in ("path", "mask"):
        table[column] = [name and f"{file}/{name}" for name in table[column]]
    table.attrs["file"] = file
    return check_manifest(table), FaceCrop.from_dict(pack.crop)


def write_pack(manifest: pd.DataFrame, crop: FaceCrop, out: str | Path) -> int:
    """Write a manifest with its crops, cut as ``crop``, and masks as one ``*.pack``; count bytes.

    A missing crop is a ManifestError, another name or a full disk an OutputError; ``out`` stays.
    """
    out = Path(out).absolute()
    if not is_pack(out):
        raise OutputError(f"a pack's name must end in {SUFFIX}, so that readers know it", path=out)
    table = check_manifest(manifest)
    files = [*table.path, *(mask for mask in table["mask"] if mask)]
    root = os.path.commonpath([os.path.dirname(os.path.abspath(file)) for file in files])  # noqa: PTH100, PTH120
    names = {file: Path(os.path.relpath(file, root)).as_posix() for file in files}
    for column in ("path", "mask"):
        table[column] = [file and names[file] for file in table[column]]
    index = {"manifest": table.to_csv(index=False, lineterminator="\n"), "crop": crop.to_dict()}
    return write_entries(out, names, index)


def crop_landmarks(table: pd.DataFrame, crop: FaceCrop) -> list[NDArray[np.float64] | None]:
    """Five landmarks of each crop, (5, 2) in pixels of the crop; None where the manifest has none.

    Boxes and landmarks of the table are in pixels of the media.
    """
    rows = table.to_dict("records")
    known = [crop_face(row, crop) if _is_placed(row, crop) else None for row in rows]
    return [None if face is None else face.landmarks.astype(np.float64) for face in known]


def _is_placed(row: Mapping[Hashable, Any], crop: FaceCrop) -> bool:
    """Whether it is known where in its crop the face of a manifest's row lies."""
    return bool(row["box"] and row["landmarks"]) and crop.alignment not in ("whole", *RULES)


def crop_face(row: Mapping[Hashable, Any], crop: FaceCrop) -> Face:
    """The face that a crop shows, its box and landmarks in pixels of the crop, not of the medium.

    A face of which the manifest says no place is taken to fill the middle of the crop, ``1 /
    margin`` of its side; its landmarks are not numbers.
    """
    if not _is_placed(row, crop):
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
    """The face crops of a table, whichever way each was cut."""

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


def cut_again(table: pd.DataFrame, crop: FaceCrop, wanted: FaceCrop) -> list[Image]:
    """The crops of a table that were cut alike, (size, size, 3) RGB, each cut again as wanted."""
    faces = Faces(table, [crop] * len(table))
    return [faces.cut(row, wanted) for row in range(len(faces))]


def check_cut(crop: FaceCrop, wanted: FaceCrop) -> None:
    """Refuse, by a ManifestError, crops that cannot be cut again as a detector wants them."""
    if crop != wanted and not (crop.alignment == "box" and wanted.alignment in UPRIGHT):
        reason = f"The crops were cut as {crop}, the detector wants {wanted}"
        remedy = "Prepare the media again with the detector's alignment."
        raise ManifestError(reason, remedy=remedy)
    if crop.alignment == "box" and crop.margin < wanted.margin:
        text = "the crops have margin %g, the detector learnt from %g: it sees faces too near"
        logger.warning(text, crop.margin, wanted.margin)


def prepared_crop(manifest: str | Path, otherwise: FaceCrop | None = None) -> FaceCrop:
    """How the crops of a prepared manifest were cut: what a checkpoint must remember.

    ``prepare.json`` beside it says so, else ``otherwise``; without both it is a ManifestError.
    """
    file = Path(manifest).with_name(SETTINGS)
    if file.is_file():
        try:
            return FaceCrop.from_dict(json.loads(file.read_text(encoding="utf-8"))["crop"])
        except (ValueError, KeyError, TypeError):
            remedy = "Make the crops with `telltrace prepare` in another folder."
            raise ManifestError(
                "does not say how crops were cut", remedy=remedy, path=file
            ) from None
    if otherwise is None:
        raise ManifestError(
            "is missing, so nobody knows how the crops beside it were cut",
            remedy="Make them with `telltrace prepare`, or say how they were cut with "
            "`telltrace pack --size --margin --alignment` and use the pack",
            path=file,
        )
    return otherwise


def read_undetected(
    manifests: Sequence[str | Path], *, protocol: str | None = None, split: str | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Media that manifests of crops have no row of, as ``failures.csv`` beside each says.

    Their splits are assigned by a protocol among these media alone. They come as manifest rows with
    a column ``status`` such as NO_FACE, beside the manifests that do not say what they miss: packs,
    and those that an earlier version prepared.
    """
    found, silent = [], []
    for manifest in manifests:
        file = Path(manifest).absolute().with_name(FAILURES)
        table = pd.read_csv(file, dtype=str, keep_default_na=False) if file.is_file() else None
        if table is None or not set(NAMES) <= set(table.columns):
            silent.append(str(manifest))
            continue
        known = pd.MultiIndex.from_frame(read_manifest(manifest)[VIDEO_KEY])
        lost = table[~pd.MultiIndex.from_frame(table[VIDEO_KEY]).isin(known)]
        if len(lost):
            paths = [os.path.normpath(file.parent / path) for path in lost["path"]]
            rows = lost[NAMES].assign(path=paths)
            found.append(check_manifest(rows).assign(status=lost["status"]))
    if not found:
        return pd.DataFrame(columns=["status"]), silent
    media = pd.concat(found, ignore_index=True)
    if protocol is not None:
        media = assign_split(media.drop(columns="status"), protocol).assign(status=media.status)
    if split is not None:
        media = media[media.split == split].reset_index(drop=True)
    return media, silent
