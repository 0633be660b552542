"""The scan worker: a scanner in a process of its own, and an answer to every file.

In a cluster with GPUs it is in two parts: processors find and cut faces, and GPUs score them.
"""

import itertools
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from telltrace.checkpoint import Card, Detector, Ensemble, load_detector, read_card
from telltrace.checkpoint.detector import Judged
from telltrace.faces.media import Status
from telltrace.files import file_sha256
from telltrace.inference import Scanner, choose_device
from telltrace.inference.pictures import keep_shown_maps
from telltrace.inference.verdict import Verdict
from telltrace.jobs.pool import Lost, run_jobs
from telltrace.jobs.threads import processors
from telltrace.jobs.worker import ask

from .journal import Answer

Order = tuple[Any, ...]
"""Position of a file in the listing, its path, and what else a worker of its own may want."""


class SplitScanner(NamedTuple):
    """A scanner in two parts, for two kinds of machines."""

    scanner: Callable[[], Any]
    """Reads, finds and cuts faces, and has them scored with `telltrace.jobs.worker.ask`."""
    scoring: Callable[[], Any]
    """Makes what answers, with a method as `ScoringServer.score`."""


@dataclass
class ScanWorker:
    """What a process is sent: it makes a scanner there, then judges file after file."""

    build: Callable[[], Any]
    preload: Sequence[str] = ()
    """Modules to import once, in the process that others are forks of."""
    scanner: Any = None

    def begin(self) -> None:
        """Make the scanner."""
        self.scanner = self.build()

    def __call__(self, order: Order) -> Answer:
        """Judge a file, whatever it is."""
        index, *_ = order
        try:
            verdict = self.scan(order)
            seconds = {stage: round(spent, 4) for stage, spent in verdict.seconds.items()}
            few = keep_shown_maps(verdict) if isinstance(verdict, Verdict) else verdict
            return Answer(index, few.to_dict(), seconds=seconds)
        except Exception as error:  # one bad file must not stop the others
            if _machine_failed(error):
                os._exit(1)  # a fresh process may do better
            why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            reason = f"could not be processed ({why})"
            return failed(order, "error", reason, "Report this file as a defect")

    def scan(self, order: Order) -> Any:
        """The verdict on a file."""
        return self.scanner.scan(Path(order[1]))


def _machine_failed(error: Exception) -> bool:
    """Whether memory or a GPU failed, and not the reading of a file."""
    known = isinstance(error, RuntimeError) and ("CUDA" in str(error) or "alloc" in str(error))
    return known or isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def lost_answer(order: Order, how: Lost) -> Answer:
    """The answer for a file that took its process with it, or took too long."""
    if how.why == "timeout":
        reason = f"was not judged within {how.cause}"
        return failed(order, how.why, reason, "Give it more time with --time-limit and --retry")
    hint = ", as the system does when memory runs out" if how.cause == "SIGKILL" else ""
    reason = f"could not be judged: the decoder crashed ({how.cause}{hint})"
    remedy = "Convert it with another program, or try --retry with fewer workers"
    return failed(order, how.why, reason, remedy)


def failed(
    order: Order, lost: str, reason: str, remedy: str, status: Status | None = None
) -> Answer:
    """The answer for a file that was lost; by default it counts as unreadable, or as too slow."""
    status = status or (Status.TIMEOUT if lost == "timeout" else Status.UNREADABLE)
    verdict = Verdict(path=Path(order[1]), status=status, reason=reason, remedy=remedy)
    return Answer(order[0], verdict.to_dict(), lost)


class Task(NamedTuple):
    """What an engine is given to do, in so many ``workers`` or in one for each processor."""

    worker: ScanWorker
    orders: Iterator[Order]
    most: int
    """How many files they are."""
    workers: int | None
    time_limit: float
    """Seconds of one file."""
    split: SplitScanner | None = None
    """For a cluster with GPUs."""


def run_processes(task: Task) -> Generator[Answer, None, None]:
    """Judge the files in processes of this machine, in the order in which they are done."""
    work, count = task.worker, min(task.workers or processors(), task.most)
    jobs = run_jobs(
        work, task.orders, count, begin=work.begin, time_limit=task.time_limit, lost=lost_answer
    )
    with closing(jobs):
        for _, answer in jobs:
            assert answer is not None
            yield answer


class RemoteDetector(Detector):
    """A detector's card; its network ``number`` is asked to judge, within a job of a pool."""

    def __init__(self, card: Card, number: int) -> None:
        super().__init__(None, card)
        self.number = number

    def judge_resized(self, images: Any) -> Judged:
        """As that of a `Detector`."""
        judged: Judged = ask((self.number, np.asarray(images)))
        return judged


class ScoringServer:
    """The networks that answer them, on a GPU if there is one."""

    def __init__(self, paths: Sequence[Path], precision: Any) -> None:
        device = choose_device("auto")
        detectors = [load_detector(path, device, precision) for path in paths]
        self.networks = [network for detector in detectors for network in detector.members]

    def score(self, number: int, images: NDArray[np.uint8]) -> Judged:
        """What network ``number`` says of (B, image_size, image_size, 3) faces."""
        return self.networks[number].judge_resized(images)


def split_scanner(paths: Sequence[Path], settings: dict[str, Any]) -> SplitScanner:
    """A scanner in two parts, each ready to be sent to where it works."""
    server = partial(ScoringServer, paths, settings.get("precision", "float32"))
    return SplitScanner(partial(_remote_scanner, paths, settings), server)


def _remote_scanner(paths: Sequence[Path], settings: dict[str, Any]) -> Scanner:
    remote: list[Detector] = []
    count = itertools.count()
    for path in paths:
        card = read_card(path)
        parts = [RemoteDetector(one, next(count)) for one in card.members or (card,)]
        remote.append(Ensemble(parts, card) if card.members else parts[0])
        remote[-1].sha256 = file_sha256(path)
    return Scanner(remote, device="cpu", **settings)
