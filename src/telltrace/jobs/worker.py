"""One process of a pool, seen from both ends of its pipe: it begins, works, asks and dies."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, Generic, TypeVar

from .threads import limit_threads

Job = TypeVar("Job")
GRACE: Final = 5.0
"""Seconds beyond the time limit after which a process ends itself, should nobody do it."""
_asking: "tuple[Connection, SimpleQueue[Any]] | None" = None
"""Where a job may ask, in a process that serves."""


class Worker(Generic[Job]):
    """One process and the pipe to it, seen from the parent."""

    def __init__(
        self,
        work: Callable[[Job], object],
        begin: Callable[[], object] | None,
        time_limit: float | None,
    ) -> None:
        context = _context(work)
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(theirs, work, begin, time_limit), daemon=True
        )
        self.process.start()
        theirs.close()  # so that the pipe ends with the process
        self.ready, self.deadline = False, float("inf")
        self.limit = float("inf") if time_limit is None else time_limit
        self.task: tuple[Job, int] | None = None
        """The job that it has, and the number of this attempt at it."""

    def give(self, task: tuple[Job, int]) -> None:
        self.task, self.deadline = task, time.monotonic() + self.limit
        self.tell(task[0])

    def tell(self, content: Any) -> None:
        """Send a job, or an answer."""
        with suppress(BrokenPipeError, ConnectionResetError):  # its death is heard in a moment
            self.pipe.send(content)

    def release(self) -> Job:
        assert self.task is not None
        (job, _), self.task, self.deadline = self.task, None, float("inf")
        return job

    def hear(self) -> tuple[str, Any] | None:
        """What it says; None if it has died or its time is over."""
        try:
            return self.pipe.recv() if self.pipe.poll() else None
        except (EOFError, OSError):
            return None

    def kill(self) -> None:
        self.process.kill()
        self.process.join(GRACE)  # one that hangs within the system is left to it
        self.pipe.close()


def _context(work: Callable[..., object]) -> SpawnContext | ForkServerContext:
    """Where processes come from: forks, quick and small, of a clean one that has imported all."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    where = getattr(work, "func", work).__module__  # a partial's own module is functools
    context.set_forkserver_preload([__name__, where, *getattr(work, "preload", ())])
    return context


def ask(question: Any) -> Any:
    """Within a job: have `Pool(answer=...)` of the process that gave the job answer a question."""
    assert _asking is not None, "ask works within a job of a process that a Pool has started"
    pipe, inbox = _asking
    pipe.send(("question", question))
    return inbox.get()


def _serve(
    pipe: Connection,
    work: Callable[[Any], object],
    begin: Callable[[], object] | None,
    time_limit: float | None,
) -> None:
    """What a process does: begin, then one job after the other until the pipe ends."""
    global _asking
    _settle()
    jobs: SimpleQueue[Any] = SimpleQueue()
    _asking = pipe, jobs
    Thread(target=_listen, args=(pipe, jobs), daemon=True).start()
    try:
        if begin is not None:
            begin()
        pipe.send(("ready", None))
        while True:
            job = jobs.get()
            _alarm(time_limit)
            result = work(job)
            _alarm(None)
            pipe.send(("result", result))
    except Exception as error:
        _alarm(None)
        try:
            pipe.send(("error", error))
        except (TypeError, AttributeError, ValueError):  # what cannot be pickled
            pipe.send(("error", RuntimeError(f"{type(error).__name__}: {error}")))


def _settle() -> None:
    """One thread; interrupts are the parent's; nobody dies before this if memory runs out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_threads(1)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no gigabytes behind


def _listen(pipe: Connection, jobs: "SimpleQueue[Any]") -> None:
    try:
        while True:
            jobs.put(pipe.recv())
    finally:  # the other end was closed, by the parent or its death
        os._exit(1)


def _alarm(time_limit: float | None) -> None:
    """Let the system end this process if a job hangs and the parent has died."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0 if time_limit is None else time_limit + GRACE)
