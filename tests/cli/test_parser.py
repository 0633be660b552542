import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from telltrace.cli import COMMANDS, main
from telltrace.cli.parser import create_parser, run


def recorder(calls: list[dict[str, object]]) -> Callable[..., int]:
    def command(media: list[Path], *, batch_size: int = 4, json: bool = False) -> int:
        """Do it.

        Args:
            media: Files.
            batch_size: At a time.
            json: As JSON.
        """
        calls.append({"media": media, "batch_size": batch_size, "json": json})
        return 0

    return command


def test_arguments_options_and_flags_reach_the_function() -> None:
    calls: list[dict[str, object]] = []
    assert run({"do": recorder(calls)}, ["do", "a-b", "c", "--batch-size", "8", "--json"]) == 0
    assert calls == [{"media": [Path("a-b"), Path("c")], "batch_size": 8, "json": True}]


def test_a_yaml_file_is_a_saved_call(tmp_path: Path) -> None:
    saved = tmp_path / "call.yaml"
    saved.write_text("batch_size: 16\n")
    calls: list[dict[str, object]] = []
    run({"do": recorder(calls)}, ["do", "x", "--config", str(saved)])
    assert calls == [{"media": [Path("x")], "batch_size": 16, "json": False}]


def test_a_recipe_may_hold_the_whole_call(tmp_path: Path) -> None:
    saved = tmp_path / "train.yaml"
    saved.write_text("manifest: [a.csv, b.csv]\nout: runs/a\noptim: {lr: 1e-3}\n")
    settings = create_parser(COMMANDS).parse_args(
        ["train", "--config", str(saved), "--optim.epochs", "3"]
    )
    assert settings.train.manifest == [Path("a.csv"), Path("b.csv")]
    assert (settings.train.optim.lr, settings.train.optim.epochs) == (1e-3, 3)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("a.mp4: is empty. Copy it again."), 2, "telltrace: a.mp4: is empty"),
        (KeyboardInterrupt(), 130, "telltrace: interrupted"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> int:
        """Fail."""
        raise error

    assert run({"broken": broken}, ["broken"]) == code
    assert capsys.readouterr().err.startswith(said)


def test_help_names_every_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    overview = capsys.readouterr().out
    for name in COMMANDS:
        assert name in overview
        with pytest.raises(SystemExit):
            main([name, "--help"])
        assert "Args:" not in capsys.readouterr().out


def test_help_answers_at_once_because_it_imports_no_torch() -> None:
    check = (
        "import sys; from telltrace.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'pandas', 'cv2', 'av', 'numpy'} & set(sys.modules)))"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert time.perf_counter() - start < 5  # measured 0.15 s; generous on a busy machine
