"""Whatever is sent to the API, the answer is one that its description names."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from .conftest import SMALL, serving

pytest.importorskip("schemathesis", reason="needs schemathesis, of the extra dev")


def test_the_api_is_as_it_is_described(tmp_path: Path) -> None:
    """With a key, so that what is sent without one is seen to be refused."""
    with serving(replace(SMALL, data=tmp_path / "data")) as running:
        running.gate.set()
        key = running.service.keyring.add("tester")
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{running.url}/openapi.json"]
        options = ["--max-examples", "5", "--checks", "all", "--generation-deterministic"]
        options += ["--phases", "examples,coverage,fuzzing", "--no-color", "--continue-on-failure"]
        done = subprocess.run(
            [*command, *options, "--header", f"Authorization: Bearer {key}"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=120,
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
