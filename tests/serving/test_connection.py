"""What comes before there is a request: heads without an end, silence, and too many at a time."""

import json
import socket

import pytest

from telltrace.serving import connection

from .conftest import Running


def bare(running: Running, sent: bytes) -> bytes:
    """What is answered to these bytes alone, until the connection is closed."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as wire:
        wire.sendall(sent)
        with wire.makefile("rb") as heard:
            return heard.read()


@pytest.mark.parametrize(
    ("sent", "status", "problem"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", 408, "upload-too-slow"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 431, "head-too-large"),
        (b"GET /" + b"x" * 70_000, 431, "head-too-large"),
        (b"no HTTP\r\n\r\n", 400, "bad-request"),
    ],
)
def test_a_head_that_never_ends_is_given_up(
    running: Running, monkeypatch: pytest.MonkeyPatch, sent: bytes, status: int, problem: str
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    head, _, body = bare(running, sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["type"] == f"/problems/{problem}"


def test_silent_connections_are_closed_and_counted(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    assert bare(running, b"") == b""
    late = b"POST /v1/jobs HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 9000000\r\n\r\n"
    assert b" 403 " in bare(running, late)  # refused, and the body never comes
    monkeypatch.setattr(connection, "MOST", 0)
    assert running.ask("GET", "/healthz").problem == "too-many-connections"
