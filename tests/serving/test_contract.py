"""Whatever is sent to the API, the answer is one that its description names."""

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Running

pytest.importorskip("schemathesis", reason="needs schemathesis, of the extra dev")


def test_the_api_is_as_it_is_described(running: Running, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{running.url}/openapi.json"]
    options = ["--max-examples", "5", "--checks", "all", "--phases", "examples,coverage,fuzzing"]
    quiet = ["--no-color", "--generation-deterministic"]
    done = subprocess.run(
        [*command, *options, *quiet], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
