"""Running services: one that judges at a word, in this process, and what asks them."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

import uvicorn

from telltrace.batch.journal import Answer
from telltrace.batch.worker import failed
from telltrace.faces.media import Status
from telltrace.inference import Verdict
from telltrace.serving import ServeSettings, create_app
from telltrace.serving.app import SERVER
from telltrace.serving.drawing import PICTURES, REPORT
from telltrace.serving.engines import Engines
from telltrace.serving.judging import Upload
from telltrace.serving.service import Service


@dataclass
class Reply:
    """An answer of the service."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def problem(self) -> str:
        """The kind of problem; it must be documented as one."""
        assert self.headers["content-type"] == "application/problem+json", self.content
        assert self.json["status"] == self.status
        assert {"type", "title", "detail", "remedy"} <= self.json.keys()
        return str(self.json["type"].removeprefix("/problems/"))


@dataclass
class Running:
    """A service that answers at a port of this machine."""

    service: Service
    port: int
    gate: threading.Event
    """While it is not set, files that say "wait" wait."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self, method: str, path: str, body: Any = None, timeout: float = 20, **headers: str
    ) -> Reply:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            found = connection.getresponse()
            return Reply(found.status, {k.lower(): v for k, v in found.getheaders()}, found.read())
        finally:
            connection.close()

    def send(self, text: str | bytes, path: str = "/v1/jobs", **headers: str) -> Reply:
        content = text.encode() if isinstance(text, str) else text
        return self.ask("POST", path, content, **headers)

    def finish(self, job: str) -> dict[str, Any]:
        """The job when it is over."""
        for _ in range(400):
            found = self.ask("GET", f"/v1/jobs/{job}").json
            if found["state"] in ("done", "failed"):
                return dict(found)
            time.sleep(0.025)
        raise AssertionError(f"job {job} is still {found['state']}")


class Speaker:
    """An engine in this process that does what the text of a file says."""

    def __init__(self, told: Callable[[tuple[str, str, float]], bool], gate: threading.Event):
        self.told, self.gate = told, gate

    def judge(self, upload: Upload) -> Answer:
        if upload.number < 0:
            return Answer(-1, {})
        text = Path(upload.path).read_bytes().decode("utf-8", "replace")
        while text.startswith("wait") and not self.gate.wait(0.02):
            if not self.told((upload.job, "judging", 0.5)):
                return Answer(0, {}, "cancelled")
        if text in ("crash", "timeout", "error"):
            return failed(upload, text, f"met a {text}", "Convert it")
        if not upload.sync:
            folder = Path(upload.path).parent
            (folder / REPORT).write_text(f"<p>{text}</p>")
            (folder / PICTURES).write_text("[]")
        made = Verdict(path=Path(upload.path), status=Status.NO_FACE, reason=text[:40], remedy="-")
        return Answer(0, made.to_dict())

    def close(self) -> None:
        pass


@contextmanager
def serving(settings: ServeSettings, engines: Engines | None = None) -> Iterator[Running]:
    """A running service; by default its engines are two that do what a file says."""
    gate = threading.Event()
    spoken = Engines(2, lambda told: Speaker(told, gate), lambda: None)
    app = create_app(settings, engines or spoken)
    server = uvicorn.Server(uvicorn.Config(app, port=0, **SERVER))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service has ended at its start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Running(app.state.service, port, gate)
    finally:
        gate.set()
        server.should_exit = True
        thread.join(10)


SMALL = ServeSettings(
    max_megabytes=0.5, max_waiting=30, max_uploads=8, upload_seconds=1.0, uploads_per_minute=100_000
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service for all tests of a file, with small limits."""
    with serving(replace(SMALL, data=tmp_path_factory.mktemp("service"))) as service:
        service.gate.set()
        yield service
