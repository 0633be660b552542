"""On which side each person stands: people who ever share a medium are never parted."""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Final

import pandas as pd

from ..errors import ManifestError
from ..evaluation.videos import identity_groups
from .datasets.names import naming_of
from .manifest import identities, source_of

Person = tuple[str, str]
"""A data set and a name in it: 183 of one set is not 183 of another."""


def group_rows(manifest: pd.DataFrame) -> list[Person]:
    """For each row the name of its group: the first, by name, of all people linked to its own."""
    people = [
        [(naming_of(dataset, video), name) for name in identities(identity)]
        for dataset, video, identity in zip(
            manifest.dataset, manifest.video, manifest.identity, strict=True
        )
    ]
    named = manifest.assign(identity=["+".join(name for _, name in names) for names in people])
    groups = identity_groups(named)
    assert groups is not None, "identities are never empty"
    first: dict[int, Person] = {}
    for group, names in zip(groups.tolist(), people, strict=True):
        first[group] = min([first.get(group, names[0]), *names])
    return [first[group] for group in groups.tolist()]


def hash_of(name: Hashable, seed: int | None = None) -> str:
    """A name as a number that has nothing to do with it: what random orders are made of.

    Unlike a generator's draw it depends on nothing but the name and the seed, so an order stays
    what it is when rows are added, moved or shuffled.
    """
    return hashlib.sha256(repr(name if seed is None else (seed, name)).encode()).hexdigest()


Groups = Mapping[str, Sequence[Sequence[str]]]
"""Split to groups of identities that belong together, as protocols list them."""
SHARES: Final = {"test": 0.15, "val": 0.15}


def by_groups(table: pd.DataFrame, groups: Groups) -> list[str]:
    """The split that lists of identities give; "" for rows with a person in none of them.

    The people of one video in two splits are a ManifestError.
    """
    split_of = {name: split for split, lists in groups.items() for one in lists for name in one}
    sides: list[str] = []
    for path, identity in zip(table.path, table.identity, strict=True):
        places = {name: split_of.get(name, "") for name in identities(identity)}
        found = {""} if "" in places.values() else set(places.values())
        if len(found) > 1:
            where = " and ".join(f"{name} in {split}" for name, split in places.items())
            raise ManifestError(
                f"its identities lie in two splits ({where})",
                remedy="Leave this video out, or use a protocol that keeps them together",
                path=path,
            )
        sides += found
    return sides


def own(table: pd.DataFrame) -> list[str]:
    """The splits that the manifest has; a ManifestError if it has none."""
    if (table.split == "").all():
        raise ManifestError(
            f"has no splits of its own for {table.dataset.iloc[0] or 'it'}",
            remedy="Prepare it with --protocol, such as ffpp-official or by-identity",
            path=source_of(table),
        )
    return table.split.tolist()


def by_identity(table: pd.DataFrame) -> list[str]:
    """70/15/15 of the groups of people who ever share a medium, ordered by a hash of their names.

    Groups with reals only, with fakes only and with both are split apart from one another, so
    that every split gets its share of each. The split depends on the names alone, never on the
    order of the rows; adding a person may move others, so keep the manifest that you trained on.
    """
    groups = group_rows(table)
    labels: dict[Hashable, set[int]] = defaultdict(set)
    for group, label in zip(groups, table.label, strict=True):
        labels[group].add(int(label))
    split_of: dict[Hashable, str] = {}
    for kind in ({0}, {1}, {0, 1}):
        of_kind = [group for group, found in labels.items() if found == kind]
        split_of |= _deal(sorted(of_kind, key=hash_of))
    return [split_of[group] for group in groups]


def _deal(groups: list[Hashable]) -> dict[Hashable, str]:
    """Test first, then validation, and the rest to training; at least one each if there are 3."""
    counts = {split: round(share * len(groups)) for split, share in SHARES.items()}
    if len(groups) >= 3:
        counts = {split: max(1, count) for split, count in counts.items()}
    order = [split for split, count in counts.items() for _ in range(count)]
    return dict(zip(groups, order + ["train"] * (len(groups) - len(order)), strict=True))
