"""On which side each person of a manifest stands: by a list, by the manifest itself, or by hash."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Final

import pandas as pd

from .groups import group_rows, hash_of
from .manifest import identities, source_of

Groups = Mapping[str, Sequence[Sequence[str]]]
"""Split to groups of identities that belong together, as protocols list them."""
SHARES: Final = {"test": 0.15, "val": 0.15}


def by_groups(table: pd.DataFrame, groups: Groups) -> list[str]:
    """The split that lists of identities give; "" for rows with a person in none of them.

    Raises:
        ValueError: If the people of one video lie in two splits.
    """
    split_of = {name: split for split, lists in groups.items() for one in lists for name in one}
    return [
        _split_of_video(path, identities(identity), split_of)
        for path, identity in zip(table.path, table.identity, strict=True)
    ]


def _split_of_video(path: str, people: list[str], split_of: dict[str, str]) -> str:
    """The one split of these people; "" if one of them is not in the protocol."""
    places = {name: split_of.get(name, "") for name in people}
    if "" in places.values():
        return ""
    if len(set(places.values())) > 1:
        where = " and ".join(f"{name} in {split}" for name, split in places.items())
        raise ValueError(
            f"{path}: its identities lie in two splits ({where}). Leave this video out, or use a "
            "protocol that keeps them together."
        )
    return next(iter(places.values()), "")


def own(table: pd.DataFrame) -> list[str]:
    """The splits that the manifest has.

    Raises:
        ValueError: If it has none.
    """
    if (table.split == "").all():
        raise ValueError(
            f"{source_of(table)}: has no splits of its own for {table.dataset.iloc[0] or 'it'}. "
            "Prepare it with --protocol, such as ffpp-official or by-identity."
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
