import io
import logging

import pytest

from telltrace.jobs import progress as module
from telltrace.jobs.progress import progress


def test_nothing_is_shown_unless_the_logger_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Scanning", 2, "files") as advance:
        advance(2, note="1 lost")
    assert capsys.readouterr() == ("", "")


def test_where_nobody_watches_a_line_is_logged_now_and_then(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINE_EVERY", 0.0)
    with caplog.at_level(logging.INFO, "telltrace"), progress("Scanning", 9, "files") as advance:
        advance()
        advance(3, note="1 lost")
    assert [text.partition(" files,")[0] for text in caplog.messages] == [
        "Scanning: 1 of 9",
        "Scanning: 4 of 9",
    ]
    assert caplog.messages[1].endswith("left, 1 lost")


def test_files_of_an_earlier_run_do_not_count_for_the_speed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINE_EVERY", 0.0)
    monkeypatch.setattr(
        module, "describe_rate", lambda done, left, *_: f"{done} in this run, {left} left"
    )
    with (
        caplog.at_level(logging.INFO, "telltrace"),
        progress("Scanning", 100, "files", done=70) as advance,
    ):
        advance(10)
    assert caplog.messages == ["Scanning: 80 of 100 files, 10 in this run, 20 left"]


def test_names_of_files_are_shown_and_neither_read_as_markup_nor_obeyed(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", screen)
    for name, value in {"TERM": "xterm", "COLUMNS": "200", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    with caplog.at_level(logging.INFO, "telltrace"), progress("Scanning", 2, "files") as advance:
        advance(1, note="a[/b].jpg\x1b[9m: frame 1")
    assert r"a[/b].jpg\x1b[9m: frame 1" in screen.getvalue()
