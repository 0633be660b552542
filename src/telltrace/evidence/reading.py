"""Bytes of a file that may be hostile: read within limits, and damage turned into findings."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from .findings import Finding, finding

LIMIT: Final = 2**20
"""Bytes of one block of metadata that are read; ordinary ones have a few thousand."""
EDGE: Final = 2**21
"""Bytes at the beginning and at the end of a file that are searched for known marks."""


class TooLargeError(Exception):
    """A block of metadata is larger than `LIMIT`."""


def checked(block: bytes) -> bytes:
    """The block, if it is small enough to be read."""
    if len(block) > LIMIT:
        raise TooLargeError(f"{len(block):,} bytes, more than the {LIMIT:,} that are read")
    return block


def guarded(part: str, read: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What a reader finds; damage in what it reads is a finding after those before it."""
    found: list[Finding] = []
    try:
        found.extend(read())
    except TooLargeError as error:
        found.append(finding("metadata.unread", f"{part}:", error))
    except Exception as error:  # parsers of hostile bytes fail in every way
        found.append(finding("metadata.damaged", f"{part}:", error or type(error).__name__))
    return found


def edges(path: Path) -> bytes:
    """The beginning and the end of a file, as one; a small file as it is."""
    with path.open("rb") as file:  # a mapped file that is cut short meanwhile would end the process
        if path.stat().st_size <= 2 * EDGE:
            return file.read(2 * EDGE)
        head = file.read(EDGE)
        file.seek(-EDGE, 2)
        return head + file.read(EDGE)
