"""The Deepfake Detection Challenge, by metadata.json or labels.csv, and its preview."""

import csv
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pandas as pd

from ...errors import ManifestError
from .listing import SPLITS, as_manifest, find_media, manifest_row, read_json, require_folder

LABELS: Final = {"real": 0, "fake": 1, "0": 0, "1": 1}
AGAIN: Final = "Download it again"


def read_dfdc(root: str | Path) -> pd.DataFrame:
    """List the videos of the DFDC as a manifest.

    Every folder with a ``metadata.json`` (training parts) or a ``labels.csv`` (the test set), at
    any depth, is read; its videos lie beside that file or in ``videos/``. The identity of a fake is
    the video it was made from, which the metadata calls its original; the set names no people. A
    listed video that is not there stays listed, so that `prepare` reports it; one that lies there
    unlisted, and a file that is missing or broken, are ManifestErrors.

    References:
        Dolhansky et al., "The DeepFake Detection Challenge (DFDC) Dataset", 2020, arXiv:2006.07397.
    """
    root = Path(root)
    lists = [f for name in ("metadata.json", "labels.csv") for f in root.rglob(name)]
    if not lists:
        remedy = "Give the folder that the DFDC was unpacked to; each of its parts brings one."
        reason = "holds no metadata.json and no labels.csv at any depth"
        raise ManifestError(reason, remedy=remedy, path=root)
    rows = [row for file in sorted(lists) for row in _part(file, root)]
    return as_manifest(rows, root, "DFDC")


def _part(file: Path, root: Path) -> Iterator[dict[str, Any]]:
    """The videos of one folder."""
    folder = file.parent
    listed = _read_labels(file) if file.suffix == ".csv" else read_json(file, "DFDC")
    if not isinstance(listed, dict):
        raise ManifestError("does not map names of videos", remedy=AGAIN, path=file)
    places = {video.name: video for at in (folder, folder / "videos") for video in find_media(at)}
    unlisted = sorted(places.keys() - listed.keys())
    if unlisted:
        reason = f"knows nothing of {unlisted[0]} ({len(unlisted)} such videos lie beside it)"
        raise ManifestError(reason, remedy=f"{AGAIN}, or move these videos away", path=file)
    around = folder.relative_to(root.parent).parts
    named = [part.split("_")[1] for part in around if part.startswith("dfdc_")]
    for name, about in listed.items():
        label = _label(about.get("label", about.get("is_fake")), file, name)
        original = str(about.get("original") or name) if label else name
        words = (str(about.get("split")), *named, *around)  # what the metadata says comes first
        yield manifest_row(
            places.get(name, folder / name),
            "DFDC",
            "fake" if label else "real",
            video=PurePosixPath(name).stem,
            identity=PurePosixPath(original).stem,
            split=next((SPLITS[word] for word in words if word in SPLITS), ""),
        )


def _label(said: object, file: Path, name: str) -> int:
    label = LABELS.get(str(said).lower())
    if label is None:
        reason = f"{name}: label must be REAL or FAKE, got {said!r}"
        raise ManifestError(reason, remedy=AGAIN, path=file)
    return label


def _read_labels(file: Path) -> dict[str, dict[str, str]]:
    """``filename,label`` lines of the test set."""
    with file.open(newline="", encoding="utf-8") as lines:
        table = csv.DictReader(lines)
        if not {"filename", "label"} <= set(table.fieldnames or ()):
            reason = "lacks the columns filename and label"
            raise ManifestError(reason, remedy=AGAIN, path=file)
        return {row["filename"]: {"label": row["label"]} for row in table}


def read_dfdc_preview(root: str | Path) -> pd.DataFrame:
    """List the videos that ``dataset.json`` names, with its own train and test split.

    Without that file, or if it is broken, it is a ManifestError.

    References:
        Dolhansky et al., "The Deepfake Detection Challenge (DFDC) Preview Dataset", 2019,
        arXiv:1910.08854.
    """
    name_of_set = "the DFDC preview"
    root = require_folder(root, name_of_set, ["dataset.json"])
    file, rows = root / "dataset.json", []
    for name, about in read_json(file, name_of_set).items():
        label, path = _label(about.get("label"), file, name), PurePosixPath(name)
        people = [about.get("target_id"), about.get("swapped_id") if label else None]
        identity = "+".join(dict.fromkeys(str(p) for p in people if p is not None))
        method, video = path.parts[0] if label else "real", path.with_suffix("").as_posix()
        row = manifest_row(root / name, "DFDC-Preview", method, video, identity)
        rows.append(row | {"split": SPLITS.get(str(about.get("set")), "")})
    return as_manifest(rows, root, name_of_set)
