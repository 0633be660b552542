"""Registries to which installed packages add entries: detectors, layouts, corruptions and others.

A package declares them as entry points of the group ``telltrace.GROUP``. They are looked for when
a registry is first asked for something, and one is imported when it is first used.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from .errors import DependencyError

Entry = TypeVar("Entry")


class Registry(MutableMapping[str, Entry]):
    """Entries by name: our own, then those that installed packages add.

    Args:
        group: Which entry points are looked for: those of ``telltrace.GROUP``.
        kind: What an added entry must be an instance of.
        own: The entries of this package.

    Raises:
        DependencyError: On use, for a package that adds a name twice, an entry that cannot be
            imported, or one of another kind; the message names the package.
    """

    def __init__(self, group: str, kind: Any, own: Mapping[str, Entry]) -> None:
        self.group, self._kind, self._own = f"telltrace.{group}", kind, own

    @cached_property
    def _entries(self) -> dict[str, Entry | EntryPoint]:
        entries: dict[str, Entry | EntryPoint] = dict(self._own)
        for point in sorted(entry_points(group=self.group), key=lambda one: one.name):
            if point.name in entries:
                raise _fault(point, "has a name that is taken already")
            entries[point.name] = point
        return entries

    def __getitem__(self, name: str) -> Entry:
        found = self._entries[name]
        if isinstance(found, EntryPoint):
            found = self._entries[name] = self._load(found)
        return found

    def __setitem__(self, name: str, entry: Entry) -> None:
        self._entries[name] = entry

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries  # without importing it

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def _load(self, point: EntryPoint) -> Entry:
        try:
            entry: Entry = point.load()
        except Exception as error:  # a stranger's package fails as it likes
            raise _fault(point, f"cannot be imported ({type(error).__name__}: {error})") from None
        if not isinstance(entry, self._kind):
            raise _fault(point, f"is a {type(entry).__name__}, no {self._kind.__name__}")
        if (name := getattr(entry, "name", point.name)) != point.name:
            raise _fault(point, f"calls itself {name!r}")
        return entry


def _fault(point: EntryPoint, what: str) -> DependencyError:
    package = point.dist.name if point.dist else "unknown"
    message = f"The plug-in {point.name!r} ({point.group}, package {package}) {what}"
    return DependencyError(message, remedy=f"Mend it, or run: pip uninstall {package}")
