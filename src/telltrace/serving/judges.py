"""The judges: threads that each take one job after the other and have an engine judge it."""

import secrets
import time
from collections.abc import Callable
from contextlib import closing, suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, Final

from telltrace.batch.journal import Answer
from telltrace.inference.formats import json_line

from .changes import Changes
from .engines import Engine, Engines
from .folders import Folders
from .judging import READY, Upload
from .monitor import Monitor
from .problems import LOST, Problem
from .settings import ServeSettings
from .store import ATTEMPTS, LEASE, Job, Store

LOOK_EVERY: Final = 0.5
"""Seconds between looks for jobs that another process has taken in."""
TIDY_EVERY: Final = 30.0
"""Seconds between looks for results that have expired."""


class Judges:
    """All judging of a service, from `start` to `stop`.

    Args:
        settings: How to judge.
        engines: What judges.
        store: Where the jobs are.
        folders: Where the uploads are.
        changes: Is told of each change of a job.
        monitor: Is told what became of them.
    """

    def __init__(
        self,
        settings: ServeSettings,
        engines: Engines,
        store: Store,
        folders: Folders,
        changes: Changes,
        monitor: Monitor,
    ) -> None:
        self.settings, self.engines, self.store = settings, engines, store
        self.folders, self.changes, self.monitor = folders, changes, monitor
        self.owner = secrets.token_hex(16)
        self.ready = Event()
        """Whether an engine is ready to judge."""
        self._stopping, self._news = Event(), SimpleQueue[None]()
        self._threads: list[Thread] = []
        self._held: set[str] = set()
        """Jobs that are judged now."""

    def start(self) -> None:
        """Begin; the engines get ready one after the other after this has returned."""
        for _ in range(self.engines.count):
            self._begin(self._work)
        self._begin(self._watch)

    def stop(self) -> None:
        """End; what is not judged yet is for the next start."""
        self._stopping.set()
        self.store.release(self.owner)
        for _ in self._threads:
            self.tell()  # who waits for a job need not wait on
        for thread in self._threads:
            thread.join(LOOK_EVERY + 0.5)
        self.store.release(self.owner)
        self.engines.end()

    def tell(self) -> None:
        """Say that a job has come."""
        self._news.put(None)

    def _begin(self, work: Callable[[], None]) -> None:
        thread = Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        """What a thread does until the end."""
        while not self._stopping.is_set():
            try:
                with closing(self.engines.make(self._advance)) as engine:
                    engine.judge(READY)
                    self.ready.set()
                    while not self._stopping.is_set():
                        self._next(engine)
            except Exception as error:  # of the database or the machine: another moment may do
                self.monitor.error("judging was interrupted", error)
                self._stopping.wait(1.0)

    def _next(self, engine: Engine) -> None:
        job = self.store.claim(self.owner)
        if job is None:
            with suppress(Empty):
                self._news.get(timeout=LOOK_EVERY)
            return
        self._held.add(job.id)
        try:
            self._judge(job, engine)
        except Problem:  # of the database; after anything else its lease runs out, and it counts
            self.store.release(self.owner, job.id)
            raise
        finally:
            self._held.discard(job.id)

    def _judge(self, job: Job, engine: Engine) -> None:
        if not job.sync:  # who waits for that asks for its end alone
            self.changes.tell(job.id)
        if job.attempts > ATTEMPTS:
            problem = Problem("crashed", "the service failed again and again while it was judged")
            self._end(job, None, problem)
        else:
            self._conclude(job, engine.judge(self._upload(job)))

    def _upload(self, job: Job) -> Upload:
        limit = self.settings.sync_seconds if job.sync else self.settings.max_seconds
        path = str(self.folders.media(job.id))
        return Upload(0, path, job.id, job.name, job.sync, self.settings.max_pixels, limit)

    def _conclude(self, job: Job, answer: Answer) -> None:
        """Write the verdict down, under the name that the client gave."""
        if answer.lost == "cancelled":
            self._forget(job)
            return
        path, said = str(self.folders.media(job.id)), str(answer.verdict["reason"])
        verdict = {**answer.verdict, "path": job.name, "reason": said.replace(path, "the upload")}
        problem = None
        if answer.lost:
            problem = Problem(LOST[answer.lost], f"the file {verdict['reason']}")
        self._end(job, verdict, problem)

    def _end(self, job: Job, verdict: dict[str, Any] | None, problem: Problem | None) -> None:
        line = verdict and json_line(verdict)
        if self.store.finish(job.id, self.owner, line or None, problem):
            self.monitor.judged(job, verdict["status"] if verdict else "", problem)
            self.folders.drop_media(job.id)
        else:
            self._forget(job)
        self.changes.tell(job.id)

    def _forget(self, job: Job) -> None:
        """Delete what was drawn of a job that was deleted while it was judged."""
        if job.id not in self.store.states():
            self.folders.drop(job.id)

    def _advance(self, told: tuple[str, str, float]) -> bool:
        """Note how far a job is; whether anybody still wants it."""
        job_id, stage, share = told
        goes_on = self.store.advance(job_id, self.owner, stage, share)
        self.changes.tell(job_id)
        return goes_on and not self._stopping.is_set()

    def _watch(self) -> None:
        """Say now and then that this service lives, and delete what has expired."""
        tidied = 0.0
        while not self._stopping.wait(LEASE / 4):
            try:
                self.store.hold(self.owner, tuple(self._held))
                if time.monotonic() - tidied > TIDY_EVERY:
                    tidied = time.monotonic()
                    self.tidy()
            except Exception as error:
                self.monitor.error("results could not be tidied", error)

    def tidy(self) -> None:
        """Delete results that have expired, and what a kill has left."""
        for job_id in self.store.expired():
            self.folders.drop(job_id)
            self.store.remove(job_id)
        self.folders.tidy(self.store.states())
