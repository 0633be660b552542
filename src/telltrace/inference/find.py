"""Which files a scan is to judge: folders, patterns and lists, as a stream of paths."""

import glob
import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO, Final

from telltrace.errors import OptionError

LISTS: Final = (".txt", ".lst", ".list", ".nul")
"""Endings of files that name files."""
PIECE: Final = 2**16
"""Bytes of a list that are read at a time; longer than any path may be."""


def find_paths(sources: Sequence[str], leave_out: Path | None = None) -> Iterator[str]:
    """The files that the sources name, one after the other, and as long as they are asked for.

    A folder stands for all files below it in the order of their paths; hidden ones and those in
    ``leave_out`` are passed over, and folders that a link leads to are named and not entered. A
    pattern (``*``, ``?``, ``[ab]``, ``**``) stands for what it matches and for all files below
    matching folders. A list names one file a line, or, if it holds a null byte, one between null
    bytes; "-" is a list on standard input. A source that names nothing is an OptionError.
    """
    for source in sources:
        paths = iter(_paths(source, leave_out))
        first = next(paths, None)
        if first is None:
            remedy = "Check the spelling, or leave it out."
            raise OptionError("names no file", remedy=remedy, path=source)
        yield first
        yield from paths


def _paths(source: str, leave_out: Path | None) -> Iterable[str]:
    if source == "-":
        return _read_list(sys.stdin.buffer)
    if os.path.isdir(source):  # noqa: PTH112  names need not be valid text
        return _walk(source, leave_out)
    if source.endswith(LISTS) and os.path.isfile(source):  # noqa: PTH113
        return read_list(source)
    if not os.path.lexists(source) and glob.has_magic(source):
        return _match(source, leave_out)
    if not os.path.lexists(source):
        raise OptionError("no such file, folder or list", remedy="Check the spelling.", path=source)
    return [source]


def _walk(folder: str, leave_out: Path | None) -> Iterator[str]:
    """All files below, the names of the folders above in memory; an unreadable folder is named."""
    barred = leave_out and os.path.abspath(leave_out)  # noqa: PTH100
    waiting = [(folder, True)]
    while waiting:
        path, is_folder = waiting.pop()
        if not is_folder:
            yield path
            continue
        try:
            with os.scandir(path) as entries:
                shown = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError:
            yield path
            continue
        shown.sort(key=lambda entry: os.fsencode(entry.name), reverse=True)
        for entry in shown:
            if os.path.abspath(entry.path) != barred:  # noqa: PTH100
                waiting.append((entry.path, entry.is_dir(follow_symlinks=False)))


def _match(pattern: str, leave_out: Path | None) -> Iterator[str]:
    parts = pattern.split("/")
    depth = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    root = "/".join(parts[:depth]) or ("/" if pattern.startswith("/") else ".")
    wanted = [part for part in parts[depth:] if part]
    for path in _walk(root, leave_out) if os.path.isdir(root) else ():  # noqa: PTH112
        if _fits(os.path.relpath(path, root).split("/"), wanted):
            yield path.removeprefix("./") if root == "." else path


def _fits(path: list[str], pattern: list[str]) -> bool:
    """Whether a file, or a folder above it, matches part by part; ``**`` is any number of them."""
    if not pattern:
        return True
    if pattern[0] == "**":
        return any(_fits(path[start:], pattern[1:]) for start in range(len(path)))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and _fits(path[1:], pattern[1:])


def read_list(path: str | Path) -> Iterator[str]:
    """The paths in a list."""
    with Path(path).open("rb") as file:
        yield from _read_list(file)


def _read_list(file: BinaryIO) -> Iterator[str]:
    first = file.read(PIECE)
    end = b"\0" if b"\0" in first else b"\n"
    rest = b""
    for piece in itertools.chain([first], iter(lambda: file.read(PIECE), b""), [end]):
        *whole, rest = (rest + piece).split(end)
        for path in whole:
            path = path.removesuffix(b"\r") if end == b"\n" else path
            if path:
                yield os.fsdecode(path)
