"""Face crops that others have cut, taken over as they are."""

from pathlib import Path

import pandas as pd

from ..faces.align import FaceCrop
from ..files import write_json
from .manifest import check_manifest, source_of, write_manifest
from .prepare import MANIFEST
from .prepared import SETTINGS


def is_crops(manifest: pd.DataFrame) -> bool:
    """Whether a manifest lists face crops and no media."""
    return bool(((manifest.frame >= 0) | (manifest.box != "")).all())


def adopt_crops(manifest: pd.DataFrame, out: str | Path, crop: FaceCrop) -> pd.DataFrame:
    """Write a manifest of crops that exist, and how they were cut, as if `prepare` had cut them.

    The pictures stay where they are. ``crop`` must say how they were cut: a detector trained on
    them will see faces cut like that when it scans.

    Args:
        manifest: Crops, such as `read_deepfakebench` gives them.
        out: Folder for ``manifest.csv`` and ``prepare.json``.
        crop: Size, margin and alignment of the crops.

    Raises:
        ValueError: If a row is a medium.
    """
    table = check_manifest(manifest)
    if not is_crops(table):
        raise ValueError(f"{source_of(manifest)}: lists media. Cut their faces with prepare.")
    out = Path(out).absolute()
    about = {"crop": crop.to_dict(), "adopted": True}
    write_json(about, out / SETTINGS)
    write_manifest(table, out / MANIFEST)
    table.attrs["file"] = str(out / MANIFEST)
    return table
