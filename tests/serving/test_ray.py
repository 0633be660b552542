"""The same jobs on a Ray cluster."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from telltrace.faces.media import Status
from telltrace.inference import Verdict
from telltrace.serving.engines import ray_engines
from telltrace.serving.judging import UploadWorker

from .conftest import SMALL, serving

pytest.importorskip("ray", reason="needs the extra scale")
pytestmark = [  # Ray warns of its own ways, and leaves sockets to the end of the process
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Echo:
    """A scanner that says what is in a file, from a process that is not the service's child."""

    def scan(self, path: Path, progress: Any = None, stages: Any = None) -> Verdict:
        text = path.read_text()
        if text == "crash":
            import os

            os.abort()
        return Verdict(path=path, status=Status.NO_FACE, reason=text, remedy="-")


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type]:
    """The scanner above, from a module that Ray's processes can import too."""
    source = Path(__file__).read_text().partition("\n@pytest.fixture")[0]
    source = source.replace("from .conftest import SMALL, serving\n", "")
    (tmp_path / "echoing.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{':'.join(sys.path)}")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    import echoing

    yield echoing.Echo
    sys.modules.pop("echoing")


def test_a_cluster_judges_the_jobs_of_a_service(echo: type, tmp_path: Path) -> None:
    settings = replace(SMALL, data=tmp_path / "data", engine="ray", workers=1)
    engines = ray_engines(UploadWorker(echo, tells=False), settings)
    with serving(settings, engines) as running:
        assert running.service.judges.ready.wait(100)
        assert running.send("hello", "/v1/scan").json["reason"] == "hello"
        assert running.send("crash", "/v1/scan").problem == "crashed"
        assert running.send("again", "/v1/scan").json["reason"] == "again"
