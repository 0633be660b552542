"""On which side of a split each person stands, and which videos and faces a paper took."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from pathlib import PurePath
from typing import Final

import numpy as np
import pandas as pd

from ..errors import ManifestError
from ..evaluation.names import naming_of
from ..evaluation.videos import connected_groups
from ..files import text_sha256
from ..jobs.progress import logger
from .manifest import identities, source_of
from .paper import PaperSampling
from .split_checks import SplitError, check_splits

CLASSES: Final = {"real": 0, "fake": 1}

Person = tuple[str, str]
"""A data set and a name in it: 183 of one set is not 183 of another."""


def group_rows(manifest: pd.DataFrame) -> list[Person]:
    """For each row the name of its group: the first, by name, of all people linked to its own."""
    rows = list(zip(manifest.dataset, manifest.video, manifest.identity, strict=True))
    linked = [[(dataset, name) for name in identities(who)] for dataset, _, who in rows]
    groups = connected_groups(linked).tolist()
    first: dict[int, Person] = {}
    for group, (dataset, video, who) in zip(groups, rows, strict=True):
        people = [(naming_of(dataset, video), name) for name in identities(who)]
        first[group] = min([first.get(group, people[0]), *people])
    return [first[group] for group in groups]


def hash_of(name: Hashable, seed: int | None = None) -> str:
    """A name as a number that has nothing to do with it: what random orders are made of.

    Unlike a generator's draw it stays what it is when rows are added, moved or shuffled.
    """
    return text_sha256(repr(name if seed is None else (seed, name)))


def by_lists(table: pd.DataFrame, split_of: Mapping[str, str]) -> list[str]:
    """The split that lists of identities give; "" for rows with a person in none of them.

    The people of one video in two splits are a ManifestError.
    """
    sides: list[str] = []
    for path, identity in zip(table.path, table.identity, strict=True):
        places = {name: split_of.get(name, "") for name in identities(identity)}
        found = {""} if "" in places.values() else set(places.values())
        if len(found) > 1:
            where = " and ".join(f"{name} in {split}" for name, split in places.items())
            reason = f"its identities lie in two splits ({where})"
            remedy = "Leave this video out, or use a protocol that keeps them together"
            raise ManifestError(reason, remedy=remedy, path=path)
        sides += found
    return sides


def own(table: pd.DataFrame) -> list[str]:
    """The splits that the manifest has; a ManifestError if it has none."""
    if (table.split == "").all():
        reason = f"has no splits of its own for {table.dataset.iloc[0] or 'it'}"
        remedy = "Prepare it with --protocol, such as ffpp-official or by-identity"
        raise ManifestError(reason, remedy=remedy, path=source_of(table))
    return table.split.tolist()


def by_identity(table: pd.DataFrame) -> list[str]:
    """70/15/15 of the groups of people who ever share a medium, ordered by a hash of their names.

    Groups with reals only, with fakes only and with both are split apart from one another. Adding a
    person may move others, so keep the manifest that you trained on.
    """
    groups = group_rows(table)
    labels: dict[Hashable, set[int]] = defaultdict(set)
    for group, label in zip(groups, table.label, strict=True):
        labels[group].add(int(label))
    split_of: dict[Hashable, str] = {}
    for kind in ({0}, {1}, {0, 1}):
        mine = sorted((group for group, found in labels.items() if found == kind), key=hash_of)
        share = max(round(0.15 * len(mine)), int(len(mine) >= 3))  # one if possible
        sides = ["test"] * share + ["val"] * share + ["train"] * (len(mine) - 2 * share)
        split_of |= zip(mine, sides, strict=True)
    return [split_of[group] for group in groups]


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
    lacking = {split: [shares[split] * counts.get(c, 0) for c in (0, 1)] for split in small}
    if paper.total:
        lacking = {split: [float(paper.faces()[split])] * 2 for split in small}
    groups, split_of = group_rows(table), dict[Hashable, str]()
    sizes = Counter(zip(groups, table.label, strict=True))
    for group in sorted(set(groups), key=lambda name: hash_of(name, paper.seed)):
        size = [sizes[group, label] for label in (0, 1)]
        useful = (s for s in small if any(size[c] and lacking[s][c] > 0 for c in (0, 1)))
        split_of[group] = split = next(useful, last)
        if split != last:
            lacking[split] = [lacking[split][c] - size[c] for c in (0, 1)]
    return [split_of[group] for group in groups]
