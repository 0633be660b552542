"""`telltrace serve keys` as a user calls it."""

from pathlib import Path

import pytest

from telltrace.cli import main

pytest.importorskip("fastapi", reason="needs the extra serve")


def test_a_key_is_added_listed_and_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str) -> str:
        assert main(["serve", "keys", *words, "--data", str(tmp_path / "service")]) == 0
        return capsys.readouterr().out

    assert run("list") == f"No keys in {tmp_path / 'service'}.\n"
    key = run("add", "analyst")
    _, key_id, secret = key.strip().split("_", 2)
    listed = run("list")
    assert key_id in listed
    assert secret not in listed
    run("revoke", key_id)
    assert "revoked" in run("list")


def test_other_addresses_want_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", "0.0.0.0", "--data", str(tmp_path)]) == 2
    assert "--insecure" in capsys.readouterr().err


def test_ctrl_c_ends_it_and_says_what_comes_of_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("telltrace.serving.app.serve_forever", stop)
    assert main(["serve", "--data", str(tmp_path)]) == 0
    assert "stopped. Jobs that wait are judged when it is started" in capsys.readouterr().err
