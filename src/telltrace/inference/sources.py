"""Which files a scan of many is to judge: folders, patterns and lists, as a stream of paths."""

import glob
import hashlib
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

LISTS: Final = (".txt", ".lst", ".list", ".nul")
"""Endings of files that name files."""
STANDARD_INPUT: Final = "-"
PIECE: Final = 2**16
"""Bytes of a list that are read at a time; longer than any path may be."""


def find_paths(sources: Sequence[str], leave_out: Path) -> Iterator[str]:
    """The files that the sources name, one after the other, and as long as they are asked for.

    A folder stands for all files below it in the order of their paths; hidden ones are left out,
    folders that a link leads to are named and not entered. A pattern (``*``, ``?``, ``[ab]``,
    ``**``) stands for what it matches and for all files below matching folders. A list names one
    file a line, or, if it holds a null byte, one between null bytes, so that a name may contain
    a line break; "-" is a list on standard input. Anything else is a file.

    Args:
        sources: Folders, patterns, lists and files.
        leave_out: Folder that is not searched, since results are written to it.

    Raises:
        ValueError: If a source names nothing; the message says which.
    """
    for source in sources:
        paths = iter(_paths(source, leave_out))
        first = next(paths, None)
        if first is None:
            raise ValueError(f"{source}: names no file. Check the spelling, or leave it out.")
        yield first
        yield from paths


def _paths(source: str, leave_out: Path) -> Iterable[str]:
    if source == STANDARD_INPUT:
        return _read_list(sys.stdin.buffer)
    if os.path.isdir(source):  # noqa: PTH112  names need not be valid text
        return _walk(source, leave_out)
    if source.endswith(LISTS) and os.path.isfile(source):  # noqa: PTH113
        return _read_list_file(source)
    if not os.path.lexists(source) and glob.has_magic(source):
        return _match(source, leave_out)
    if not os.path.lexists(source):
        raise ValueError(f"{source}: no such file, folder or list. Check the spelling.")
    return [source]


def _walk(folder: str, leave_out: Path) -> Iterator[str]:
    """All files below, a folder's names in memory at a time; an unreadable folder is named."""
    barred = os.path.abspath(leave_out)  # noqa: PTH100
    waiting = [_entries(folder)]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
        elif isinstance(entry, str):
            yield entry
        elif not entry.is_dir(follow_symlinks=False):
            yield entry.path
        elif os.path.abspath(entry.path) != barred:  # noqa: PTH100
            waiting.append(_entries(entry.path))


def _entries(folder: str) -> Iterator[os.DirEntry[str] | str]:
    """What is in a folder, in order; the folder's own name if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return iter([folder])
    return iter(sorted(shown, key=lambda entry: os.fsencode(entry.name)))


def _match(pattern: str, leave_out: Path) -> Iterator[str]:
    parts = pattern.split("/")
    depth = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    root = "/".join(parts[:depth]) or ("/" if pattern.startswith("/") else ".")
    fits = re.compile("".join(map(_expression, parts[depth:-1])) + _last_expression(parts[-1]))
    for path in _walk(root, leave_out) if os.path.isdir(root) else ():  # noqa: PTH112
        if fits.fullmatch(os.path.relpath(path, root)):
            yield path.removeprefix("./") if root == "." else path


def _expression(part: str) -> str:
    """A pattern's folder as a regular expression; no star crosses a slash but ``**``."""
    return "(?:[^/]+/)*" if part == "**" else f"{_segment(part)}/"


def _last_expression(part: str) -> str:
    return "(?s:.*)" if part in ("**", "") else f"{_segment(part)}(?s:/.*)?"


def _segment(part: str) -> str:
    return re.sub(r"\[!?\]?[^\]]*\]|\*+|(?s:.)", lambda found: _token(found[0]), part)


def _token(text: str) -> str:
    if text.startswith("[") and len(text) > 2:
        inside = text[1:-1].replace("\\", "\\\\")
        return f"[^/{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
    return "[^/]*" if text.startswith("*") else "[^/]" if text == "?" else re.escape(text)


def _read_list_file(source: str) -> Iterator[str]:
    with Path(source).open("rb") as file:
        yield from _read_list(file)


def _read_list(file: BinaryIO) -> Iterator[str]:
    first = file.read(PIECE)
    end = b"\0" if b"\0" in first else b"\n"
    pieces = itertools.chain([first], iter(lambda: file.read(PIECE), b""))
    for path in _split(pieces, end):
        path = path.removesuffix(b"\r") if end == b"\n" else path
        if path:
            yield os.fsdecode(path)


def _split(pieces: Iterable[bytes], end: bytes) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(end)
        yield from whole
    yield rest


class Listing:
    """The files of a scan, kept beside its results; positions in it never change.

    Its file holds the paths with a null byte after each, so it can be given to a scan as a list.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def __iter__(self) -> Iterator[str]:
        return _read_list_file(str(self.file))

    def update(self, find: Callable[[], Iterator[str]], known: str) -> tuple[int, str]:
        """Take down the files there are now; those not known before are added at the end.

        Args:
            find: Gives the paths.
            known: What this method said of the files the time before; "" at first.

        Returns:
            How many files the listing holds, and the digest of those that there are now.
        """
        fresh = self.file.with_name(f".{self.file.name}.partial")
        try:
            digest = _write(find(), fresh)
            if not self.file.exists():
                _settle(fresh, self.file)
            elif digest != known:
                self._add(Listing(fresh))
        finally:
            fresh.unlink(missing_ok=True)
        return sum(1 for _ in self), digest

    def _add(self, found: "Listing") -> None:
        size = sum(1 for _ in self)
        marks = np.fromiter(map(_mark, self), dtype="S16", count=size)
        marks.sort()
        both = self.file.with_name(f".{self.file.name}.both")
        new = (path for path in found if not _holds(marks, _mark(path)))
        _write(itertools.chain(self, new), both)
        _settle(both, self.file)


def _write(paths: Iterable[str], file: Path) -> str:
    """Write a listing; its digest."""
    digest = hashlib.sha256()
    with file.open("wb") as out:
        for path in paths:
            entry = os.fsencode(path) + b"\0"
            out.write(entry)
            digest.update(entry)
    return digest.hexdigest()


def _settle(partial: Path, file: Path) -> None:
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.replace(file)


def _mark(path: str) -> bytes:
    return hashlib.blake2b(os.fsencode(path), digest_size=16).digest()


def _holds(marks: "np.ndarray[tuple[int], np.dtype[np.bytes_]]", mark: bytes) -> bool:
    place = int(np.searchsorted(marks, mark))
    return place < len(marks) and bytes(marks[place]) == mark.rstrip(b"\0")
