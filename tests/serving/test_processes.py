"""What a file does to the process that judges it is met, and the service goes on."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from telltrace.serving.engines import Engines, ProcessEngine
from telltrace.serving.judging import UploadWorker

from .conftest import SMALL, Running, serving
from .obedient import Obedient


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    worker = UploadWorker(Obedient, memory=500_000_000)
    engines = Engines(1, partial(ProcessEngine, worker, 1.5), lambda: None)
    settings = replace(SMALL, data=tmp_path_factory.mktemp("service"))
    with serving(settings, engines) as service:
        service.service.judges.ready.wait(60)
        yield service


@pytest.mark.parametrize(
    ("text", "status", "problem"),
    [
        ("hang", 422, "took-too-long"),
        ("crash", 422, "crashed"),
        ("memory", 422, "crashed"),
        ("exception", 500, "judging-error"),
    ],
)
def test_each_way_to_harm_a_process_has_its_code(
    running: Running, text: str, status: int, problem: str
) -> None:
    found = running.send(text, "/v1/scan")
    assert (found.status, found.problem) == (status, problem)
    assert str(running.service.folders.root) not in found.content.decode()
    assert running.send("sound", "/v1/scan").json["reason"] == "sound"


def test_a_process_that_is_killed_is_replaced_and_its_job_judged(running: Running) -> None:
    from multiprocessing import active_children

    def kill() -> None:
        time.sleep(0.3)
        for child in active_children():
            if child.pid is not None:
                os.kill(child.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    found = running.send("hang", "/v1/scan")  # killed once, it is tried again, and then too slow
    killer.join()
    assert found.problem == "took-too-long"
    assert running.send("sound", "/v1/scan").json["reason"] == "sound"


def test_a_deleted_job_stops_the_process_that_judges_it(running: Running) -> None:
    job = running.send("work on").json["id"]
    while running.ask("GET", f"/v1/jobs/{job}").json["progress"]["stage"] != "judging":
        time.sleep(0.02)
    assert running.ask("DELETE", f"/v1/jobs/{job}").status == 204
    start = time.perf_counter()
    assert running.send("sound", "/v1/scan").status == 200
    assert time.perf_counter() - start < 1.2  # less than its time limit
