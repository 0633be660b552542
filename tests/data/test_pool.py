import os
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
import torch

from telltrace.data.pool import run_jobs


def job(order: str) -> tuple[int, int]:
    """ "ok": who did it, with how many threads; "die": end the process; "wait": for too long."""
    if order.startswith("die"):
        os.kill(os.getpid(), 9)
    if order.startswith("wait"):
        Path(order.split(" ")[1]).write_text(str(os.getpid()))
        time.sleep(100)
    return os.getpid(), torch.get_num_threads()


def test_in_this_process_on_one_thread() -> None:
    torch.set_num_threads(2)
    try:
        assert [r for _, r in run_jobs(job, ["a", "b"], 0)] == [(os.getpid(), 1)] * 2
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_a_job_that_kills_its_process_is_the_only_one_lost() -> None:
    orders = [f"ok{i}" for i in range(4)] + ["die"] + [f"ok{i}" for i in range(4, 7)]
    done = dict(run_jobs(job, orders, 2))
    assert set(done) == set(orders)
    assert done.pop("die") is None
    assert all(result and result[0] != os.getpid() and result[1] == 1 for result in done.values())


def test_closing_stops_at_once(tmp_path: Path) -> None:
    started = time.monotonic()
    note = tmp_path / "pid"
    with closing(run_jobs(job, ["ok", f"wait {note}"], 2)) as results:
        assert next(results)[0] == "ok"
        while not note.exists() or not note.read_text():
            time.sleep(0.02)
    assert time.monotonic() - started < 60
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)
    assert threading.active_count() < 10
