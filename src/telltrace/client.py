"""A client of the service, in the standard library alone: uploads, jobs, verdicts and reports."""

import json
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, Final, Literal, TypedDict
from urllib.parse import quote, urlsplit

from telltrace.errors import OptionError, TelltraceError

Verdict = dict[str, Any]
"""What `telltrace scan --format jsonl` prints of a file."""
LATER: Final = (429, 503)
"""Answers of a service that is busy, after which a request is sent again."""
AWAY: Final = (502, 504)
"""Answers of a proxy, behind which a request may have been carried out."""
LONGEST_WAIT: Final = 60.0


class Progress(TypedDict):
    """How far a job is."""

    stage: str
    share: float


class Job(TypedDict):
    """A job as the service shows it."""

    id: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    created: str
    started: str | None
    finished: str | None
    expires: str | None
    progress: Progress
    file: dict[str, Any]
    verdict: Verdict | None
    problem: dict[str, Any] | None


class ServiceError(TelltraceError):
    """The service did not do what it was asked.

    Args:
        problem: What it answered, of which the type says the kind; {} if it did not.
        message: What happened, where it did not answer.
    """

    def __init__(self, problem: dict[str, Any], message: str = "") -> None:
        said = message or f"{problem.get('title', 'no answer')} ({problem.get('detail', '')})"
        super().__init__(said, remedy=str(problem.get("remedy", "")))
        self.problem = problem

    def __reduce__(self) -> tuple[object, ...]:
        return ServiceError, (self.problem, self.message)

    @property
    def kind(self) -> str:
        """The kind of problem, such as "too-large"; "" if the service did not answer."""
        return str(self.problem.get("type", "")).rpartition("/")[2]


class Client:
    """Sends files to a service and fetches what it says of them.

    A request that finds the service busy, or not there, is sent again, later and later. One that
    may have been carried out already is not, unless that does no harm.

    Args:
        url: Where the service is, such as "http://127.0.0.1:8000".
        key: API key, where it needs one.
        timeout: Seconds without an answer after which a request is given up.
        retries: How often a request is sent again.

    Examples:
        >>> Client("http://127.0.0.1:8000").url
        'http://127.0.0.1:8000'
    """

    def __init__(
        self, url: str, *, key: str | None = None, timeout: float = 300.0, retries: int = 5
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OptionError(f"url must be one such as http://127.0.0.1:8000, got {url!r}.")
        self.url, self.key, self.timeout, self.retries = url.rstrip("/"), key, timeout, retries

    def scan(self, file: str | os.PathLike[str]) -> Verdict:
        """The verdict on a picture or a short clip, judged while this waits.

        Raises:
            ServiceError: If there is no verdict, and why.
        """
        verdict: Verdict = json.loads(self._upload("/v1/scan", Path(file)))
        return verdict

    def submit(self, file: str | os.PathLike[str]) -> Job:
        """Have a file judged, drawn and reported on; the job, which waits for its turn."""
        job: Job = json.loads(self._upload("/v1/jobs", Path(file)))
        return job

    def job(self, job_id: str) -> Job:
        """How far a job is."""
        job: Job = json.loads(self._get(f"/v1/jobs/{quote(job_id)}"))
        return job

    def wait(
        self,
        job_id: str,
        *,
        seconds: float = float("inf"),
        progress: Callable[[Job], object] | None = None,
    ) -> Job:
        """The job when it is over; one that is not after so many seconds is a TimeoutError.

        Args:
            job_id: Of `submit`.
            seconds: How long to wait.
            progress: Called with the job at each look.
        """
        end, pause = time.monotonic() + seconds, 0.1
        while True:
            job = self.job(job_id)
            if progress is not None:
                progress(job)
            if job["state"] not in ("queued", "running"):
                return job
            if time.monotonic() + pause > end:
                raise TimeoutError(f"job {job_id} is {job['state']} after {seconds:g} s")
            time.sleep(pause)
            pause = min(2.0, 1.5 * pause)

    def report(self, job_id: str) -> bytes:
        """The HTML page about a file."""
        return self._get(f"/v1/jobs/{quote(job_id)}/report")

    def pictures(self, job_id: str) -> bytes:
        """The marked pictures of a file, as a ZIP file."""
        return self._get(f"/v1/jobs/{quote(job_id)}/pictures.zip")

    def delete(self, job_id: str) -> None:
        """Cancel a job and delete all of it."""
        self._send("DELETE", f"/v1/jobs/{quote(job_id)}")

    def detectors(self) -> dict[str, Any]:
        """What judges there: trained on what, weak where, and with which thresholds."""
        found: dict[str, Any] = json.loads(self._get("/v1/detectors"))
        return found

    def limits(self) -> dict[str, Any]:
        """What an upload must keep to."""
        found: dict[str, Any] = json.loads(self._get("/v1/limits"))
        return found

    def _get(self, path: str) -> bytes:
        return self._send("GET", path)

    def _upload(self, path: str, file: Path) -> bytes:
        return self._send("POST", f"{path}?name={quote(file.name[:255], errors='replace')}", file)

    def _send(self, method: str, path: str, file: Path | None = None) -> bytes:
        """The body of the answer, however often it takes to get one."""
        for attempt in range(self.retries + 1):
            last = attempt == self.retries
            try:
                status, after, content = self._once(method, path, file)
            except (HTTPException, OSError) as error:
                harmless = method == "GET" or isinstance(error, ConnectionRefusedError)
                if last or not harmless or isinstance(error, FileNotFoundError):
                    said = f"{self.url} does not answer ({error or type(error).__name__})"
                    raise ServiceError({}, said) from error
                after = None
            else:
                if status < 400:
                    return content
                if last or status not in (*LATER, *(AWAY if method == "GET" else ())):
                    raise ServiceError(_problem(status, content))
            backoff = 0.25 * 2**attempt * (1 + random.random())
            time.sleep(min(LONGEST_WAIT, backoff if after is None else max(after, backoff)))
        raise AssertionError("the last attempt returns or raises")

    def _once(self, method: str, path: str, file: Path | None) -> tuple[int, float | None, bytes]:
        """Status, seconds to wait if it says so, and body of one answer."""
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self.timeout)
        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        try:
            if file is None:
                connection.request(method, parts.path + path, headers=headers)
                return _read(connection.getresponse())
            with file.open("rb") as body:
                headers["content-length"] = str(os.fstat(body.fileno()).st_size)
                headers["content-type"] = "application/octet-stream"
                with suppress(BrokenPipeError, ConnectionResetError):  # it may say why
                    connection.request(method, parts.path + path, body, headers)
                return _read(connection.getresponse())
        finally:
            connection.close()


def _read(answer: HTTPResponse) -> tuple[int, float | None, bytes]:
    after = answer.getheader("retry-after", "")
    return answer.status, float(after) if after.isdecimal() else None, answer.read()


def _problem(status: int, content: bytes) -> dict[str, Any]:
    """What the service says went wrong; something like it where another answers in its place."""
    try:
        return dict(json.loads(content))
    except (ValueError, TypeError):
        return {
            "title": f"HTTP {status}",
            "status": status,
            "detail": content[:200].decode("latin-1"),
        }
