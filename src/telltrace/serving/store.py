"""Jobs in the database: each is claimed by one process at a time, and ends once."""

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from .database import JOBS, Database
from .problems import Problem

LEASE: Final = 15.0
"""Seconds after which a job counts as given up whose owner was not heard of."""
ATTEMPTS: Final = 3
"""How often a job is begun that takes the whole service down with it."""
SYNC_KEPT: Final = 60.0
"""Seconds after which the verdict of /v1/scan goes that a kill has left: nobody can ask for it."""
OPEN: Final = ("queued", "running")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A row of the table of jobs; moments are seconds since 1970, UTC."""

    id: str
    client: str
    """The key or the address that sent it."""
    state: str
    created: float
    started: float | None
    finished: float | None
    expires: float | None
    stage: str
    share: float
    name: str
    bytes: int
    sha256: str
    sync: bool
    """Whether the client waits for it: no report and no pictures are drawn."""
    owner: str | None
    """The process that judges it."""
    lease: float | None
    """Until when its owner has it."""
    attempts: int
    verdict: str | None
    """A line of JSON."""
    problem: str | None

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more."""
        return self.state not in OPEN

    def to_dict(self) -> dict[str, Any]:
        """As the API shows it."""
        moments = {k: moment(getattr(self, k)) for k in ("created", "started", "finished")}
        return {
            "id": self.id,
            "state": self.state,
            **moments,
            "expires": moment(self.expires),
            "progress": {"stage": self.stage, "share": round(self.share, 3)},
            "file": {"name": self.name, "bytes": self.bytes, "sha256": self.sha256},
            "verdict": json.loads(self.verdict) if self.verdict else None,
            "problem": json.loads(self.problem) if self.problem else None,
        }


def moment(seconds: float | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond."""
    if seconds is None:
        return None
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


class Store:
    """Jobs as a service needs them.

    Args:
        database: Where they are.
        keep_seconds: How long a job is kept that is over.
    """

    def __init__(self, database: Database, keep_seconds: float) -> None:
        self.database, self.keep_seconds = database, keep_seconds

    def add(self, **values: Any) -> Job:
        """A new job that waits: ``id``, ``client``, ``name``, ``bytes``, ``sha256``, ``sync``."""
        empty = dict.fromkeys(column.name for column in JOBS.columns)
        start = {"created": time.time(), "stage": "waiting", "share": 0.0, "attempts": 0}
        job = Job(**{**empty, **start, "state": "queued", **values})
        with self.database.writing() as to:
            to.execute(sa.insert(JOBS).values(**vars(job)))
        return job

    def find(self, job_id: str, client: str | None = None) -> Job:
        """A job of this client, or of anybody; a Problem if there is none."""
        query = sa.select(JOBS).where(JOBS.c.id == job_id)
        if client is not None:
            query = query.where(JOBS.c.client == client)
        with self.database.reading() as of:
            row = of.execute(query).mappings().first()
        if row is None:
            raise Problem("not-found", "there is no such job")
        return Job(**row)

    def claim(self, owner: str) -> Job | None:
        """The job that has waited longest, or whose owner has died, is now this owner's."""
        now = time.time()
        is_free = (JOBS.c.state == "queued") | ((JOBS.c.state == "running") & (JOBS.c.lease < now))
        oldest = sa.select(JOBS.c.id).where(is_free).order_by(JOBS.c.created).limit(1)
        with self.database.reading() as of:
            if of.execute(oldest).first() is None:  # most of the time; a writer would lock
                return None
        taken = (
            sa.update(JOBS)
            .where(JOBS.c.id == oldest.with_for_update(skip_locked=True).scalar_subquery())
            .values(
                state="running",
                started=sa.func.coalesce(JOBS.c.started, now),
                owner=owner,
                lease=now + LEASE,
                attempts=JOBS.c.attempts + 1,
                stage="reading",
            )
            .returning(*JOBS.c)
        )
        with self.database.writing() as to:
            row = to.execute(taken).mappings().first()
        return None if row is None else Job(**row)

    def advance(self, job_id: str, owner: str, stage: str, share: float) -> bool:
        """Note how far a job is; whether it is still this owner's."""
        return self._change(job_id, owner, {"stage": stage, "share": share})

    def finish(self, job_id: str, owner: str, verdict: str | None, problem: Problem | None) -> bool:
        """End a job, once: whether it was still this owner's."""
        now = time.time()
        news: dict[str, Any] = {
            "state": "failed" if problem else "done",
            "finished": now,
            "expires": now + sa.case((JOBS.c.sync, SYNC_KEPT), else_=self.keep_seconds),
            "stage": "done",
            "share": 1.0,
            "owner": None,
            "verdict": verdict,
            "problem": problem and json.dumps(problem.to_dict()),
        }
        return self._change(job_id, owner, news)

    def _change(self, job_id: str, owner: str, news: Mapping[str, Any]) -> bool:
        mine = (JOBS.c.id == job_id) & (JOBS.c.owner == owner) & (JOBS.c.state == "running")
        with self.database.writing() as to:
            return to.execute(sa.update(JOBS).where(mine).values(**news)).rowcount == 1

    def hold(self, owner: str, job_ids: Collection[str]) -> None:
        """Say that this owner is still at these jobs."""
        mine = (JOBS.c.owner == owner) & JOBS.c.id.in_(job_ids)
        with self.database.writing() as to:
            to.execute(sa.update(JOBS).where(mine).values(lease=time.time() + LEASE))

    def release(self, owner: str, job_id: str | None = None) -> None:
        """Give back one or all jobs of this owner, as if they had not been begun."""
        mine = (JOBS.c.owner == owner) & (JOBS.c.state == "running")
        if job_id is not None:
            mine &= JOBS.c.id == job_id
        news = {"state": "queued", "owner": None, "stage": "waiting", "share": 0.0}
        back = sa.update(JOBS).where(mine).values(**news, attempts=JOBS.c.attempts - 1)
        with self.database.writing() as to:
            to.execute(back)

    def remove(self, job_id: str) -> None:
        """Forget a job."""
        with self.database.writing() as to:
            to.execute(sa.delete(JOBS).where(JOBS.c.id == job_id))

    def waiting(self) -> int:
        """Jobs that nobody judges yet."""
        query = sa.select(sa.func.count()).where(JOBS.c.state == "queued").select_from(JOBS)
        with self.database.reading() as of:
            return int(of.execute(query).scalar_one())

    def counts(self) -> dict[str, int]:
        """Jobs of each state."""
        query = sa.select(JOBS.c.state, sa.func.count()).group_by(JOBS.c.state)
        with self.database.reading() as of:
            return {str(state): int(count) for state, count in of.execute(query)}

    def expired(self) -> list[str]:
        """Jobs whose results are to go."""
        query = sa.select(JOBS.c.id).where(JOBS.c.expires < time.time())
        with self.database.reading() as of:
            return list(of.execute(query).scalars())

    def states(self) -> dict[str, str]:
        """The state of every job."""
        with self.database.reading() as of:
            rows = of.execute(sa.select(JOBS.c.id, JOBS.c.state))
            return {str(job_id): str(state) for job_id, state in rows}
