"""Work spread over processes, in which a crash or a hang costs one job and one process."""

import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import connection
from typing import Any, Final, Generic, Literal, TypeVar

from ..errors import OptionError, check_positive
from .threads import one_thread
from .worker import Worker

Job = TypeVar("Job")
Result = TypeVar("Result")
ATTEMPTS: Final = 2
"""How often a job is tried that takes its process with it: memory may have been short by chance."""
STARTS: Final = 3
"""Processes that may die one after the other before their first job."""


@dataclass(frozen=True)
class Lost:
    """How a job ended that came to no result."""

    why: Literal["crash", "timeout"]
    cause: str
    """What ended the process, such as "SIGSEGV" or "exit code 3"."""


def run_jobs(
    work: Callable[[Job], Result],
    jobs: Iterable[Job],
    workers: int,
    *,
    begin: Callable[[], object] | None = None,
    time_limit: float | None = None,
    lost: Callable[[Job, Lost], Result] | None = None,
) -> Generator[tuple[Job, Result | None], None, None]:
    """Do every job, in no particular order, each on one thread.

    Jobs are taken as they are needed, so there may be any number of them. A job that takes its
    process down with it (a crash in a decoder, memory) twice, or takes longer than ``time_limit``
    seconds, is lost; no other job is. Close the iterator to stop at once; the processes also stop
    when this one is killed. What ``work`` raises is raised here; processes that die one after the
    other before their first job are a RuntimeError.

    Args:
        work: A function of a module, or an object that can be pickled; sent to each process once.
        jobs: What to do.
        workers: Processes; 0 does the jobs in this one, where nothing can be lost or limited.
        begin: Called once in each process before its first job; the time limit leaves it out.
        time_limit: Seconds; None waits for ever.
        lost: Gives the result of a job that was lost; by default None.
    """
    if workers == 0:
        with one_thread():
            if begin is not None:
                begin()
            yield from ((job, work(job)) for job in jobs)
        return
    pool = Pool(work, workers, begin=begin, time_limit=time_limit, lost=lost)
    try:
        yield from pool.run(jobs)
    finally:
        pool.close()


@dataclass(eq=False)
class Pool(Generic[Job, Result]):
    """Processes that stay for several calls of `run`; the arguments are those of `run_jobs`."""

    work: Callable[[Job], Result]
    workers: int
    begin: Callable[[], object] | None = None
    time_limit: float | None = None
    lost: Callable[[Job, Lost], Result] | None = None
    answer: Callable[[Any], Any] | None = None
    """What a job's `ask` gives; called here, while the other processes work on."""
    _processes: list[Worker[Job]] = field(default_factory=list, init=False)
    _deaths: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        check_positive(workers=self.workers)
        if self.time_limit is not None and not self.time_limit > 0:
            raise OptionError(f"time_limit must be positive seconds, got {self.time_limit}.")

    def run(self, jobs: Iterable[Job]) -> Generator[tuple[Job, Result | None], None, None]:
        """Do these jobs; see `run_jobs`."""
        source, waiting = iter(jobs), deque[tuple[Job, int]]()
        try:
            while True:
                ahead = islice(source, max(0, self.workers - len(waiting)))
                waiting.extend((job, 1) for job in ahead)
                self._hand_out(waiting)
                if not waiting and not any(worker.task for worker in self._processes):
                    return
                for worker in self._heard():
                    done = self._take(worker, waiting)
                    self._hand_out(waiting)  # first, since who asked may think for long
                    yield from done
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop every process, whatever it does."""
        for worker in self._processes:
            worker.kill()
        self._processes.clear()

    def _hand_out(self, waiting: deque[tuple[Job, int]]) -> None:
        """Give jobs to the processes that are free, and start processes for the others."""
        for worker in self._processes:
            if waiting and worker.ready and not worker.task:
                worker.give(waiting.popleft())
        starting = sum(not worker.ready for worker in self._processes)
        room = self.workers - len(self._processes)
        if self._deaths:  # one at a time, to see whether it lives
            room = min(room, 1 - starting)
        for _ in range(min(room, len(waiting) - starting)):
            self._processes.append(Worker(self.work, self.begin, self.time_limit))

    def _heard(self) -> list["Worker[Job]"]:
        """The processes that have something to say, have died, or have run out of time."""
        now = time.monotonic()
        timeout = max(0.0, min((w.deadline for w in self._processes), default=now) - now)
        pipes: list[Any] = [worker.pipe for worker in self._processes]
        spoken = connection.wait(pipes, None if timeout == float("inf") else timeout)
        now = time.monotonic()
        return [w for w in self._processes if w.pipe in spoken or w.deadline <= now]

    def _take(
        self, worker: "Worker[Job]", waiting: deque[tuple[Job, int]]
    ) -> list[tuple[Job, Result | None]]:
        """The result that a process tells, if it does; all else that it says is dealt with."""
        match worker.hear():
            case None:
                return self._reap(worker, waiting)
            case ("error", error):
                raise error
            case ("ready", _):
                worker.ready, self._deaths = True, 0
            case ("question", question):
                assert self.answer is not None
                worker.tell(self.answer(question))
            case (_, result):
                return [(worker.release(), result)]
        return []

    def _reap(
        self, worker: "Worker[Job]", waiting: deque[tuple[Job, int]]
    ) -> list[tuple[Job, Result | None]]:
        """Remove a process that has died or must; try its job again, or give it up."""
        late = worker.deadline <= time.monotonic()
        worker.kill()
        self._processes.remove(worker)
        cause = _cause(worker.process.exitcode)
        if not worker.ready:
            self._deaths += 1
        if self._deaths >= STARTS:
            raise RuntimeError(
                f"{STARTS} processes in a row ended before their first job ({cause}). "
                "There may be too little memory for them: use fewer workers. Or they import your "
                'script: put what starts them below `if __name__ == "__main__":`.'
            )
        if worker.task is None:
            return []
        (job, attempt), how = worker.task, Lost("crash", cause)
        if late or cause == "SIGALRM":
            how = Lost("timeout", f"{self.time_limit:g} s")
        elif attempt < ATTEMPTS:
            waiting.appendleft((job, attempt + 1))
            return []
        return [(job, None if self.lost is None else self.lost(job, how))]


def _cause(exit_code: int | None) -> str:
    """What ended a process."""
    if exit_code is not None and exit_code < 0:
        with suppress(ValueError):
            return signal.Signals(-exit_code).name
    return f"exit code {exit_code}"
