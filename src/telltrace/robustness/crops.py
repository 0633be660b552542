"""Fewer face crops of each video where that is enough."""

import numpy as np
import pandas as pd

from telltrace.data.manifest import VIDEO_KEY


def thin_out(manifest: pd.DataFrame, frames: int | None) -> pd.DataFrame:
    """At most so many rows a video, spread evenly over it; all of them for None.

    Examples:
        >>> table = pd.DataFrame({**dict.fromkeys(VIDEO_KEY, "a"), "frame": range(9)})
        >>> thin_out(table, 3).frame.tolist()
        [0, 4, 8]
    """
    if frames is None:
        return manifest
    ordered = manifest.sort_values("frame", kind="stable").groupby(VIDEO_KEY, sort=False)
    place = ordered.cumcount().reindex(manifest.index)
    size = manifest.groupby(VIDEO_KEY)["frame"].transform("size")
    kept = [
        at in np.linspace(0, count - 1, min(frames, count)).round()
        for at, count in zip(place, size, strict=True)
    ]
    return manifest[kept]
