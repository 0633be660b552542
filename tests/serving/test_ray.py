"""The same jobs on a Ray cluster."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from telltrace.serving.engines import ray_engines
from telltrace.serving.judging import UploadWorker

from .conftest import SMALL, serving

pytest.importorskip("ray", reason="needs the extra scale")
pytestmark = [  # Ray warns of its own ways, and leaves sockets to the end of the process
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type]:
    """A scanner from a module that Ray's processes can import too."""
    (tmp_path / "echoing.py").write_text(Path(__file__).with_name("obedient.py").read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{':'.join(sys.path)}")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    import echoing

    yield echoing.Obedient
    sys.modules.pop("echoing")


def test_a_cluster_judges_the_jobs_of_a_service(echo: type, tmp_path: Path) -> None:
    settings = replace(SMALL, data=tmp_path / "data", engine="ray", workers=1)
    engines = ray_engines(UploadWorker(echo, tells=False), settings)
    with serving(settings, engines) as running:
        assert running.service.judges.ready.wait(100)
        assert running.send("hello", "/v1/scan").json["reason"] == "hello"
        assert running.send("crash", "/v1/scan").problem == "crashed"
        assert running.send("again", "/v1/scan").json["reason"] == "again"
