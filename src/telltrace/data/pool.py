"""Work spread over processes that survive a crash of one, and that die with their parent."""

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from typing import TypeVar

import cv2
import torch

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_jobs(
    work: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Generator[tuple[Job, Result | None], None, None]:
    """Do every job, in no particular order, each on one thread.

    A job that takes its process down with it (a crash in a decoder, memory) is given back with
    None in place of a result; the other jobs that were lost with it are done again. Close the
    iterator to stop at once; the processes also stop when this one is killed.

    Args:
        work: A function of a module, since it is named and not sent to the processes.
        jobs: What to do.
        workers: Processes; 0 does the jobs in this one.
    """
    if workers == 0:
        with _one_thread():
            yield from ((job, work(job)) for job in jobs)
        return
    waiting = deque(jobs)
    while waiting:
        suspects: list[Job] = []
        yield from _run_until_crash(work, waiting, workers, suspects)
        for job in suspects:
            alone: deque[Job] = deque([job])
            guilty: list[Job] = []
            yield from _run_until_crash(work, alone, 1, guilty)
            yield from ((job, None) for job in guilty)


def _run_until_crash(
    work: Callable[[Job], Result], waiting: deque[Job], workers: int, suspects: list[Job]
) -> Generator[tuple[Job, Result | None], None, None]:
    """Take jobs from ``waiting`` until none is left or a process dies; then name the suspects."""
    running: dict[Future[Result], Job] = {}
    with _processes(min(workers, len(waiting))) as pool:
        while running or (waiting and not suspects):
            while waiting and not suspects and len(running) < 2 * workers:
                try:
                    running[pool.submit(work, waiting[0])] = waiting[0]
                except BrokenProcessPool:
                    suspects.append(waiting[0])
                waiting.popleft()
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    suspects.append(job)
                else:
                    yield job, result


@contextmanager
def _processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes; a pipe that this one holds open is what keeps them alive."""
    context = get_context("spawn")
    alive, keep_alive = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_enter_process, initargs=(alive,)
    )
    try:
        yield pool
    except BaseException:
        keep_alive.close()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        keep_alive.close()
        alive.close()


def _enter_process(alive: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    torch.set_num_threads(1)
    cv2.setNumThreads(1)

    def leave_with_parent() -> None:
        alive.poll(None)  # returns when the other end is closed, by the parent or its death
        os._exit(1)

    Thread(target=leave_with_parent, daemon=True).start()


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread here too, since the number of threads moves the last digit of a sum."""
    threads, cv2_threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        cv2.setNumThreads(cv2_threads)
