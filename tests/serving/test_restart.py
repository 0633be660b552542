"""Jobs survive the death of their service, and services share a database."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from telltrace.serving import store
from telltrace.serving.database import JOBS, Database
from telltrace.serving.folders import Folders
from telltrace.serving.problems import Problem
from telltrace.serving.store import Store

from .conftest import SMALL, serving

SCRIPT = """
import sys, time
from dataclasses import replace
from pathlib import Path
from typing import Any
from telltrace.serving import store
store.LEASE = 0.5
from tests.serving.conftest import SMALL, serving
with serving(replace(SMALL, data=Path(sys.argv[1]))) as running:
    print(running.port, flush=True)
    time.sleep(100)
"""


def test_killed_with_jobs_waiting_it_ends_each_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": f"{root}:{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as first:
        assert first.stdout is not None
        from .conftest import Running

        asked = Running(None, int(first.stdout.readline()), None)  # type: ignore[arg-type]
        jobs = [asked.send(f"wait {number}").json["id"] for number in range(20)]
        while (
            asked.ask("GET", "/metrics").content.count(b'telltrace_jobs{state="running"} 2.0') < 1
        ):
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
    (tmp_path / "jobs" / ("0" * 32)).mkdir()  # an upload that never became a job
    os.utime(tmp_path / "jobs" / ("0" * 32), (0, 0))
    caplog.set_level("INFO", "telltrace.serving")
    with serving(replace(SMALL, data=tmp_path)) as running:
        running.gate.set()
        done = [running.finish(job) for job in jobs]
        running.service.judges.tidy()
    assert [each["verdict"]["reason"] for each in done] == [f"wait {n}" for n in range(20)]
    judged = Counter(r.about["job"] for r in caplog.records if r.message == "judged")  # type: ignore[attr-defined]
    assert judged == dict.fromkeys(jobs, 1)
    assert sorted(path.name for path in (tmp_path / "jobs").iterdir()) == sorted(jobs)
    assert not list(tmp_path.glob("jobs/*/media"))


def test_two_services_share_the_jobs_of_one_folder(tmp_path: Path) -> None:
    with ExitStack() as both:
        first, second = (
            both.enter_context(serving(replace(SMALL, data=tmp_path))) for _ in range(2)
        )
        for each in (first, second):
            each.gate.set()
        jobs = [(first, second)[n % 2].send(f"{n}").json["id"] for n in range(12)]
        done = [second.finish(job)["verdict"]["reason"] for job in jobs]
        assert done == [str(n) for n in range(12)]
        second.service.judges.stop()
        second.gate.set()
        assert second.send("x", "/v1/scan").json["reason"] == "x"  # judged by the first


def test_a_stopped_service_gives_its_jobs_back_at_once(tmp_path: Path) -> None:
    with serving(replace(SMALL, data=tmp_path)) as running:
        job = running.send("wait").json["id"]
        while running.ask("GET", f"/v1/jobs/{job}").json["state"] != "running":
            time.sleep(0.01)
        running.service.judges.stop()
    found = Store(Database(replace(SMALL, data=tmp_path)), 1.0).find(job)
    assert (found.state, found.attempts) == ("queued", 0)


def test_a_job_that_ends_the_service_again_and_again_is_given_up(tmp_path: Path) -> None:
    database = Database(replace(SMALL, data=tmp_path))
    jobs = Store(database, 60.0)
    values = {"client": "x", "name": "x", "bytes": 1, "sha256": "0" * 64, "sync": False}
    jobs.add(id="0" * 32, **values)
    with database.writing() as to:
        to.execute(sa.update(JOBS).values(attempts=store.ATTEMPTS))
    with serving(replace(SMALL, data=tmp_path)) as running:
        running.gate.set()
        found = running.finish("0" * 32)
        assert found["problem"]["type"] == "/problems/crashed"


def test_what_a_killed_scan_leaves_expires_soon(tmp_path: Path) -> None:
    jobs = Store(Database(replace(SMALL, data=tmp_path)), 3600.0)
    values = {"client": "x", "name": "x", "bytes": 1, "sha256": "0" * 64}
    for number, sync in enumerate((True, False)):
        jobs.add(id=str(number), sync=sync, **values)
        jobs.claim("me")
        jobs.finish(str(number), "me", "{}", None)
    kept = [jobs.find(name).expires - time.time() for name in "01"]  # type: ignore[operator]
    assert kept == pytest.approx([60, 3600], abs=5)


def test_a_job_at_which_the_service_fails_is_not_begun_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LEASE", 0.1)
    monkeypatch.setattr("telltrace.serving.judges.ATTEMPTS", 1)

    def fail(*_: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("telltrace.serving.judges.Judges._conclude", fail)
    with serving(replace(SMALL, data=tmp_path)) as running:
        assert running.send("x", "/v1/scan").problem == "crashed"


def test_an_upload_under_way_is_not_tidied_away(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    folders.make("0" * 32)
    folders.media("0" * 32).touch()
    os.utime(folders["0" * 32], (0, 0))  # a long upload: its folder is old, its file grows
    folders.tidy({})
    assert folders.media("0" * 32).exists()
    os.utime(folders.media("0" * 32), (0, 0))
    folders.tidy({})
    assert not folders["0" * 32].exists()


def test_a_job_has_one_owner_and_ends_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Store(Database(replace(SMALL, data=tmp_path)), 60.0)
    values = {"client": "x", "name": "x", "bytes": 1, "sha256": "0" * 64, "sync": False}
    jobs.add(id="0" * 32, **values)
    assert jobs.claim("first") is not None
    assert jobs.claim("second") is None
    monkeypatch.setattr(store, "LEASE", -1.0)
    jobs.hold("first", ["0" * 32])  # its lease has passed
    taken = jobs.claim("second")
    assert taken is not None
    assert taken.attempts == 2
    assert not jobs.finish("0" * 32, "first", "{}", None)
    assert not jobs.advance("0" * 32, "first", "judging", 0.5)
    assert jobs.finish("0" * 32, "second", json.dumps({"a": 1}), None)
    assert not jobs.finish("0" * 32, "second", "{}", None)
    assert jobs.find("0" * 32).to_dict()["verdict"] == {"a": 1}


def test_a_verdict_that_could_not_be_written_is_judged_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the end nor the giving back of the job reaches the database at first."""
    monkeypatch.setattr(store, "LEASE", 0.5)
    finish, release, failures = Store.finish, Store.release, iter([True, True])

    def fail(method: Any) -> Any:
        def once(*values: Any) -> Any:
            if next(failures, False):
                raise Problem("database-busy", "the database is locked or away")
            return method(*values)

        return once

    monkeypatch.setattr(Store, "finish", fail(finish))
    monkeypatch.setattr(Store, "release", fail(release))
    with serving(replace(SMALL, data=tmp_path)) as running:
        running.gate.set()
        job = running.finish(running.send("x").json["id"])
        assert job["verdict"]["reason"] == "x"
        assert running.service.store.find(job["id"]).attempts == 2
