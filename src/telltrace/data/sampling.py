"""The videos and faces that a paper took: at random, balanced, no person on two sides."""

from collections import Counter
from collections.abc import Hashable
from pathlib import PurePath
from typing import Final

import numpy as np
import pandas as pd

from ..errors import ManifestError
from ..progress import logger
from .manifest import source_of
from .paper import PaperSampling
from .people import group_rows, hash_of
from .split_checks import SplitError, check_splits

CLASSES: Final = {"real": 0, "fake": 1}


def choose_videos(media: pd.DataFrame, paper: PaperSampling) -> pd.DataFrame:
    """As many real and fake videos as the paper took, whatever their order, or a ManifestError."""
    kept = pd.Series(True, index=media.index)
    for name, wanted in (("real", paper.real_videos), ("fake", paper.fake_videos)):
        if wanted is not None:
            other = media.label != CLASSES[name]
            chosen = _draw(media[~other], round(wanted * paper.scale), paper, f"{name} videos")
            kept &= other | media.index.isin(chosen)
    return media[kept].reset_index(drop=True)


def choose_faces(crops: pd.DataFrame, paper: PaperSampling) -> pd.DataFrame:
    """The paper's number of faces in each split, half of them real, with the split column filled.

    Whole groups of people who share media go to the test until it has enough of both classes,
    then to validation, and the rest to training: no person is on two sides, and at every
    compression the same people are on the same side. With ``own_splits`` the crops' splits stay,
    with shared people faces are drawn one by one; then a warning counts whom both sides show.
    A split that cannot be filled is a ManifestError.
    """
    table = crops.copy()
    if paper.own_splits and (table.split != "").any():
        table["split"] = table.split.replace("", paper.rest)
    else:
        draw = _split_faces if paper.people == "shared" else _split_groups
        table["split"] = draw(table, paper)
    table = table[table.split.isin(paper.shares())]
    try:
        check_splits(table)
    except SplitError as error:
        logger.warning("the split has people on both sides, and figures on it flatter: %s", error)
    if paper.total is None:
        return table.reset_index(drop=True)
    chosen: list[Hashable] = []
    for split, wanted in paper.faces().items():
        for name, label in CLASSES.items():
            part = table[(table.split == split) & (table.label == label)]
            chosen += _draw(part, wanted, paper, f"{name} faces for {split}")
    return table[table.index.isin(chosen)].reset_index(drop=True)


def _draw(rows: pd.DataFrame, wanted: int, paper: PaperSampling, what: str) -> list[Hashable]:
    """The index of ``wanted`` rows, drawn by a hash of their names."""
    if len(rows) < wanted:
        reason = f"has {len(rows)} {what} where {wanted} are asked for"
        remedy = f"Add media, or take less of everything with scale (now {paper.scale:g})."
        raise ManifestError(reason, remedy=remedy, path=source_of(rows))
    names = zip(rows.dataset, rows.method, rows.video, rows.frame, rows.path, strict=True)
    order = [hash_of((*name, PurePath(path).name), paper.seed) for *name, path in names]
    return pd.Series(order, index=rows.index).sort_values().index[:wanted].tolist()


def _split_faces(table: pd.DataFrame, paper: PaperSampling) -> list[str]:
    """A split for every row, by a hash of its name: its shares of each class, whoever is shown."""
    names = zip(table.dataset, table.method, table.video, table.frame, strict=True)
    hashes = pd.Series([hash_of(name, paper.seed) for name in names], index=table.index)
    places = hashes.groupby(table.label).rank(method="first", pct=True).to_numpy(float)
    shares = paper.shares()
    ends = np.cumsum(list(shares.values()))
    parts = np.searchsorted(ends, places - 1e-9).clip(max=len(ends) - 1)
    return np.array(list(shares))[parts].tolist()


def _split_groups(table: pd.DataFrame, paper: PaperSampling) -> list[str]:
    """A split for every row: small splits are filled by whole groups first, the largest is last."""
    shares, counts = paper.shares(), table.label.value_counts().to_dict()
    *small, last = sorted(shares, key=lambda split: (shares[split], split))
    faces = {s: [shares[s] * counts.get(c, 0) for c in (0, 1)] for s in small}
    lacking: dict[str, list[float]] = (
        {s: [paper.faces()[s]] * 2 for s in small} if paper.total else faces
    )
    groups = group_rows(table)
    sizes = Counter(zip(groups, table.label, strict=True))
    split_of: dict[Hashable, str] = {}
    for group in sorted(set(groups), key=lambda name: hash_of(name, paper.seed)):
        size = [sizes[group, label] for label in (0, 1)]
        useful = (s for s in small if any(size[c] and lacking[s][c] > 0 for c in (0, 1)))
        split_of[group] = split = next(useful, last)
        if split != last:
            lacking[split] = [lacking[split][c] - size[c] for c in (0, 1)]
    return [split_of[group] for group in groups]
