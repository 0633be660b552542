"""The files for containers: hardened, and with commands that the program understands."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from telltrace.cli import main

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
STEPS = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text()).splitlines()


def last(instruction: str) -> str:
    """What the last instruction of a kind says."""
    return next(step for step in reversed(STEPS) if step.startswith(f"{instruction} ")).split(
        " ", 1
    )[1]


def test_the_final_image_is_built_from_a_clean_one_and_has_no_root() -> None:
    assert [step for step in STEPS if step.startswith("FROM")][-1] == "FROM python:${PYTHON}-slim"
    assert last("USER") == "10001"
    assert STEPS.index("USER 10001") > max(i for i, s in enumerate(STEPS) if "RUN" in s)
    assert "/healthz" in last("HEALTHCHECK")


def test_only_what_is_built_goes_into_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {word for step in STEPS if step.startswith("COPY ") for word in step.split()[1:-1]}
    assert ignored[0] == "*"
    assert kept == {word for word in copied if not word.startswith(("--", "/"))}
    assert all((ROOT / name).exists() for name in kept)


@pytest.mark.parametrize("name", list(COMPOSE["services"]))
def test_each_service_is_hardened(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert {v.split(":")[0] for v in service.get("volumes", [])} <= set(COMPOSE["volumes"])


@pytest.mark.parametrize("where", ["Dockerfile", "compose.yaml"])
def test_keys_are_made_by_the_entry_point(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = json.loads(last("ENTRYPOINT"))
    if where == "compose.yaml":
        words = COMPOSE["services"]["telltrace"]["entrypoint"]
        assert words[-2] == "--database"
        words = [*words[:-1], f"sqlite:///{tmp_path / 'jobs.sqlite'}"]
    assert words[0] == "telltrace"
    options = [str(tmp_path) if word == "/data" else word for word in words[1:]]
    assert main([*options, "keys", "add", "analyst"]) == 0
    assert capsys.readouterr().out.startswith("tt_")
