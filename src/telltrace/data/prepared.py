"""What lies beside prepared crops: how they were cut, and which media gave no face."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from ..errors import ManifestError, OutputError
from ..faces.align import FaceCrop
from .manifest import VIDEO_KEY, check_manifest, read_manifest
from .protocols import assign_split

SETTINGS: Final = "prepare.json"
FAILURES: Final = "failures.csv"
NAMES: Final = ["dataset", "label", "method", "compression", "video", "identity", "split"]
"""What ``failures.csv`` says of a medium besides what went wrong."""


def refuse_other_settings(out: Path, about: Mapping[str, Any]) -> None:
    """Crops of other settings are not replaced: their splits may be in use.

    Raises:
        OutputError: Naming what differs.
    """
    try:
        before = json.loads((out / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    differ = [
        f"{key} {before[key]}, now {value}"
        for key, value in about.items()
        if key in before and before[key] != json.loads(json.dumps(value))
    ]
    if differ:
        raise OutputError(
            f"holds crops of other settings ({'; '.join(differ)})",
            remedy="Choose another --out, or delete the folder",
            path=out,
        )


def prepared_crop(manifest: str | Path, otherwise: FaceCrop | None = None) -> FaceCrop:
    """How the crops of a prepared manifest were cut: what a checkpoint must remember.

    ``prepare.json`` beside it says so; ``otherwise`` holds where there is none.

    Raises:
        ManifestError: If neither says it.
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
        elif len(table):
            known = pd.MultiIndex.from_frame(read_manifest(manifest)[VIDEO_KEY])
            lost = table[~pd.MultiIndex.from_frame(table[VIDEO_KEY]).isin(known)]
            found.append(_as_media(lost, file.parent))
    if not found:
        return pd.DataFrame(columns=["status"]), silent
    media = pd.concat(found, ignore_index=True)
    if protocol is not None and len(media):
        media = assign_split(media.drop(columns="status"), protocol).assign(status=media.status)
    if split is not None:
        media = media[media.split == split].reset_index(drop=True)
    return media, silent


def _as_media(lost: pd.DataFrame, folder: Path) -> pd.DataFrame:
    if lost.empty:
        return lost.assign(status=np.empty(0, object))
    paths = [os.path.normpath(folder / path) for path in lost["path"]]
    rows = lost[NAMES].assign(path=paths).reset_index(drop=True)
    return check_manifest(rows).assign(status=lost["status"].to_numpy())
