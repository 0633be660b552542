"""Dataset layouts: one function each, a folder or file in and a manifest out."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pandas as pd

from ...errors import OptionError
from ..manifest import read_manifest
from .celeb_df import read_celeb_df_v1, read_celeb_df_v2
from .crop_lists import read_ba_lists, read_sficonv_lists
from .deeper_forensics import read_deeper_forensics
from .deepfakebench import read_deepfakebench
from .dfdc import read_dfdc, read_dfdc_preview
from .face_sets import (
    read_dfdc_faces,
    read_generated,
    read_lfw,
    read_real_clips,
    read_splices,
    read_utkface,
)
from .ffpp import read_ffpp
from .folder import read_folder
from .pictures import read_hff, read_uadfv

LAYOUTS: Final[dict[str, Callable[..., pd.DataFrame]]] = {
    "folder": read_folder,
    "table": read_manifest,
    "ffpp": read_ffpp,
    "celeb-df-v1": read_celeb_df_v1,
    "celeb-df-v2": read_celeb_df_v2,
    "dfdc": read_dfdc,
    "dfdc-preview": read_dfdc_preview,
    "deeper-forensics": read_deeper_forensics,
    "hff": read_hff,
    "uadfv": read_uadfv,
    "dfdc-faces": read_dfdc_faces,
    "lfw": read_lfw,
    "utkface": read_utkface,
    "splices": read_splices,
    "generated": read_generated,
    "real-clips": read_real_clips,
    "sficonv": read_sficonv_lists,
    "ba-lists": read_ba_lists,
    "deepfakebench": read_deepfakebench,
}
"""Every layout by name. The last three list face crops, all others media."""


def read_layout(layout: str, root: str | Path, /, **options: Any) -> pd.DataFrame:
    """The manifest of a data set, a folder or file, whichever way it lies on the disk.

    ``options`` are what the layout's function takes beside, as `prepare` describes them; None and
    empty ones are left out.

    Raises:
        OptionError: If the layout is unknown or takes no such option.
    """
    if layout not in LAYOUTS:
        raise OptionError(f"Unknown layout {layout!r}; choose one of {', '.join(LAYOUTS)}.")
    taken = list(inspect.signature(LAYOUTS[layout]).parameters)[1:]
    given = {key: value for key, value in options.items() if value not in (None, [], ())}
    for key in given:
        if key not in taken:
            raise OptionError(
                f"The layout {layout!r} takes no {key}; it takes {', '.join(taken) or 'none'}."
            )
    return LAYOUTS[layout](root, **given)
