"""The files of a batch scan, kept beside its results: their positions never change."""

import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from telltrace.files import atomic_write
from telltrace.inference.find import read_list


class Listing:
    """Paths with a null byte after each, in a file that can be given to a scan as a list."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __iter__(self) -> Iterator[str]:
        return read_list(self.file) if self.file.exists() else iter(())

    def update(self, find: Callable[[], Iterator[str]], known: str) -> tuple[int, str]:
        """Write down the files that ``find`` gives; those not known before are added at the end.

        ``known`` is the digest of the time before, "" at first. Returned are how many files the
        listing holds, and the digest of those that there are now.
        """
        found = Listing(self.file.with_name(f".{self.file.name}.found"))
        try:
            digest = _write(find(), found.file)
            if not self.file.exists() or digest != known:
                with atomic_write(self.file) as both:
                    _write(itertools.chain(self, self._new(found)), both)
        finally:
            found.file.unlink(missing_ok=True)
        return sum(1 for _ in self), digest

    def _new(self, found: "Listing") -> Iterator[str]:
        """The paths that are not in this listing, at 16 bytes of memory for each that is."""
        marks = np.sort(np.fromiter(map(_mark, self), dtype="S16"))
        for path in found:
            mark = _mark(path)
            place = int(np.searchsorted(marks, mark))
            if place == len(marks) or bytes(marks[place]) != mark.rstrip(b"\0"):
                yield path


def _write(paths: Iterable[str], file: Path) -> str:
    """Write a listing; its digest."""
    digest = hashlib.sha256()
    with file.open("wb") as out:
        for path in paths:
            entry = os.fsencode(path) + b"\0"
            out.write(entry)
            digest.update(entry)
    return digest.hexdigest()


def _mark(path: str) -> bytes:
    return hashlib.blake2b(os.fsencode(path), digest_size=16).digest()
