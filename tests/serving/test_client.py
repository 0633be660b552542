"""The client against a service, and against what stands in its place."""

import pickle
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from telltrace.client import Client, ServiceError
from telltrace.errors import OptionError

from .conftest import SMALL, serving


class Moody(BaseHTTPRequestHandler):
    """Answers with one status after the other."""

    answers: ClassVar[list[tuple[int, dict[str, str], bytes]]] = []
    heard: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.heard.append(f"{self.command} {self.path}")
        status, headers, content = self.answers.pop(0)
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def moody() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Moody) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        Moody.heard.clear()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client waited, which takes no time here."""
    pauses: list[float] = []
    monkeypatch.setattr("telltrace.client.time.sleep", pauses.append)
    return pauses


def test_a_busy_service_is_asked_again_and_no_sooner_than_it_says(
    moody: str, pauses: list[float], tmp_path: Path
) -> None:
    (tmp_path / "a b.png").write_bytes(b"content")
    Moody.answers = [
        (429, {"retry-after": "7"}, b"{}"),
        (503, {}, b"<html>"),
        (200, {}, b'{"status": "REAL"}'),
    ]
    assert Client(moody).scan(tmp_path / "a b.png") == {"status": "REAL"}
    assert Moody.heard == ["POST /v1/scan?name=a%20b.png"] * 3
    assert pauses[0] == 7
    assert 0.5 <= pauses[1] <= 1


def test_what_cannot_be_mended_is_raised_at_once(moody: str, pauses: list[float]) -> None:
    problem = b'{"type": "/problems/not-found", "title": "t", "detail": "d", "remedy": "Wait."}'
    Moody.answers = [(404, {}, problem), (418, {}, b"teapot"), (502, {}, b"proxy")]
    with pytest.raises(ServiceError, match=r"t \(d\)\. Wait\.") as found:
        Client(moody).job("0")
    assert found.value.kind == "not-found"
    assert str(pickle.loads(pickle.dumps(found.value))) == str(found.value)
    with pytest.raises(ServiceError, match=r"HTTP 418 \(teapot\)"):
        Client(moody).detectors()
    with pytest.raises(ServiceError, match="HTTP 502"):  # the job may be there
        Client(moody).submit(__file__)
    assert pauses == []


def test_a_service_that_stays_away_is_an_error(pauses: list[float], tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"content")
    with pytest.raises(ServiceError, match="does not answer"):
        Client("http://127.0.0.1:9", retries=2).scan(tmp_path / "a.png")
    assert len(pauses) == 2
    with pytest.raises(ServiceError, match="No such file"):
        Client("http://127.0.0.1:9").scan(tmp_path / "none.png")
    assert len(pauses) == 2
    with pytest.raises(OptionError, match="url must be one such as"):
        Client("ftp://example")


def test_a_refusal_reaches_a_client_that_is_still_sending(tmp_path: Path) -> None:
    (tmp_path / "large.mp4").write_bytes(bytes(20_000_000))
    with serving(replace(SMALL, data=tmp_path / "data")) as running:
        with pytest.raises(ServiceError) as refused:
            Client(running.url, retries=3).submit(tmp_path / "large.mp4")
        assert refused.value.kind == "too-large"


def test_a_wait_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("wait")
    monkeypatch.undo()
    with serving(replace(SMALL, data=tmp_path / "data")) as running:
        client = Client(running.url)
        job = client.submit(tmp_path / "a")
        with pytest.raises(TimeoutError, match=r"after 0\.3 s"):
            client.wait(job["id"], seconds=0.3)
        running.gate.set()
        assert client.wait(job["id"], seconds=9)["state"] == "done"
        key = running.service.keyring.add("name")
        with pytest.raises(ServiceError) as missing:
            client.job(job["id"])
        assert missing.value.kind == "key-missing"
        (tmp_path / "b").write_text("b")
        assert Client(running.url, key=key).scan(tmp_path / "b")["reason"] == "b"
