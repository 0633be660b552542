"""The parts of one running service, and how an upload becomes a job."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from .changes import Changes
from .database import Database
from .detectors import describe_detectors
from .engines import Engines, prepare_engines
from .folders import Folders
from .guard import Client, Rate
from .judges import Judges
from .keys import Keyring
from .monitor import Monitor
from .problems import Problem
from .settings import ServeSettings
from .store import Job, Store
from .upload import Received, receive, store_bytes

RETRY_SECONDS: Final = 5.0
LOOK_EVERY: Final = 1.0
"""Seconds between looks at a job, which another process may have changed."""
ALIVE_EVERY: Final = 15.0
"""Seconds after which a stream of events says that it is still there."""


class Service:
    """A service that judges as soon as its `judges` are started.

    Args:
        settings: All it is told.
        engines: What judges; by default as the settings say.
    """

    def __init__(self, settings: ServeSettings, engines: Engines | None = None) -> None:
        self.settings = settings
        self.detectors = describe_detectors(settings.checkpoint, settings.scan)
        self.database = Database(settings)
        self.store = Store(self.database, settings.keep_hours * 3600)
        self.keyring, self.rate = Keyring(self.database), Rate(settings.uploads_per_minute)
        self.folders, self.changes = Folders(settings.data), Changes()
        self.monitor, self.uploading = Monitor(settings.log_names), 0
        self.judges = Judges(
            settings,
            engines or prepare_engines(settings),
            self.store,
            self.folders,
            self.changes,
            self.monitor,
        )

    async def take(self, request: Request, client: Client, name: str | None, sync: bool) -> Job:
        """Receive the upload in a request and have it wait for its turn."""
        async with self._place(client):
            received = await receive(request, name, self.folders, self.settings)
            return await run_in_threadpool(self._enqueue, client, received, sync)

    async def take_bytes(self, content: bytes, client: Client, name: str) -> Job:
        """Have a file of the service's own wait for its turn."""
        async with self._place(client):
            received = await run_in_threadpool(store_bytes, content, name, self.folders)
            return await run_in_threadpool(self._enqueue, client, received, sync=False)

    @asynccontextmanager
    async def _place(self, client: Client) -> AsyncIterator[None]:
        """Count an upload that is under way, in the thread of the event loop alone."""
        self.rate.count(client.id)
        if self.uploading >= self.settings.max_uploads:
            detail = f"{self.uploading} uploads are under way"
            raise Problem("too-many-uploads", detail, RETRY_SECONDS)
        self.uploading += 1
        try:
            await run_in_threadpool(self._admit, client)
            yield
        finally:
            self.uploading -= 1

    def _admit(self, client: Client) -> None:
        """Refuse an upload for which there is no room, or that its key may not send."""
        waiting = self.store.waiting()
        if waiting + self.uploading > self.settings.max_waiting:
            raise Problem("queue-full", f"{waiting} jobs are waiting", RETRY_SECONDS)
        if client.key:
            self.keyring.use(client.key)

    def _enqueue(self, client: Client, received: Received, sync: bool) -> Job:
        try:
            job = self.store.add(client=client.id, sync=sync, **vars(received))
        except BaseException:
            self.folders.drop(received.id)
            raise
        self.monitor.received(job)
        self.judges.tell()
        return job

    async def follow(self, job_id: str) -> AsyncIterator[Job | None]:
        """The job whenever it may have changed, until it is over; None once it is deleted."""
        with self.changes.watching(job_id) as wait:
            while True:
                try:
                    job = await run_in_threadpool(self.store.find, job_id)
                except Problem as problem:
                    if problem.kind != "not-found":
                        raise
                    yield None
                    return
                yield job
                if job.is_over:
                    return
                await wait(LOOK_EVERY)

    async def wait(self, job: Job) -> Job:
        """The job when it is over; a Problem if somebody deletes it before."""
        async for now in self.follow(job.id):
            if now is None:
                raise Problem("cancelled", "the job was deleted")
            job = now
        return job

    async def events(self, job: Job) -> AsyncIterator[str]:
        """Each change of a job as a server-sent event."""
        said, when = "", time.monotonic()
        async for now in self.follow(job.id):
            plain = (now or job).to_dict()
            text = json.dumps(plain if now else {**plain, "state": "cancelled"})
            if text != said:
                yield f"event: job\ndata: {text}\n\n"
            elif time.monotonic() - when > ALIVE_EVERY:
                yield ": alive\n\n"
            else:
                continue
            said, when, job = text, time.monotonic(), now or job

    def delete(self, job_id: str) -> None:
        """Forget a job and all of it; whoever judges it stops."""
        self.store.remove(job_id)
        self.folders.drop(job_id)
        self.changes.tell(job_id)

    def close(self) -> None:
        """Stop judging and let go of the database."""
        self.judges.stop()
        self.database.close()
