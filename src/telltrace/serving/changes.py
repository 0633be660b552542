"""Who waits for a job hears at once that it has changed."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock

Wait = Callable[[float], Awaitable[None]]
"""Waits for the next change, so many seconds at most."""
Watcher = tuple[asyncio.AbstractEventLoop, asyncio.Event]


class Changes:
    """Changes of jobs, told from any thread of this process.

    Those that another process makes are not told: who waits looks again now and then.
    """

    def __init__(self) -> None:
        self._lock, self._watchers = Lock(), defaultdict[str, set[Watcher]](set)

    def tell(self, job_id: str) -> None:
        """Say that a job has changed."""
        with self._lock:
            watchers = tuple(self._watchers.get(job_id, ()))
        for loop, changed in watchers:
            with suppress(RuntimeError):  # its loop has ended, and who waited with it
                loop.call_soon_threadsafe(changed.set)

    @contextmanager
    def watching(self, job_id: str) -> Iterator[Wait]:
        """Hear of every change from now on; begin before looking at the job."""
        changed = asyncio.Event()
        watcher = asyncio.get_running_loop(), changed
        with self._lock:
            self._watchers[job_id].add(watcher)

        async def wait(seconds: float) -> None:
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), seconds)
            changed.clear()

        try:
            yield wait
        finally:
            with self._lock:
                self._watchers[job_id].discard(watcher)
                if not self._watchers[job_id]:
                    del self._watchers[job_id]
