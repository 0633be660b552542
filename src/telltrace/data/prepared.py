"""What lies beside prepared crops: how they were cut, and which media gave no face."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from ..errors import ManifestError
from ..faces.align import FaceCrop
from .manifest import VIDEO_KEY, check_manifest, read_manifest
from .protocols import assign_split

SETTINGS: Final = "prepare.json"
FAILURES: Final = "failures.csv"
NAMES: Final = ["dataset", "label", "method", "compression", "video", "identity", "split"]
"""What ``failures.csv`` says of a medium besides what went wrong."""


def prepared_crop(manifest: str | Path, otherwise: FaceCrop | None = None) -> FaceCrop:
    """How the crops of a prepared manifest were cut: what a checkpoint must remember.

    ``prepare.json`` beside it says so, else ``otherwise``; without both it is a ManifestError.
    """
    file = Path(manifest).with_name(SETTINGS)
    if file.is_file():
        return FaceCrop.from_dict(json.loads(file.read_text(encoding="utf-8"))["crop"])
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

    A protocol assigns their splits; one that shares people out, such as "by-identity", does so
    among these media alone.

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
