"""Dataset layouts: one function or `FolderSet` each, a folder or file in and a manifest out."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd

from ...errors import OptionError
from ...plugins import Registry
from ..manifest import read_manifest
from . import crop_lists, dfdc, face_sets, folder, video_sets

_OWN: Final[dict[str, Callable[..., pd.DataFrame]]] = {
    "folder": folder.read_folder,
    "table": read_manifest,
    "ffpp": video_sets.read_ffpp,
    "dfd": video_sets.read_dfd,
    "celeb-df-v1": partial(video_sets.read_celeb_df, "Celeb-DF-v1"),
    "celeb-df-v2": partial(video_sets.read_celeb_df, "Celeb-DF-v2"),
    "dfdc": dfdc.read_dfdc,
    "dfdc-preview": dfdc.read_dfdc_preview,
    "deeper-forensics": video_sets.read_deeper_forensics,
    "hff": face_sets.read_hff,
    "uadfv": video_sets.UADFV,
    "dfdc-faces": face_sets.read_dfdc_faces,
    "lfw": face_sets.LFW,
    "utkface": face_sets.UTKFACE,
    "splices": face_sets.SPLICES,
    "generated": face_sets.GENERATED,
    "real-clips": face_sets.REAL_CLIPS,
    "sficonv": crop_lists.read_sficonv_lists,
    "ba-lists": crop_lists.read_ba_lists,
    "deepfakebench": crop_lists.read_deepfakebench,
}
LAYOUTS: Final[Registry[Callable[..., pd.DataFrame]]] = Registry("layouts", Callable, _OWN)
"""Every layout by name, those of plug-ins last. ``dfdc-faces`` and the last three of ours list face
crops, all others media."""


def read_layout(layout: str, root: str | Path, /, **options: Any) -> pd.DataFrame:
    """The manifest of a data set, a folder or file, whichever way it lies on the disk.

    ``options`` are what the layout's function takes beside, as `prepare` describes them; None and
    empty ones are left out. One that it does not take, and an unknown layout, are OptionErrors.
    """
    if layout not in LAYOUTS:
        raise OptionError(f"Unknown layout {layout!r}; choose one of {', '.join(LAYOUTS)}.")
    taken = list(inspect.signature(LAYOUTS[layout]).parameters)[1:]
    given = {key: value for key, value in options.items() if value not in (None, [], ())}
    for key in given:
        if key not in taken:
            known = ", ".join(taken) or "none"
            raise OptionError(f"The layout {layout!r} takes no {key}; it takes {known}.")
    return LAYOUTS[layout](root, **given)
