"""The scan worker: a scanner in a process of its own, and an answer to every file."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from telltrace.faces.media import Status
from telltrace.inference.verdict import Verdict
from telltrace.pools import Lost, processors, run_jobs

from .journal import Answer

Order = tuple[int, str]
"""Position of a file in the listing, and its path."""


class AnyScanner(Protocol):
    """What judges one file; a verdict has `to_dict` and ``seconds``, as that of a `Scanner`."""

    def scan(self, path: Path, /) -> Any: ...


class Scoring(Protocol):
    """The detectors of forgeries without the rest of a scanner."""

    def score(self, number: int, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """What detector ``number`` says of (B, image_size, image_size, 3) faces, (B,)."""


class SplitScanner(NamedTuple):
    """A scanner in two parts, for two kinds of machines."""

    scanner: Callable[[], AnyScanner]
    """Reads, finds and cuts faces, and has them scored with `telltrace.pools.ask`."""
    scoring: Callable[[], Scoring]
    """Makes what answers."""


class ScanWorker:
    """What a process is sent: it makes a scanner there, then judges file after file."""

    def __init__(self, build: Callable[[], AnyScanner]) -> None:
        self._build = build
        self._scanner: AnyScanner | None = None

    def begin(self) -> None:
        """Make the scanner."""
        self._scanner = self._build()

    def __call__(self, order: Order) -> Answer:
        """Judge a file, whatever it is."""
        assert self._scanner is not None
        index, path = order
        try:
            verdict = self._scanner.scan(Path(path))
            seconds = {stage: round(spent, 4) for stage, spent in verdict.seconds.items()}
            return Answer(index, verdict.to_dict(), seconds=seconds)
        except Exception as error:  # one bad file must not stop the others
            if _machine_failed(error):
                os._exit(1)  # a fresh process may do better
            why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            reason = f"could not be processed ({why})"
            remedy = "Report this file as a defect"
            return Answer(index, _failed(path, Status.UNREADABLE, reason, remedy), "error")


def _machine_failed(error: Exception) -> bool:
    """Whether memory or a GPU failed, and not the reading of a file."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and ("CUDA" in str(error) or "alloc" in str(error))


def lost_answer(order: Order, how: Lost) -> Answer:
    """The answer for a file that took its process with it, or took too long."""
    index, path = order
    if how.why == "timeout":
        reason = f"was not judged within {how.cause}"
        remedy = "Give it more time with --time-limit and --retry"
        return Answer(index, _failed(path, Status.TIMEOUT, reason, remedy), how.why)
    hint = ", as the system does when memory runs out" if how.cause == "SIGKILL" else ""
    reason = f"could not be judged: the decoder crashed ({how.cause}{hint})"
    remedy = "Convert it with another program, or try --retry with fewer workers"
    return Answer(index, _failed(path, Status.UNREADABLE, reason, remedy), how.why)


def _failed(path: str, status: Status, reason: str, remedy: str) -> dict[str, Any]:
    return Verdict(path=Path(path), status=status, reason=reason, remedy=remedy).to_dict()


class Task(NamedTuple):
    """What an engine is given to do."""

    worker: ScanWorker
    """Sent to each process."""
    orders: Iterator[Order]
    """The files."""
    most: int
    """How many they are."""
    workers: int | None
    """Processes; None for one for each processor."""
    time_limit: float
    """Seconds of one file."""
    split: SplitScanner | None = None
    """For a cluster with GPUs."""


def run_processes(task: Task) -> Generator[Answer, None, None]:
    """Judge the files in processes of this machine, in the order in which they are done."""
    jobs = run_jobs(
        task.worker,
        task.orders,
        min(task.workers or processors(), task.most),
        begin=task.worker.begin,
        time_limit=task.time_limit,
        lost=lost_answer,
    )
    with closing(jobs):
        for _, answer in jobs:
            assert answer is not None
            yield answer
