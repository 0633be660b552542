"""Uploads in, jobs and verdicts out: what each route answers when all is well."""

import json
import re
import shutil
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from socket import socket
from typing import Any

import pytest

from .conftest import SMALL, Running, serving


def form(content: bytes, name: str, field: str = "file") -> tuple[bytes, str]:
    """A form with a file, and its type."""
    boundary = "xyzxyzxyz"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
    body = head.encode() + b"Content-Type: text/html\r\n\r\n" + content
    return body + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def test_a_job_goes_from_upload_to_verdict_report_and_deletion(running: Running) -> None:
    body, kind = form(b"hello", "a clip.mp4")
    made = running.send(body, content_type=kind)
    assert made.status == 202
    job = made.json["id"]
    assert made.headers["location"] == f"/v1/jobs/{job}"
    done = running.finish(job)
    assert done["file"] == {
        "name": "a clip.mp4",
        "bytes": 5,
        "sha256": sha256(b"hello").hexdigest(),
    }
    assert done["state"] == "done"
    assert done["progress"] == {"stage": "done", "share": 1.0}
    assert done["problem"] is None
    assert done["verdict"]["path"] == "a clip.mp4"
    assert done["verdict"]["reason"] == "hello"
    assert done["created"] <= done["started"] <= done["finished"] < done["expires"]
    assert all(re.fullmatch(r"\d{4}-..-..T..:..:..\....Z", done[k]) for k in ("created", "expires"))
    folder = running.service.folders[job]
    assert not (folder / "media").exists()
    report = running.ask("GET", f"/v1/jobs/{job}/report")
    assert report.content == b"<p>hello</p>"
    assert "script-src" not in report.headers["content-security-policy"]
    assert report.headers["content-disposition"].startswith("inline")
    saved = running.ask("GET", f"/v1/jobs/{job}/report?download=1")
    assert saved.headers["content-disposition"].startswith("attachment")
    assert running.ask("GET", f"/v1/jobs/{job}/pictures").json == []
    assert running.ask("GET", f"/v1/jobs/{job}/pictures/0/frame.jpg").problem == "not-found"
    assert running.ask("DELETE", f"/v1/jobs/{job}").status == 204
    assert not folder.exists()
    assert running.ask("GET", f"/v1/jobs/{job}").problem == "not-found"
    assert running.ask("DELETE", f"/v1/jobs/{job}").problem == "not-found"


def test_a_verdict_is_the_answer_of_a_scan_and_leaves_nothing(running: Running) -> None:
    before = running.service.store.counts()
    for body, headers in ((b"raw", {}), form(b"raw", "n.png")):
        headers = {"content_type": headers} if isinstance(headers, str) else headers
        found = running.send(body, "/v1/scan?name=n.png", **headers)
        assert found.status == 200
        assert found.content.decode() == json.dumps(found.json)
        assert (found.json["path"], found.json["reason"]) == ("n.png", "raw")
        assert found.json["schema"] == "telltrace-scan/3"
    assert running.service.store.counts() == before
    assert running.send(b"raw", "/v1/scan").json["path"] == "upload"


def test_a_file_that_is_lost_is_a_problem_beside_what_is_known(running: Running) -> None:
    kinds = {"crash": ("crashed", 422), "timeout": ("took-too-long", 422)}
    for text, (kind, status) in kinds.items():
        failed = running.finish(running.send(text).json["id"])
        assert failed["state"] == "failed"
        assert failed["problem"]["type"] == f"/problems/{kind}"
        assert failed["verdict"]["status"] in ("UNREADABLE", "TIMEOUT")
        at_once = running.send(text, "/v1/scan")
        assert (at_once.status, at_once.problem) == (status, kind)


def test_events_tell_each_change_until_the_end(tmp_path: Path) -> None:
    with serving(replace(SMALL, data=tmp_path)) as running:
        job = running.send("wait").json["id"]
        assert running.ask("GET", f"/v1/jobs/{job}/report").problem == "not-done"
        while running.ask("GET", f"/v1/jobs/{job}").json["progress"]["share"] != 0.5:
            time.sleep(0.01)
        running.gate.set()
        stream = running.ask("GET", f"/v1/jobs/{job}/events")
        assert stream.headers["content-type"].startswith("text/event-stream")
        events = stream.content.decode().strip().split("\n\n")
        assert all(event.startswith("event: job\ndata: {") for event in events)
        told = [json.loads(event.partition("data: ")[2]) for event in events]
        assert [each["state"] for each in told][-1] == "done"
        assert told[-1] == running.ask("GET", f"/v1/jobs/{job}").json
        again = running.ask("GET", f"/v1/jobs/{job}/events").content.decode()
        assert again.count("event: job") == 1


@pytest.mark.parametrize("wanted", ["report", "pictures/0/frame.jpg", "pictures.zip"])
def test_results_deleted_at_this_moment_are_not_found(
    running: Running, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = running.send("hello").json["id"]
    running.finish(job)
    shutil.rmtree(running.service.folders[job])
    monkeypatch.setattr(Path, "is_file", lambda _: True)  # as it was a moment ago
    assert running.ask("GET", f"/v1/jobs/{job}/{wanted}").problem == "not-found"


def test_a_deleted_job_is_not_judged_on(tmp_path: Path) -> None:
    with serving(replace(SMALL, data=tmp_path)) as running:
        jobs = [running.send("wait").json["id"] for _ in range(3)]  # the third has no engine yet
        for job in jobs:
            assert running.ask("DELETE", f"/v1/jobs/{job}").status == 204
        assert running.service.store.counts() == {}
        for _ in range(200):  # the engines hear of it, and are free for another
            if not any(running.service.folders.root.iterdir()):
                break
            time.sleep(0.02)
        assert not any(running.service.folders.root.iterdir())
        assert running.send("next", "/v1/scan").json["reason"] == "next"


def test_results_expire(tmp_path: Path) -> None:
    with serving(replace(SMALL, data=tmp_path, keep_hours=1e-9)) as running:
        running.gate.set()
        job = running.send("short").json["id"]
        while running.service.store.states().get(job) == "queued":
            time.sleep(0.01)
        time.sleep(0.1)
        running.service.judges.tidy()
        assert running.ask("GET", f"/v1/jobs/{job}").problem == "not-found"
        assert not running.service.folders[job].exists()


def test_it_says_what_it_is_and_allows(running: Running) -> None:
    limits = running.ask("GET", "/v1/limits").json
    assert limits["max_bytes"] == 500_000
    assert limits["needs_key"] is False
    told = running.ask("GET", "/v1/detectors").json
    (detector,) = told["detectors"]
    assert detector["name"] == "blend_lite"
    assert "research only" in detector["terms"]
    assert any("AUC 0.69" in sentence for sentence in detector["weaknesses"])
    assert told["thresholds"]["video"]["fake_from"] > told["thresholds"]["real_below"]
    assert running.ask("GET", "/healthz").json["status"] == "ok"
    assert running.ask("GET", "/readyz").status == 200
    metrics = running.ask("GET", "/metrics").content.decode()
    assert 'telltrace_requests_total{method="GET",route="/v1/limits",status="200"}' in metrics
    assert 'telltrace_jobs{state="queued"} 0.0' in metrics


def test_examples_are_judged_like_uploads(running: Running) -> None:
    for entry in running.ask("GET", "/v1/examples").json:
        picture = running.ask("GET", entry["picture"])
        assert picture.content.startswith(b"\xff\xd8")
        made = running.ask("POST", f"/v1/jobs?example={entry['name']}")
        assert made.json["file"]["sha256"] == sha256(picture.content).hexdigest()
    assert running.ask("POST", "/v1/jobs?example=none").problem == "not-found"


def test_the_documentation_needs_nothing_from_elsewhere(running: Running) -> None:
    page = running.ask("GET", "/docs").content.decode()
    assert "http" not in page.replace("<!doctype html>", "")
    for asset in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert running.ask("GET", asset).status == 200
    described = running.ask("GET", "/openapi.json").json
    assert described["openapi"].startswith("3.1")
    assert "telltrace-scan/3" in json.dumps(described["components"]["schemas"]["Verdict"])


def test_every_answer_has_the_headers_that_browsers_obey(running: Running) -> None:
    for path in ("/docs", "/v1/limits", "/nothing", "/page/none.js"):
        headers = running.ask("GET", path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_it_connects_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example")
    reached: list[Any] = []
    connect = socket.connect

    def noted(self: socket, address: Any) -> None:
        reached.append(address)
        connect(self, address)

    monkeypatch.setattr(socket, "connect", noted)
    with serving(replace(SMALL, data=tmp_path)) as running:
        running.gate.set()
        for hostile in ("http://evil.example/a.mp4", "file:///etc/passwd"):
            assert running.send(hostile, f"/v1/scan?name={hostile}").json["path"] == hostile
        running.ask("GET", "/docs")
        ours = ("127.0.0.1", running.port)
    assert set(reached) == {ours}  # the test itself
