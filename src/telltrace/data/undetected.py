"""Media of a prepared manifest that gave no face: they count as not judged, and are not dropped."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from .cropping import FAILURES, NAMES
from .manifest import VIDEO_KEY, check_manifest, read_manifest
from .protocols import assign_split


def read_undetected(
    manifests: Sequence[str | Path], *, protocol: str | None = None, split: str | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Media that manifests of crops have no row of, and why.

    Args:
        manifests: Manifests that ``telltrace prepare`` wrote; ``failures.csv`` lies beside each.
        protocol: Split to assign; None keeps the media's own. One that shares people out, such as
            "by-identity", does so among these media alone.
        split: Only the media of this split.

    Returns:
        Manifest rows of whole media, with a column ``status`` such as NO_FACE; and the manifests
        that do not say what they miss: packs, and those that an earlier version prepared.
    """
    found, silent = [], []
    for manifest in manifests:
        file = Path(manifest).absolute().with_name(FAILURES)
        table = pd.read_csv(file, dtype=str, keep_default_na=False) if file.is_file() else None
        if table is None or not set(NAMES) <= set(table.columns):
            silent.append(str(manifest))
        elif len(table):
            found.append(_without_crops(table, read_manifest(manifest), file.parent))
    if not found:
        return pd.DataFrame(columns=["status"]), silent
    media = pd.concat(found, ignore_index=True)
    if protocol is not None and len(media):
        media = assign_split(media.drop(columns="status"), protocol).assign(status=media.status)
    if split is not None:
        media = media[media.split == split].reset_index(drop=True)
    return media, silent


def _without_crops(failures: pd.DataFrame, crops: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """The failures of which not even a part could be read, as manifest rows."""
    known = pd.MultiIndex.from_frame(crops[VIDEO_KEY])
    lost = failures[~pd.MultiIndex.from_frame(failures[VIDEO_KEY]).isin(known)]
    if lost.empty:
        return lost.assign(status=np.empty(0, object))
    paths = [os.path.normpath(folder / path) for path in lost["path"]]
    rows = lost[NAMES].assign(path=paths).reset_index(drop=True)
    return check_manifest(rows).assign(status=lost["status"].to_numpy())
