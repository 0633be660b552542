"""The work of one process in a scan of many: a scanner, and an answer to every file."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from telltrace.faces.media import Status
from telltrace.pools import Lost, processors, run_jobs

from .journal import Answer
from .verdict import FileVerdict

Order = tuple[int, str]
"""Position of a file in the listing, and its path."""


class Verdict(Protocol):
    """What a scanner says of a file."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data; the key ``seconds``, if there is one, holds times and is kept apart."""


class Scanner(Protocol):
    """What judges one file."""

    def scan(self, path: Path) -> Verdict:
        """Judge a file."""


class Model(Protocol):
    """The detectors of forgeries without the rest of a scanner."""

    def score(self, number: int, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """What detector ``number`` says of (B, image_size, image_size, 3) faces, (B,)."""


class Parts(NamedTuple):
    """A scanner in two parts, for two kinds of machines."""

    scanner: Callable[[], Scanner]
    """Reads, finds and cuts faces, and has them scored with `telltrace.pools.ask`."""
    model: Callable[[], Model]
    """Makes what answers."""


class FileJudge:
    """What a process is sent: it makes a scanner there, then judges file after file."""

    def __init__(self, build: Callable[[], Scanner]) -> None:
        self._build = build
        self._scanner: Scanner | None = None

    def begin(self) -> None:
        """Make the scanner."""
        self._scanner = self._build()

    def __call__(self, order: Order) -> Answer:
        """Judge a file, whatever it is."""
        assert self._scanner is not None
        index, path = order
        try:
            return Answer(index, self._scanner.scan(Path(path)).to_dict())
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


def lose(order: Order, how: Lost) -> Answer:
    """The answer for a file that took its process with it, or took too long."""
    index, path = order
    if how.why == "timeout":
        reason = f"was not judged within {how.cause}"
        remedy = "Give it more time with --time-limit and --retry"
        verdict = _failed(path, Status.TIMEOUT, reason, remedy)
    else:
        hint = ", as the system does when memory runs out" if how.cause == "SIGKILL" else ""
        reason = f"could not be judged: the decoder crashed ({how.cause}{hint})"
        remedy = "Convert it with another program, or try --retry with fewer workers"
        verdict = _failed(path, Status.UNREADABLE, reason, remedy)
    return Answer(index, verdict, how.why)


def _failed(path: str, status: Status, reason: str, remedy: str) -> dict[str, Any]:
    return FileVerdict.failed(Path(path), status, reason, remedy).to_dict()


class Task(NamedTuple):
    """What an engine is given to do."""

    judge: FileJudge
    """Sent to each process."""
    orders: Iterator[Order]
    """The files."""
    most: int
    """How many they are."""
    workers: int | None
    """Processes; None for one for each processor."""
    time_limit: float
    """Seconds of one file."""
    parts: Parts | None = None
    """For a cluster with GPUs."""


def run_processes(task: Task) -> Generator[Answer, None, None]:
    """Judge the files in processes of this machine, in the order in which they are done."""
    judge, crew = task.judge, min(task.workers or processors(), task.most)
    limit = task.time_limit
    jobs = run_jobs(judge, task.orders, crew, begin=judge.begin, time_limit=limit, lost=lose)
    with closing(jobs):
        for _, answer in jobs:
            assert answer is not None
            yield answer
