"""What the service does, for who watches it: metrics for Prometheus, and a log of JSON lines."""

import json
import logging
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from .problems import Problem
from .store import Job

SECONDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
logger: Final = logging.getLogger("telltrace.serving")


class Monitor:
    """Counts, and writes lines; no line holds what media show.

    Args:
        log_names: Write the names of uploads too.
    """

    def __init__(self, log_names: bool = False) -> None:
        self.log_names = log_names
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        of: dict[str, Any] = {"registry": self.registry}
        self._requests = Counter(
            "telltrace_requests", "Requests answered", ("method", "route", "status"), **of
        )
        self._request_seconds = Histogram(
            "telltrace_request_seconds", "Time to an answer", ("route",), buckets=SECONDS, **of
        )
        self._judged = Counter("telltrace_judged", "Uploads judged", ("status", "problem"), **of)
        self._job_seconds = Histogram(
            "telltrace_job_seconds", "Time from upload to verdict", buckets=SECONDS, **of
        )
        self._bytes = Counter("telltrace_upload_bytes", "Bytes of uploads", **of)
        self._jobs = Gauge("telltrace_jobs", "Jobs in the database", ("state",), **of)

    def metrics(self, jobs: Mapping[str, int]) -> bytes:
        """All metrics, with how many jobs of each state there are now."""
        for state in ("queued", "running", "done", "failed"):
            self._jobs.labels(state).set(jobs.get(state, 0))
        return generate_latest(self.registry)

    def answered(self, method: str, route: str, status: int, seconds: float, client: str) -> None:
        """A request has its answer."""
        self._requests.labels(method, route, status).inc()
        self._request_seconds.labels(route).observe(seconds)
        self.event(
            "request",
            method=method,
            route=route,
            status=status,
            client=client,
            milliseconds=round(1000 * seconds, 1),
        )

    def received(self, job: Job) -> None:
        """An upload has come in whole."""
        self._bytes.inc(job.bytes)
        self.event("upload", job=job.id, bytes=job.bytes, **self._name(job))

    def judged(self, job: Job, status: str, problem: Problem | None) -> None:
        """A job is over."""
        kind = problem.kind if problem else ""
        self._judged.labels(status, kind).inc()
        self._job_seconds.observe(time.time() - job.created)
        self.event("judged", job=job.id, verdict=status, problem=kind, **self._name(job))

    def error(self, what: str, error: BaseException) -> None:
        """Something went wrong that is not the client's doing."""
        trace = "".join(traceback.format_exception(error))
        self.event("error", level=logging.ERROR, what=what, trace=trace)

    def event(self, event: str, *, level: int = logging.INFO, **about: object) -> None:
        """Write a line."""
        logger.log(level, event, extra={"about": about})

    def _name(self, job: Job) -> dict[str, Any]:
        return {"name": job.name} if self.log_names else {}


class JsonLines(logging.Formatter):
    """Each record as a line of JSON, whoever wrote it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": when, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= getattr(record, "about", {})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def log_json_lines() -> None:
    """Have this process write its log, and the server's, as JSON lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("telltrace.serving", "uvicorn"):
        log = logging.getLogger(name)
        log.handlers, log.propagate = [handler], False
        log.setLevel(logging.INFO if name == "telltrace.serving" else logging.WARNING)
