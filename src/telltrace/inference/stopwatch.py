"""How long a scan of one file takes, how far it is, and when its time is up."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from telltrace.faces.detect import FEW
from telltrace.faces.follow import are_apart
from telltrace.faces.media import Frame, Frames, MediaError, Status


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
        """Frames in lists of at most one size; the time they take to come counts as reading.

        Lists of frames so far apart that faces are not followed between them are short, so that
        their faces are searched for while the next frames are decoded.
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
                    if len(chunk) >= FEW and are_apart(chunk):
                        break
            if not chunk:
                return
            yield chunk
