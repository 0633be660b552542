"""Face crops of one video at a time, and fewer of them where that is enough."""

from collections.abc import Iterator

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
        at in np.unique(np.linspace(0, count - 1, min(frames, count)).round().astype(int))
        for at, count in zip(place, size, strict=True)
    ]
    return manifest[kept]


def by_video(manifest: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The rows of one video after the other, its frames in their order."""
    for _, rows in manifest.groupby(VIDEO_KEY, sort=True):
        yield rows.sort_values(["frame", "path"], kind="stable")
