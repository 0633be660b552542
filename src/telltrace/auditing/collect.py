"""Which files of the manifests are looked at, and the looking, spread over processes."""

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd

from ..data.crops import read_pack
from ..data.manifest import VIDEO_KEY, read_manifest
from ..errors import ManifestError, OptionError
from ..packs.pack import is_pack
from ..pools import run_jobs
from .media import Medium, look_at

Compare = Literal["both", "splits", "manifests"]

FEW: Final = 64
"""Files below which new processes would take longer to start than the work itself."""
CRASHED: Final = "ended the process that read it (a crash in a decoder, or not enough memory)"
COPY_AGAIN: Final = "Leave it out, or copy it again"


def read_rows(manifests: Sequence[str | Path], compare: Compare = "both") -> pd.DataFrame:
    """All rows of manifests or packs, each with its ``manifest`` and the ``side`` it is on.

    Sides are what must have nothing in common. A manifest with splits is on the sides "train",
    "val" and "test"; rows that its protocol leaves out are on no side (""). A manifest without
    any split is a side of its own, named after the file. To compare "splits" puts it on no side;
    to compare "manifests" ignores splits and makes each manifest a side.

    Raises:
        ManifestError: If there is no manifest, one is given twice, or one of them cannot be read.
    """
    files = [Path(manifest).absolute() for manifest in manifests]
    if not files:
        raise ManifestError("No manifest was given", remedy="Name at least one manifest.csv.")
    if len(set(files)) < len(files):
        raise ManifestError(f"A manifest is given twice among {', '.join(map(str, manifests))}.")
    tables = []
    for file, name in zip(files, _short_names(files), strict=True):
        table = read_pack(file)[0] if is_pack(file) else read_manifest(file)
        split = bool((table.split != "").any())
        as_whole = compare == "manifests" or (compare == "both" and not split)
        tables.append(table.assign(manifest=str(file), side=name if as_whole else table.split))
    return pd.concat(tables, ignore_index=True)


def _short_names(files: Sequence[Path]) -> list[str]:
    """As much of the end of each path as tells the files apart."""
    for parts in range(1, max(len(file.parts) for file in files) + 1):
        names = ["/".join(file.parts[-parts:]) for file in files]
        if len(set(names)) == len(names):
            break
    return names


def choose_files(rows: pd.DataFrame, limit: int) -> list[str]:
    """At most ``limit`` files, as many of each video and evenly spread; all if there are no more.

    Raises:
        OptionError: If the limit is below 1.
    """
    if limit < 1:
        raise OptionError(f"limit is {limit}; expected at least 1 file.")
    files = rows.drop_duplicates("path")
    if len(files) <= limit:
        return files.path.tolist()
    groups = files.groupby(["side", *VIDEO_KEY], sort=False)
    rank, size = groups.cumcount(), groups.path.transform("size")
    each = max(1, limit // max(1, groups.ngroups))
    kept = files[rank * each // size != (rank + 1) * each // size]
    if len(kept) > limit:
        kept = kept.iloc[np.linspace(0, len(kept) - 1, limit).round().astype(int)]
    return kept.path.tolist()


def look_at_files(
    paths: Sequence[str],
    *,
    frames: int = 4,
    workers: int = 0,
    after: Callable[[int], None] = lambda _: None,
) -> dict[str, Medium]:
    """Look at every file once.

    Args:
        paths: Pictures, videos, entries of packs.
        frames: How many frames of a video to look at.
        workers: Processes; 0, or fewer than 64 files, does it in this one.
        after: Told how many more files are done.

    Returns:
        What was found, by path, in the order of ``paths``; a file that takes its process down
        with it is one that cannot be read.
    """
    workers = 0 if len(paths) < FEW else workers
    found: dict[str, Medium] = {}
    with closing(run_jobs(partial(look_at, frames=frames), paths, workers)) as results:
        for path, medium in results:
            found[path] = medium or Medium(path, trouble=CRASHED, remedy=COPY_AGAIN)
            after(1)
    return {path: found[path] for path in paths}
