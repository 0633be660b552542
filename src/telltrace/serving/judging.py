"""What a judging process does with an upload: check, judge, and draw what will be looked at."""

import time
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from PIL import Image

from telltrace.batch.journal import Answer
from telltrace.batch.worker import Order, ScanWorker, failed
from telltrace.errors import MediaError, OutputError
from telltrace.faces.image import FORMATS
from telltrace.faces.media import Status
from telltrace.faces.packets import opened
from telltrace.inference import Verdict
from telltrace.jobs.worker import ask

from .drawing import draw_results

MEDIA: Final = "media"
"""Name of the upload in the folder of its job."""
STAGES: Final = {"read": "reading", "detect": "finding faces", "score": "judging"}
"""What the stages of a scan are called."""
DRAWING: Final = 0.9
"""Share of the work after which pictures are drawn."""
EVERY: Final = 0.2
"""Seconds between two reports of progress."""


class Upload(NamedTuple):
    """What a process is given; it begins as an `Order` does."""

    number: int
    """0, or -1 for nothing at all, which shows that the process is ready."""
    path: str
    job: str
    name: str
    """What the client calls it; no file's."""
    sync: bool
    """Whether the client waits: nothing is drawn."""
    max_pixels: int
    max_seconds: float


READY: Final = Upload(-1, "", "", "", True, 0, 0.0)


class Cancelled(BaseException):
    """The job was deleted; no Exception, so that nothing takes it for a fault of the file."""


@dataclass
class UploadWorker(ScanWorker):
    """A `ScanWorker` that keeps to limits, tells how far it is, and draws.

    ``memory`` is how many bytes it may take beyond what its models do, 0 for any number; ``tells``
    says whether the process that gave the job answers `ask` with whether to go on.
    """

    memory: int = 0
    tells: bool = True
    _told: float = field(default=0.0, init=False)

    def begin(self) -> None:
        """Make the scanner, and then limit memory."""
        super().begin()
        if self.memory:
            limit_memory(self.memory)

    def __call__(self, order: Order) -> Answer:
        """Judge an upload, whatever it is."""
        assert isinstance(order, Upload)
        if order.number < 0:
            return Answer(order.number, {})
        try:
            return refuse(order) or super().__call__(order)
        except Cancelled:
            return Answer(order.number, {}, "cancelled")

    def scan(self, order: Order) -> Any:
        """The verdict, after its pictures were drawn."""
        assert isinstance(order, Upload)
        share = 0.0

        def read(done: int, expected: int) -> None:
            nonlocal share
            share = max(share, done / expected)

        def stage(name: str) -> None:
            self._tell(order.job, STAGES[name], DRAWING * share)

        path = Path(order.path)
        verdict: Verdict = self.scanner.scan(path, progress=read, stages=stage)
        if not order.sync:
            self._tell(order.job, "drawing", DRAWING)
            with suppress(OutputError):  # a full disk takes the pictures and leaves the verdict
                draw_results(verdict, self.scanner, path.parent, order.name)
        return verdict

    def _tell(self, job: str, stage: str, share: float) -> None:
        now = time.monotonic()
        if not self.tells or now - self._told < EVERY:
            return
        self._told = now
        if not ask((job, stage, share)):
            raise Cancelled


def limit_memory(more: int) -> None:
    """Let this process have so many bytes more than now; the next ones are a MemoryError."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        fields = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
        )
        now = int(fields["VmData"].split()[0]) * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (now + more, now + more))


def refuse(upload: Upload) -> Answer | None:
    """The answer for a file that says it is beyond the limits; nothing of it is decoded."""
    found = declared_extent(Path(upload.path))
    if found is None:
        return None
    pixels, seconds = found
    if pixels > upload.max_pixels:
        reason = f"has more than {upload.max_pixels:,} pixels"
        return failed(upload, "too-many-pixels", reason, "Shrink it", Status.UNSUPPORTED)
    if seconds > upload.max_seconds:
        reason = f"lasts {seconds:.1f} s, longer than {upload.max_seconds:g} s"
        kind = "use-jobs" if upload.sync else "too-long"
        return failed(upload, kind, reason, "Send a part of it", Status.UNSUPPORTED)
    return None


def declared_extent(path: Path) -> tuple[float, float] | None:
    """Pixels and seconds that the head of a file claims; None if it has none that can be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as picture:
                return picture.width * picture.height, 0.0
    except Image.DecompressionBombError:
        return float("inf"), 0.0
    except Exception:  # no picture, or a damaged head: the scan says what it is
        pass
    with suppress(MediaError), opened(path) as (container, stream):
        length = container.duration
        return stream.width * stream.height, (length or 0) / 1_000_000
    return None
