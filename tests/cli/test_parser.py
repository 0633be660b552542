"""Functions as commands: what is parsed, and how what goes wrong is said."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from telltrace.cli import COMMANDS, main
from telltrace.cli.parser import Command
from telltrace.errors import ManifestError

Captured = pytest.CaptureFixture[str]
calls: list[dict[str, object]] = []


def do(media: list[Path], *, batch_size: int = 4, json: bool = False) -> int:
    """Do it.

    Args:
        media: Files.
        batch_size: At a time.
        json: As JSON.
    """
    calls.append({"media": media, "batch_size": batch_size, "json": json})
    return 0


@pytest.fixture(autouse=True)
def no_calls() -> None:
    calls.clear()


def test_arguments_options_and_flags_reach_the_function() -> None:
    assert main(["do", "a-b", "c", "--batch-size", "8", "--json"], {"do": Command(do)}) == 0
    assert calls == [{"media": [Path("a-b"), Path("c")], "batch_size": 8, "json": True}]


def test_after_two_dashes_everything_is_a_file() -> None:
    assert main(["do", "--json", "--", "--a-b.jpg", "-c"], {"do": Command(do)}) == 0
    assert calls == [{"media": [Path("--a-b.jpg"), Path("-c")], "batch_size": 4, "json": True}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scan", ""], "an argument is empty. Give a name, or leave it out."),
        (["scan", "a", "--out", ""], "--out is empty."),
        (["scan", "a\udcff.jpg"], r"a\udcff.jpg: is no text in UTF-8. Rename the file, or name"),
    ],
)
def test_an_argument_that_is_empty_or_no_text_is_refused(
    arguments: list[str], said: str, capsys: Captured
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"telltrace: {said}")


def test_a_setting_of_several_numbers_takes_them_one_by_one() -> None:
    call = ["--manifest", "a", "--data.mean", "0.5", "0.25", "-1", "--out", "b"]
    assert COMMANDS["train"].parse("train", call)["data"].mean == (0.5, 0.25, -1)
    call = ["xception", "a.pth", "b.safetensors", "--mean", "0", "0", "0", "--margin", "2"]
    assert COMMANDS["import-weights"].parse("import-weights", call)["mean"] == (0, 0, 0)


def test_a_yaml_file_is_a_saved_call(tmp_path: Path) -> None:
    saved = tmp_path / "call.yaml"
    saved.write_text("batch_size: 16\n")
    for more in (["--config", str(saved)], [f"--config={saved}"]):
        main(["do", "x", *more], {"do": Command(do)})
    assert calls == [{"media": [Path("x")], "batch_size": 16, "json": False}] * 2


def test_the_options_of_the_library_are_those_of_the_command(tmp_path: Path) -> None:
    def audit(manifest: list[Path], **options: object) -> int:
        """Audit."""
        calls.append({"manifest": manifest, **options})
        return 0

    command = Command(audit, "auditing.media.look_at_files", without=["paths", "after"])
    assert main(["audit", "a.csv", "--frames", "2"], {"audit": command}) == 0
    assert calls == [{"manifest": [Path("a.csv")], "frames": 2, "workers": 0}]


def test_a_recipe_may_hold_the_whole_call(tmp_path: Path) -> None:
    saved = tmp_path / "train.yaml"
    saved.write_text("manifest: [a.csv, b.csv]\nout: runs/a\noptim: {lr: 1e-3}\n")
    call = ["--config", str(saved), "--optim.epochs", "3"]
    settings = COMMANDS["train"].parse("train", call)
    assert settings["manifest"] == [Path("a.csv"), Path("b.csv")]
    assert (settings["optim"].lr, settings["optim"].epochs) == (1e-3, 3)
    saved.write_text("manifest: a.csv\nout: runs/a\n")
    assert COMMANDS["train"].parse("train", call)["manifest"] == [Path("a.csv")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "out: x\n\noptim:\n  epocs: 3\n",
            "line 4: there is no option 'optim.epocs'. Did you mean",
        ),
        ("# mine\nzzz: 1\n", "line 2: there is no option 'zzz'."),
        ("manifest: [a\nout: b\n", "line 2: is not YAML (expected ',' or ']', but got ':')."),
        ("just words", "holds no options. Write lines such as 'seed: 7'."),
        ("out: !!python/object/apply:os.getcwd []\n", "line 1: is not YAML (could not determine"),
    ],
)
def test_what_is_wrong_in_a_yaml_file_is_said_with_file_and_line(
    text: str, said: str, tmp_path: Path, capsys: Captured
) -> None:
    saved = tmp_path / "call.yaml"
    saved.write_text(text)
    assert main(["train", "--config", str(saved)]) == 2
    assert f"telltrace: {saved}: {said}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("scna", "there is no command 'scna'. Did you mean scan?"),
        ("scan a --smaple all", "there is no option --smaple. Did you mean --sample?"),
        (
            "scan a --sample al",
            "--sample must be one of adaptive, spread, every, fps, all, got 'al'.",
        ),
        ("scan", "media is missing. See telltrace scan --help."),
        ("train --manifest a", "--out is missing. See telltrace train --help."),
        ("train --manifest a --out b --seed x", "--seed must be a whole number, got 'x'."),
        ("train --manifest a --out b --optim.lr -1", "lr must be positive, got -1.0."),
        ("train --manifest a --out b --optim.epochs 0", "epochs must be at least 1, got 0."),
        ("train --manifest a --out b --config no.yaml", "no.yaml: No such file"),
        ("robustness a b --out c --levels x", "--levels must be a list of whole numbers, got 'x'."),
    ],
)
def test_a_wrong_call_is_one_sentence(call: str, said: str, capsys: Captured) -> None:
    assert main(call.split()) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"telltrace: {said}")
    assert shown.err.count("\n") == 1
    assert shown.out == ""


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ManifestError("is empty", remedy="Copy it again.", path="a.csv"), 2, "a.csv: is empty. C"),
        (
            NotADirectoryError(20, "Not a directory", "a/b"),
            2,
            "a/b: Not a directory. Check its name, and whether you may use it.\n",
        ),
        (ManifestError("is empty", path="a\x1b[2K\nb.csv"), 2, r"a\x1b[2K\nb.csv: is empty."),
        (FileNotFoundError(2, "No such file", "a\nb"), 2, r"a\nb: No such file. Check"),
        (MemoryError(), 2, "there is too little memory for this. Use smaller pictures"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (KeyError("x"), 70, "an error of telltrace itself (KeyError: 'x'). Please report it with"),
        (ValueError("x"), 70, "an error of telltrace itself (ValueError: x). Please report it"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    error: BaseException, code: int, said: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: Captured,
) -> None:  # fmt: skip
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def broken() -> int:
        """Fail."""
        raise error

    assert main(["broken"], {"broken": Command(broken)}) == code
    assert capsys.readouterr().err.startswith(f"telltrace: {said}")
    reports = [path.read_text() for path in tmp_path.iterdir()]
    assert ["Error: " in text and "in broken" in text for text in reports] == [True] * (code == 70)


def test_help_names_every_command_and_option(capsys: Captured) -> None:
    assert main(["--help"]) == 0
    overview = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"  {name} " in overview
        with pytest.raises(SystemExit):
            main([name, "--help"])
        shown = capsys.readouterr().out
        assert "Args:" not in shown
        for option, parameter in command.parameters.items():
            if parameter.kind is parameter.KEYWORD_ONLY:
                assert f"--{option} " in shown
        assert "_ " not in shown


def test_help_answers_at_once_because_it_imports_no_torch() -> None:
    check = (
        "import sys; from telltrace.cli import main\n"
        "main(['--help'])\n"
        "print(sorted({'torch', 'pandas', 'cv2', 'av', 'numpy'} & set(sys.modules)))"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert time.perf_counter() - start < 5  # measured 0.15 s; generous on a busy machine


def test_a_yaml_file_with_a_value_in_the_place_of_a_group_is_refused(
    tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "call.yaml").write_text("manifest: [a.csv]\nout: b\noptim: 5\n")
    assert main(["train", "--config", str(tmp_path / "call.yaml")]) == 2
    assert "optim is a group, got 5. Give its options, such as" in capsys.readouterr().err
