"""How long a scan of one file takes, how far it is, and when its time is up."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from telltrace.faces.follow import are_apart
from telltrace.faces.media import Frame, Frames, MediaError, Status

SHORT: Final = 2
"""Frames in a list where each frame is searched for faces by itself."""


class Stopwatch:
    """Counts the time of each stage of one scan, which is given up after ``limit`` seconds."""

    def __init__(
        self,
        path: Path,
        limit: float | None,
        progress: Callable[[int, int], object] | None,
        stages: Callable[[str], object] | None = None,
    ) -> None:
        self.path, self.limit, self.progress, self.stages = path, limit, progress, stages
        self.start = time.monotonic()
        self.spent = dict.fromkeys(("read", "detect", "score"), 0.0)
        self._read = 0

    def check(self) -> None:
        """Raise a MediaError when the time is up."""
        if self.limit is not None and time.monotonic() - self.start > self.limit:
            reason = f"was not judged within {self.limit:g} s"
            remedy = "Look at fewer frames with --frames, or allow more with --time-limit"
            raise MediaError(self.path, reason, remedy, Status.TIMEOUT)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time that a block takes to a stage."""
        if self.stages is not None:
            self.stages(name)
        start = time.perf_counter()
        yield
        self.spent[name] += time.perf_counter() - start

    def chunks(self, frames: Frames, size: int, expected: int) -> Iterator[list[Frame]]:
        """Frames in lists of at most ``size``; the time they take to come counts as reading.

        Lists of frames between which no face is followed have `SHORT`: their faces are searched for
        while the next frames are decoded.
        """
        iterator = iter(frames)
        while True:
            chunk: list[Frame] = []
            with self.stage("read"):
                for frame in itertools.islice(iterator, size):
                    chunk.append(frame)
                    self._read += 1
                    if self.progress is not None:
                        self.progress(self._read, max(self._read, expected))
                    if len(chunk) >= SHORT and are_apart(chunk):
                        break
            if not chunk:
                return
            yield chunk
