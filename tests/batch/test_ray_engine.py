"""The cluster's engine gives what the processes' engine gives, and what it cannot have, it says."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from telltrace.batch.scan import Engine, run_batch
from telltrace.batch.worker import SplitScanner
from telltrace.jobs.worker import ask

pytest.importorskip("ray")
pytestmark = [  # Ray warns of its own ways, and leaves sockets to the end of the process
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Told:
    def __init__(self, path: Path) -> None:
        self.values = {"path": str(path), "status": "REAL", "reason": path.read_text()}
        self.seconds: dict[str, float] = {}

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


class Doubler:
    """A model that doubles, and tells where it is."""

    def score(self, number: int, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.array([number, 2.0 * images.sum(), os.getpid()])


class Asker:
    """A scanner that has its numbers doubled elsewhere."""

    def scan(self, path: Path) -> Told:
        told = Told(path)
        number, doubled, where = ask((7, np.full(2, len(path.name), np.uint8)))
        told.values["reason"] = f"{number:g} {doubled:g} {where != os.getpid() != os.getppid()}"
        return told


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Reader]]:
    """The scanner above, from a module that Ray's processes can import too."""
    folder = tmp_path_factory.mktemp("telling")
    (folder / "telling.py").write_text(Path(__file__).read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", str(folder))
        patch.delenv("RAY_ADDRESS", raising=False)
        import telling

        yield telling.Reader
        sys.modules.pop("telling")


@pytest.fixture(scope="module")
def calls(reader: Callable[[], Reader]) -> Iterator[list[str]]:
    """What is asked of the cluster; it is made, with a GPU, by the first scan that asks for one.

    Making one takes long, so it ends with these tests and not with the scan.
    """
    import ray

    calls: list[str] = []
    begin, end = ray.init, ray.shutdown

    def init(**options: Any) -> None:
        calls.append("init")
        if not ray.is_initialized():
            begin(**options | {"num_cpus": 2, "num_gpus": 1})

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "0")
        patch.setattr(ray, "init", init)
        patch.setattr(ray, "shutdown", lambda: calls.append("shutdown"))
        yield calls
    end()


def test_a_cluster_judges_as_processes_do(
    reader: Callable[[], Reader], calls: list[str], tmp_path: Path
) -> None:
    calls.clear()
    (tmp_path / "in").mkdir()
    for number in range(12):
        (tmp_path / "in" / f"{number:02d}\n").write_text(f"text {number}")
    (tmp_path / "in" / "03\n").write_text("crash")
    (tmp_path / "in" / "07\n").write_text("hang")
    engines: tuple[Engine, Engine] = ("process", "ray")
    for engine in engines:
        run_batch(
            [str(tmp_path / "in")],
            tmp_path / engine,
            reader,
            {},
            engine=engine,
            workers=1,
            time_limit=3,
        )
    for name in ("verdicts.jsonl", "verdicts.csv"):
        ours, theirs = ((tmp_path / engine / name).read_bytes() for engine in ("process", "ray"))
        assert ours == theirs
    summary = json.loads((tmp_path / "ray" / "summary.json").read_text())
    assert summary["lost"] == {"crash": 1, "timeout": 1}
    assert calls == ["init", "shutdown"]
    done = run_batch([str(tmp_path / "in")], tmp_path / "ray", reader, {}, engine="ray")
    assert done.reused == done.files == 12


def test_a_cluster_with_gpus_holds_the_models_there(
    reader: Callable[[], Reader], calls: list[str], tmp_path: Path
) -> None:
    import telling

    calls.clear()
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / ("x" * (number + 1))).write_text("text")
    parts = SplitScanner(telling.Asker, telling.Doubler)
    run_batch(
        *([str(tmp_path / "in")], tmp_path / "out", reader, {}),
        engine="ray",
        workers=1,
        split=parts,
    )
    lines = (tmp_path / "out" / "verdicts.jsonl").read_text().splitlines()
    said = [json.loads(line)["reason"] for line in lines]
    assert said == ["7 4 True", "7 8 True", "7 12 True"]
    assert calls == ["init", "shutdown"]


def test_without_ray_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    (tmp_path / "a.mp4").touch()
    with pytest.raises(ValueError, match=r"pip install 'telltrace\[scale\]'"):
        run_batch([str(tmp_path / "a.mp4")], tmp_path / "out", Reader, {}, engine="ray")
