"""What a batch scan has found so far: one line a file, added as it comes, kept through a kill."""

import json
import os
import re
import time
from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from telltrace.errors import OutputError

SYNC_EVERY: Final = 2.0
"""Seconds between moments at which the disk is made to hold all; a power cut costs so much."""
HEAD: Final = re.compile(rb'\{"index":(\d+),"lost":"(\w*)",')


@dataclass(frozen=True)
class Answer:
    """What came out of one file."""

    index: int
    """Position in the listing."""
    verdict: dict[str, Any]
    """A ``Verdict`` as plain data."""
    lost: Literal["", "crash", "timeout", "error"] = ""
    """Why the file could not be judged, if not by what it holds."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time spent on each stage; journals of version 0.1 hold it within the verdict."""


class Journal:
    """Answers on disk. It takes 8 bytes of memory a file: where its last answer stands.

    A line that a kill has torn is removed; one that a power cut has spoilt is passed over, and
    its file counts as not judged; with ``retry``, so do files that were lost.
    """

    def __init__(self, file: Path, files: int, retry: bool = False) -> None:
        self.file = file
        self._handle = file.open("a+b", buffering=0)
        self._places = array("q", [-1]) * files
        self._end = self._read(retry)
        self.done = sum(place >= 0 for place in self._places)
        self._synced = time.monotonic()

    def _read(self, retry: bool) -> int:
        """Find the place of each answer and cut off a torn last line; where the journal ends."""
        place = 0
        with self.file.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                head = HEAD.match(line)
                sound = line.endswith(b"}\n") and b"\0" not in line
                if head and sound and int(head[1]) < len(self._places):
                    again = retry and head[2]
                    self._places[int(head[1])] = -1 if again else place
                place += len(line)
        self._handle.truncate(place)
        return place

    def __contains__(self, index: int) -> bool:
        """Whether this file has its answer."""
        return self._places[index] >= 0

    def add(self, answer: Answer) -> None:
        """Write an answer down; a kill of this process at any moment after it does no harm.

        Raises:
            OutputError: If the disk does not take it.
        """
        parts = {"index": answer.index, "lost": answer.lost, **asdict(answer)}  # begins as `HEAD`
        line = json.dumps(parts, separators=(",", ":")).encode() + b"\n"
        try:
            if self._handle.write(line) != len(line):
                raise OSError("no space left")
            self._sync()
        except OSError as error:
            reason = f"cannot be written ({error.strerror or error})"
            remedy = "Make room, then run the same command again to go on."
            raise OutputError(reason, remedy=remedy, path=self.file) from None
        self.done += self._places[answer.index] < 0
        self._places[answer.index] = self._end
        self._end += len(line)

    def _sync(self) -> None:
        if time.monotonic() - self._synced >= SYNC_EVERY:
            os.fsync(self._handle.fileno())
            self._synced = time.monotonic()

    def __iter__(self) -> Iterator[Answer]:
        """The answers in the order of the listing, one in memory at a time."""
        with self.file.open("rb") as lines:
            for place in self._places:
                if place >= 0:
                    lines.seek(place)
                    yield Answer(**json.loads(lines.readline()))

    def close(self) -> None:
        """Make the disk hold all, and let others write."""
        os.fsync(self._handle.fileno())
        self._handle.close()
