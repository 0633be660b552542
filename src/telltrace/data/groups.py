"""People who ever share a medium belong together: no split may part them."""

import hashlib
from collections.abc import Hashable, Iterable

import pandas as pd

from .manifest import identities

Person = tuple[str, str]
"""A data set and a name in it: 183 of one set is not 183 of another."""


def people_of_rows(manifest: pd.DataFrame) -> list[list[Person]]:
    """The people in each row, by data set and name."""
    return [
        [(dataset, name) for name in identities(identity)]
        for dataset, identity in zip(manifest.dataset, manifest.identity, strict=True)
    ]


def group_rows(manifest: pd.DataFrame) -> list[Person]:
    """For each row the name of its group: the first, by name, of all people linked to its own.

    Examples:
        >>> table = pd.DataFrame({"dataset": "d", "identity": ["a+b", "b+c", "x"]})
        >>> group_rows(table)
        [('d', 'a'), ('d', 'a'), ('d', 'x')]
    """
    people = people_of_rows(manifest)
    group_of = _components(people)
    return [group_of[names[0]] for names in people]


def hash_of(name: Hashable, seed: int | None = None) -> str:
    """A name as a number that has nothing to do with it: what random orders are made of.

    Unlike a generator's draw it depends on nothing but the name and the seed, so an order stays
    what it is when rows are added, moved or shuffled.
    """
    return hashlib.sha256(repr(name if seed is None else (seed, name)).encode()).hexdigest()


def _components(groups: Iterable[list[Person]]) -> dict[Person, Person]:
    """For each person the first, by name, of all people linked to them through shared media."""
    parent: dict[Person, Person] = {}

    def root(name: Person) -> Person:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for group in groups:
        for name in group:
            first, second = sorted((root(group[0]), root(name)))
            parent[second] = first
    return {name: root(name) for name in list(parent)}
