"""What is refused: each limit and each attack has its code, and the service goes on."""

import errno
import json
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from telltrace.errors import OptionError
from telltrace.serving import ServeSettings, app
from telltrace.serving.database import Database
from telltrace.serving.folders import Folders
from telltrace.serving.keys import Keyring

from .conftest import SMALL, Running, serving
from .test_api import form


def talk(running: Running, head: str, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send bytes as they are, and read until the service closes the connection or stays silent."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as wire:
        wire.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        for piece in pieces:
            time.sleep(pause)
            try:
                wire.sendall(piece)
            except OSError:
                break
        heard = b""
        while chunk := wire.recv(65536):
            heard += chunk
    return heard


def test_a_declared_length_of_4_gb_is_refused_before_its_first_byte(running: Running) -> None:
    head = "POST /v1/jobs HTTP/1.1\nHost: localhost\nContent-Length: 4294967296"
    start = time.perf_counter()
    heard = talk(running, head)
    assert time.perf_counter() - start < 1
    assert b" 413 " in heard
    assert b"/problems/too-large" in heard


def test_more_bytes_than_allowed_are_refused_while_they_come(running: Running) -> None:
    head = "POST /v1/jobs HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked"
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    heard = talk(running, head, *[piece] * 12, b"0\r\n\r\n")
    assert b" 413 " in heard
    assert not list(running.service.folders.root.glob("*/media"))


def test_a_slow_upload_is_given_up(running: Running) -> None:
    head = "POST /v1/scan HTTP/1.1\nHost: localhost\nContent-Length: 1000"
    heard = talk(running, head, *[b"x"] * 8, pause=0.2)
    assert b" 408 " in heard
    assert b"/problems/upload-too-slow" in heard


@pytest.mark.parametrize(
    "name", ["../../../etc/cron.d/x", "/etc/passwd", "a\x00b", "C:\\x", "." * 300]
)
def test_names_are_text_and_never_paths(running: Running, name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace("\x00", "%00")
    body, kind = form(b"text", quoted)
    job = running.send(body, content_type=kind).json
    assert len(job["file"]["name"]) <= 255
    done = running.finish(job["id"])
    folder = running.service.folders[job["id"]]
    assert sorted(path.name for path in folder.iterdir()) == ["pictures.json", "report.html"]
    assert done["verdict"]["reason"] == "text"
    root = running.service.settings.data
    assert not [path for path in root.rglob("*") if path.name in ("x", "passwd", "cron.d")]


def test_bodies_that_hold_no_file_are_refused(running: Running) -> None:
    body, kind = form(b"x", "a", field="other")
    cases: list[tuple[bytes, str, str]] = [
        (b"", "image/png", "no-file"),
        (body, kind, "no-file"),
        (body[:-10], kind, "no-file"),
        (form(b"whole", "a")[0][:-10], kind, "no-file"),
        (b"rubbish", kind, "no-file"),
        (b"x", "multipart/form-data", "no-file"),
        (b"x", f"multipart/form-data; boundary={'b' * 200}", "no-file"),
        (b"a=b", "application/x-www-form-urlencoded", "unsupported-body"),
        (form(b"x" * 70_000, "a", field="other")[0], kind, "too-large"),
        (form(b"x", "a")[0] + b"x" * 70_000, kind, "too-large"),
        (form(b"x", "n" * 20_000)[0], kind, "no-file"),
    ]
    for content, declared, problem in cases:
        assert running.send(content, content_type=declared).problem == problem, declared
    assert running.send(form(b"good", "a")[0], "/v1/scan", content_type=kind).status == 200


def test_addresses_methods_and_values_that_do_not_fit_are_problems(running: Running) -> None:
    assert running.ask("GET", "/nothing").problem == "not-found"
    assert running.ask("GET", "/page/../settings.py").problem == "not-found"
    assert running.ask("GET", "/page/%2e%2e/settings.py").problem == "not-found"
    refused = running.ask("PUT", "/v1/jobs", b"x")
    assert refused.problem == "not-allowed"
    assert refused.headers["allow"] == "POST"
    assert running.ask("GET", "/v1/jobs/short").problem == "invalid"
    assert running.ask("GET", f"/v1/jobs/{'0' * 32}").problem == "not-found"
    assert running.send(b"x", f"/v1/scan?name={'n' * 256}").problem == "invalid"


def test_pages_of_other_sites_cannot_use_it(running: Running) -> None:
    assert running.send(b"x", sec_fetch_site="cross-site").problem == "cross-site"
    assert running.send(b"x", host="evil.example").problem == "wrong-host"
    assert running.ask("GET", "/v1/limits", host=f"localhost:{running.port}").status == 200
    asked = running.ask("OPTIONS", "/v1/jobs", origin="http://evil.example")
    assert "access-control-allow-origin" not in asked.headers


def test_a_hundred_large_uploads_at_once_are_answered_and_bounded(tmp_path: Path) -> None:
    with serving(replace(SMALL, data=tmp_path, max_waiting=10, upload_seconds=60)) as running:
        content = b"wait" + b"x" * 480_000
        with ThreadPoolExecutor(100) as many:
            replies = list(many.map(lambda _: _try(running, content), range(100)))
        taken = [reply for reply in replies if reply.status == 202]
        refused = {reply.problem for reply in replies if reply.status == 429}
        assert len(taken) + sum(reply.status == 429 for reply in replies) == 100
        assert 1 <= len(taken) <= 12  # ten wait, two are judged
        assert refused <= {"queue-full", "too-many-uploads"}
        assert all(int(r.headers["retry-after"]) >= 1 for r in replies if r.status == 429)
        running.gate.set()
        for reply in taken:
            assert running.finish(reply.json["id"])["state"] == "done"
        assert not list(running.service.folders.root.glob("*/media"))


def _try(running: Running, content: bytes) -> Any:
    """Send, and again where the connection was closed before the answer could be read."""
    for _ in range(20):
        try:
            return running.send(content)
        except OSError:
            time.sleep(0.05)
    raise AssertionError("no answer")


def test_one_client_may_not_send_too_many(tmp_path: Path) -> None:
    with serving(replace(SMALL, data=tmp_path, uploads_per_minute=2)) as running:
        running.gate.set()
        assert [running.send("x", "/v1/scan").status for _ in range(2)] == [200, 200]
        refused = running.send("x", "/v1/scan")
        assert (refused.status, refused.problem) == (429, "too-many-requests")
        assert 1 <= int(refused.headers["retry-after"]) <= 60


def test_a_full_disk_is_said_and_leaves_nothing(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Folders, "free", lambda self: 1000)
    assert running.send("x").problem == "disk-full"
    monkeypatch.undo()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("telltrace.serving.upload.Sink.write", full)
    refused = running.send("x", "/v1/scan")
    assert (refused.status, refused.problem) == (507, "disk-full")
    assert not list(running.service.folders.root.glob("*/media"))


def test_a_locked_database_is_said_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telltrace.serving.database.BUSY_SECONDS", 0.2)
    with serving(replace(SMALL, data=tmp_path)) as running:
        running.gate.set()
        assert running.send("x", "/v1/scan").status == 200
        other = sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        refused = running.send("x", "/v1/scan")
        assert (refused.status, refused.problem) == (503, "database-busy")
        assert refused.headers["retry-after"] == "2"
        assert running.ask("GET", "/v1/limits").status == 200  # readers go on
        other.execute("ROLLBACK")
        other.close()
        with running.service.database.writing():  # nor does a thread wait for another for ever
            assert running.send("x", "/v1/scan").problem == "database-busy"
        assert running.send("x", "/v1/scan").status == 200
        assert not list(running.service.folders.root.glob("*/media"))


def test_keys_are_hashed_counted_and_revoked(tmp_path: Path) -> None:
    with serving(replace(SMALL, data=tmp_path)) as running:
        running.gate.set()
        keyring = running.service.keyring
        assert running.send("x", "/v1/scan").status == 200
        first, second = keyring.add("first", quota=2), keyring.add("second")
        missing = running.send("x", "/v1/scan")
        assert (missing.problem, missing.headers["www-authenticate"]) == ("key-missing", "Bearer")
        for wrong in ("rubbish", first[:-1], "tt__", "tt_ü_x", second[:20] + first[20:]):
            sent = wrong.encode().decode("latin-1")
            assert running.send("x", authorization=f"Bearer {sent}").problem == "key-wrong"
        own = {"authorization": f"Bearer {first}"}
        job = running.send("x", **own).json["id"]
        assert running.ask("GET", f"/v1/jobs/{job}", **own).status == 200
        other = running.ask("GET", f"/v1/jobs/{job}", authorization=f"Bearer {second}")
        assert other.problem == "not-found"  # another key's job
        assert running.send("x", "/v1/scan", **own).status == 200
        used = running.send("x", "/v1/scan", **own)
        assert used.problem == "quota-used"
        assert int(used.headers["retry-after"]) <= 86_400
        keyring.revoke(keyring.list()[0].id)
        assert running.send("x", **own).problem == "key-revoked"
        stored = (tmp_path / "jobs.sqlite").read_bytes() + (
            tmp_path / "jobs.sqlite-wal"
        ).read_bytes()
        assert b"second" in stored
        assert second.split("_", 2)[2].encode() not in stored
        assert running.ask("GET", "/healthz").status == 200


def test_others_are_not_let_in_without_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ServeSettings(host="0.0.0.0", port=0, data=tmp_path)
    monkeypatch.setattr(app.uvicorn.Server, "run", lambda self, sockets: None)
    monkeypatch.setattr("telltrace.serving.service.prepare_engines", lambda settings: None)
    with pytest.raises(OptionError, match="can be reached by others"):
        app.serve_forever(settings)
    app.serve_forever(replace(settings, insecure=True))
    Keyring(Database(settings)).add("name")
    app.serve_forever(settings)


@pytest.mark.parametrize("wrong", [{"max_waiting": 0}, {"keep_hours": -1.0}, {"port": -1}])
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(wrong))):
        ServeSettings(**wrong)


def test_the_log_has_no_names_unless_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "telltrace.serving")
    for log_names in (False, True):
        caplog.clear()
        with serving(replace(SMALL, data=tmp_path, log_names=log_names)) as running:
            running.gate.set()
            body, kind = form(b"x", "secret name.mp4")
            running.finish(running.send(body, content_type=kind).json["id"])
        lines = [getattr(record, "about", {}) for record in caplog.records]
        assert ("secret name.mp4" in json.dumps(lines)) is log_names
        assert {"upload", "judged", "request"} <= {record.message for record in caplog.records}


def test_an_error_of_the_database_names_no_upload(running: Running) -> None:
    values = {
        "name": "secret",
        "client": "",
        "bytes": 1,
        "sha256": "",
        "sync": True,
        "state": "done",
    }
    running.service.store.add(id="0", **values)
    with pytest.raises(IntegrityError) as twice:
        running.service.store.add(id="0", **values)
    trace = "".join(format_exception(twice.value))  # as the log shows it
    assert "INSERT INTO jobs" in trace
    assert "secret" not in trace
