import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import chain, count, takewhile
from multiprocessing import forkserver
from pathlib import Path

import pytest
import torch

from telltrace.jobs.pool import Lost, Pool, run_jobs
from telltrace.jobs.worker import _context, ask


def job(order: str) -> tuple[int, int]:
    """ "ok": who did it, with how many threads; the rest misbehaves as it is told."""
    what, _, rest = order.partition(" ")
    if what == "die":
        os.kill(os.getpid(), int(rest))
    elif what == "stumble" and not Path(rest).exists():  # only the first time
        Path(rest).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "hang":
        Path(rest).write_text(str(os.getpid()))
        time.sleep(1000)
    elif what == "fail":
        raise KeyError(rest)
    return os.getpid(), torch.get_num_threads()


def tell(order: str, how: Lost) -> tuple[str, str]:
    return how.why, how.cause


def die() -> None:
    os._exit(3)


class Counter:
    """Work with a state that `begin` makes: how often it has worked since."""

    done: int

    def begin(self) -> None:
        self.done = 0

    def __call__(self, number: int) -> tuple[int, int]:
        self.done += 1
        return os.getpid(), self.done


def test_in_this_process_on_one_thread() -> None:
    torch.set_num_threads(2)
    try:
        assert [r for _, r in run_jobs(job, ["a", "b"], 0)] == [(os.getpid(), 1)] * 2
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_what_misbehaves_is_lost_alone_and_named(tmp_path: Path) -> None:
    good = [f"ok {i}" for i in range(6)]
    bad = {
        "die 11": ("crash", "SIGSEGV"),
        f"hang {tmp_path / 'pid'}": ("timeout", "1.5 s"),
    }
    once = f"stumble {tmp_path / 'stumbled'}"
    orders = [*good[:3], *bad, once, *good[3:]]
    done = dict(run_jobs(job, orders, 2, time_limit=1.5, lost=tell))
    assert done.keys() == set(orders)
    assert {order: done.pop(order) for order in bad} == bad
    assert all(result and result[0] != os.getpid() and result[1] == 1 for result in done.values())
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_without_a_word_for_it_a_lost_job_gives_none() -> None:
    assert [result for _, result in run_jobs(job, ["die 9"], 1)] == [None]


def test_jobs_are_taken_as_they_are_needed() -> None:
    taken = []

    def endless() -> Iterator[int]:
        for number in count():
            taken.append(number)
            yield number

    work = Counter()
    with closing(run_jobs(work, endless(), 2, begin=work.begin)) as results:
        first = [next(results) for _ in range(20)]
    assert len(taken) <= 20 + 2 * 2
    assert {number for number, _ in first} <= set(taken)
    by_process: dict[int, list[int]] = {}
    for _, result in first:
        assert result
        by_process.setdefault(result[0], []).append(result[1])
    for seen in by_process.values():  # begun once, then counted on
        assert seen == list(range(1, len(seen) + 1))


def test_a_crew_keeps_its_processes_between_calls() -> None:
    work = Counter()
    pool = Pool(work, 1, begin=work.begin)
    try:
        results = [result for _ in range(3) for _, result in pool.run([1, 2])]
    finally:
        pool.close()
    assert [seen for _, seen in results] == [1, 2, 3, 4, 5, 6]  # type: ignore[misc]


def inquire(number: int) -> list[int]:
    return [ask(number), ask(number + 1)]


def test_a_job_may_ask_who_gave_it() -> None:
    asked: dict[int, int] = {}

    def answer(number: int) -> int:
        asked[number] = os.getpid()
        return 10 * number

    pool = Pool(inquire, 2, answer=answer)
    try:
        assert dict(pool.run([1, 5, 9])) == {1: [10, 20], 5: [50, 60], 9: [90, 100]}
    finally:
        pool.close()
    assert asked == dict.fromkeys((1, 2, 5, 6, 9, 10), os.getpid())


def test_an_error_in_the_work_is_raised_here() -> None:
    with pytest.raises(KeyError, match="reason"):
        list(run_jobs(job, ["ok", "fail reason"], 1))


def test_processes_that_cannot_begin_end_the_run() -> None:
    with pytest.raises(
        RuntimeError, match=r"before their first job \(exit code 3\).*fewer workers"
    ):
        list(run_jobs(job, ["ok"], 1, begin=die))


@pytest.mark.parametrize("work", [job, partial(job), Counter()])
def test_what_the_work_needs_is_imported_once_for_all_processes(
    work: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    imported: list[str] = []
    monkeypatch.setattr(forkserver, "set_forkserver_preload", imported.extend)
    _context(work)
    assert imported == ["telltrace.jobs.worker", __name__]


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, got -1"):
        list(run_jobs(job, ["ok"], -1))
    with pytest.raises(ValueError, match="time_limit must be positive seconds, got 0"):
        list(run_jobs(job, ["ok"], 1, time_limit=0))


def test_closing_stops_at_once(tmp_path: Path) -> None:
    started = time.monotonic()
    note = tmp_path / "pid"
    orders = chain([f"hang {note}"], map("ok {}".format, count()))
    with closing(run_jobs(job, orders, 2)) as results:
        assert all(result for _, result in takewhile(lambda _: not _text(note), results))
    assert time.monotonic() - started < 60
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)
    assert threading.active_count() < 10


SCRIPT = """
import sys
from telltrace.jobs.pool import run_jobs
import hold
if __name__ == "__main__":
    list(run_jobs(hold.hang, [sys.argv[1]], 1, time_limit=float(sys.argv[2])))
"""
HOLD = """
import os, sys, time
from pathlib import Path
def hang(note):
    Path(note).write_text(str(os.getpid()))
    sys.setswitchinterval(1000)  # as a decoder that never lets another thread speak
    while True:
        pass
"""


def test_even_a_deaf_process_dies_after_its_killed_parent(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(SCRIPT)
    (tmp_path / "hold.py").write_text(HOLD)
    note = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, tmp_path / "run.py", note, "2"])
    while not _text(note):
        assert parent.poll() is None
        time.sleep(0.02)
    child = int(note.read_text())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and _lives(child):
        time.sleep(0.05)
    assert not _lives(child)


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
