"""The cluster's engine gives what the processes' engine gives, and what it cannot have, it says."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from telltrace.inference.many import Engine, scan_many

pytest.importorskip("ray")
pytestmark = [  # Ray warns of its own ways, and leaves sockets to the end of the process
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Told:
    def __init__(self, path: Path) -> None:
        self.values = {"path": str(path), "status": "REAL", "reason": path.read_text()}

    def to_dict(self) -> dict[str, Any]:
        return self.values


class Reader:
    """A scanner that does what a file tells it to."""

    def scan(self, path: Path) -> Told:
        told = Told(path)
        if told.values["reason"] == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if told.values["reason"] == "hang":
            time.sleep(1000)
        return told


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Reader]]:
    """The scanner above, from a module that Ray's processes can import too."""
    (tmp_path / "telling.py").write_text(Path(__file__).read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    import telling

    yield telling.Reader
    sys.modules.pop("telling")


def test_a_cluster_judges_as_processes_do(reader: Callable[[], Reader], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(12):
        (tmp_path / "in" / f"{number:02d}\n").write_text(f"text {number}")
    (tmp_path / "in" / "03\n").write_text("crash")
    (tmp_path / "in" / "07\n").write_text("hang")
    engines: tuple[Engine, Engine] = ("process", "ray")
    for engine in engines:
        scan_many(
            [str(tmp_path / "in")],
            tmp_path / engine,
            reader,
            {},
            engine=engine,
            workers=1,
            time_limit=3,
            progress=False,
        )
    for name in ("verdicts.jsonl", "verdicts.csv"):
        ours, theirs = ((tmp_path / engine / name).read_bytes() for engine in ("process", "ray"))
        assert ours == theirs
    summary = json.loads((tmp_path / "ray" / "summary.json").read_text())
    assert summary["lost"] == {"crash": 1, "timeout": 1}
    done = scan_many(
        [str(tmp_path / "in")], tmp_path / "ray", reader, {}, engine="ray", progress=False
    )
    assert done.reused == done.files == 12


def test_without_ray_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "a.mp4").touch()
    with pytest.raises(ValueError, match=r"pip install 'telltrace\[scale\]'"):
        scan_many([str(tmp_path / "a.mp4")], tmp_path / "out", Reader, {}, engine="ray")
