"""On which side each person stands: people who ever share a medium are never parted."""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Mapping

import pandas as pd

from ..errors import ManifestError
from ..evaluation.videos import connected_groups
from .datasets.names import naming_of
from .manifest import identities, source_of

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
    return hashlib.sha256(repr(name if seed is None else (seed, name)).encode()).hexdigest()


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
