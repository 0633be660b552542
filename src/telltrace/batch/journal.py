"""The files of a batch scan, what it has found so far, kept through a kill, and its results."""

import hashlib
import itertools
import json
import os
import re
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np

from telltrace.errors import OutputError
from telltrace.files import atomic_write, write_json
from telltrace.inference.find import read_list
from telltrace.inference.formats import COLUMNS, Tally, csv_line, json_line

VERDICTS: Final = "verdicts.jsonl"
TABLE: Final = "verdicts.csv"
SUMMARY: Final = "summary.json"
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
    lost: str = ""
    """crash, timeout or error, where it is not for what the file holds that it has no verdict."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time spent on each stage; journals of version 0.1 hold it within the verdict."""


class Journal:
    """Answers on disk. It takes 8 bytes of memory a file: where its last answer stands.

    A line that a kill has torn is removed. The file of one that a power cut has spoilt counts as
    not judged; with ``retry``, so do files that were lost.
    """

    def __init__(self, file: Path, files: int, retry: bool = False) -> None:
        self.file = file
        self._handle = file.open("a+b", buffering=0)
        self._places, self._end = array("q", [-1]) * files, 0
        with file.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                head = HEAD.match(line)
                sound = line.endswith(b"}\n") and b"\0" not in line
                if head and sound and int(head[1]) < files:
                    again = retry and head[2]
                    self._places[int(head[1])] = -1 if again else self._end
                self._end += len(line)
        self._handle.truncate(self._end)
        self.done = sum(place >= 0 for place in self._places)
        self._synced = time.monotonic()

    def __contains__(self, index: int) -> bool:
        """Whether this file has its answer."""
        return self._places[index] >= 0

    def add(self, answer: Answer) -> None:
        """Write an answer down; a kill at any moment after it does no harm.

        A disk that does not take it is an OutputError.
        """
        parts = {"index": answer.index, "lost": answer.lost, **asdict(answer)}  # begins as `HEAD`
        line = json.dumps(parts, separators=(",", ":")).encode() + b"\n"
        try:
            if self._handle.write(line) != len(line):
                raise OSError("no space left")
            if time.monotonic() - self._synced >= SYNC_EVERY:
                os.fsync(self._handle.fileno())
                self._synced = time.monotonic()
        except OSError as error:
            reason = f"cannot be written ({error.strerror or error})"
            remedy = "Make room, then run the same command again to go on."
            raise OutputError(reason, remedy=remedy, path=self.file) from None
        self.done += self._places[answer.index] < 0
        self._places[answer.index] = self._end
        self._end += len(line)

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


class Listing:
    """Paths with a null byte after each, in a file that can be given to a scan as a list."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __iter__(self) -> Iterator[str]:
        return read_list(self.file) if self.file.exists() else iter(())

    def update(self, find: Callable[[], Iterator[str]], known: str) -> tuple[int, str]:
        """Write down the files that ``find`` gives, new ones at the end; their number and digest.

        ``known`` is the digest of the time before, "" at first.
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


def write_results(answers: Iterable[Answer], about: dict[str, Any], out: Path) -> dict[str, Any]:
    """Write ``verdicts.jsonl``, ``verdicts.csv`` and, last, the summary, each atomically.

    What was measured with a clock stands in the summary alone, so that the other two are the same
    bytes whenever the verdicts are. It is also returned, and begins with ``about``.
    """
    tally, lost = Tally(), Counter[str]()
    with _text(out / VERDICTS) as lines, _text(out / TABLE) as table:
        table.write(f"{','.join(COLUMNS)}\n")
        for answer in answers:
            verdict = dict(answer.verdict)
            seconds = {**(verdict.pop("seconds", None) or {}), **answer.seconds}
            tally.add(verdict["status"], verdict.get("verdict"), seconds)
            lost[answer.lost] += 1
            lines.write(f"{json_line(verdict)}\n")
            table.write(f"{csv_line(verdict)}\n")
    counts = {"lost": {name: n for name, n in sorted(lost.items()) if name}}
    summary = {**about, **tally.to_dict(), **counts}
    write_json(summary, out / SUMMARY)
    return summary


def read_results(out: Path) -> Iterator[dict[str, Any]]:
    """The verdicts of a batch scan as plain data, in the order of its files."""
    with (out / VERDICTS).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    """A text file that is there whole or as it was before."""
    # A name that is no valid text keeps its bytes as \udcXX; in JSON lines they are escaped.
    with (
        atomic_write(path) as partial,
        partial.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        yield file
