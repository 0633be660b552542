"""The commands that a newcomer meets first: doctor, quickstart, completion."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from telltrace.cli import COMMANDS, main
from telltrace.cli.doctor import EXTRAS
from telltrace.cli.parser import Command
from telltrace.cli.quickstart import FILES

Captured = pytest.CaptureFixture[str]
COMPLETE = """\
source telltrace.bash
COMP_WORDS=({words}) COMP_CWORD={place}
_telltrace
echo "${{COMPREPLY[@]}}"
"""


def test_the_doctor_finds_this_machine_well(capsys: Captured) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for subject in ("telltrace", "Python", "packages", "GPU", "backends", "videos read", "font"):
        assert f"ok      {subject}" in said
    assert "torch " + metadata.version("torch") in said
    assert "H.264" in said
    assert "blend_lite, in the package" in said


def test_the_doctor_names_what_is_missing_and_what_mends_it(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    version = metadata.version

    def without(name: str) -> str:
        if name in ("ray", "av"):
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without)
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr("telltrace.checkpoint.BUNDLED", tmp_path / "gone.safetensors")
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "MISSING packages" in said
    assert re.search(r"without av\n +In the folder of .* run: pip install \.\n", said)
    assert "without ray, for scans and sweeps on a Ray cluster" in said
    assert "Run: pip install 'telltrace[scale]'" in said
    assert "Set TELLTRACE_CACHE to a folder of yours." in said
    assert "gone.safetensors: no such file" in said


@pytest.mark.parametrize("package", ["av", "PIL", "cv2", "safetensors"])
def test_the_doctor_goes_on_where_a_package_cannot_be_imported(package: str) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None
from telltrace.cli import main
sys.exit(main(["doctor"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert re.search(f"^MISSING .* cannot be looked at .*{package}.*", done.stdout, re.MULTILINE)
    assert "ok      telltrace" in done.stdout


def test_the_extras_that_the_doctor_explains_are_declared() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert set(EXTRAS) <= set(project["optional-dependencies"])


def test_quickstart_writes_a_project_once(tmp_path: Path, capsys: Captured) -> None:
    project = tmp_path / "first"
    assert main(["quickstart", str(project)]) == 0
    assert "README.md says how to go on" in capsys.readouterr().out
    written = {path.name for path in project.iterdir()}
    assert written == {*FILES, "media"}
    assert {path.name for path in (project / "media").iterdir()} == {"real", "fake"}
    assert main(["quickstart", str(project)]) == 2
    assert "is there already, and nothing is overwritten" in capsys.readouterr().err


def test_the_recipe_and_the_commands_of_the_project_are_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["quickstart", str(tmp_path / "first")])
    monkeypatch.chdir(tmp_path / "first")
    values: dict[str, Any] = COMMANDS["train"].parse("train", ["--config", "recipe.yaml"])
    recipe = yaml.safe_load(Path("recipe.yaml").read_text())
    assert values["detector"] == recipe["detector"]
    lines = [
        line.split()
        for line in FILES["train.sh"].replace("\\\n", "").splitlines()
        if "telltrace " in line
    ]
    calls = [line[1 : line.index("||") if "||" in line else None] for line in lines]
    assert [call[0] for call in calls] == [
        "prepare", "audit", "train", "predict", "evaluate", "report",
    ]  # fmt: skip
    for name, *arguments in calls:
        COMMANDS[name].parse(name, [word for word in arguments if word != '"$@"'])
    compile(FILES["judge.py"], "judge.py", "exec")


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from telltrace.cli.completion import completion

    few = {name: COMMANDS[name] for name in ("scan", "doctor", "export")}
    path = tmp_path_factory.mktemp("shell") / "telltrace.bash"
    path.write_text(completion("bash", few))
    return path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("telltrace s", {"scan"}),
        ("telltrace --c", {"--completion"}),
        ("telltrace scan --rep", {"--report"}),
        ("telltrace scan --format js", {"json", "jsonl"}),
        ("telltrace export --precision f", {"fp32", "fp16"}),
        ("telltrace scan pict", set()),
    ],
)
def test_bash_completes_commands_options_and_values(
    words: str, expected: set[str], script: Path
) -> None:
    shell = COMPLETE.format(words=words, place=len(words.split()) - 1)
    call = ["bash", "-c", shell]
    done = subprocess.run(call, cwd=script.parent, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == expected
    assert done.stderr == ""


def test_another_shell_is_refused_with_a_way_out(capsys: Captured) -> None:
    assert main(["--completion", "fish"]) == 2
    assert "bashcompinit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("evaluate scores.csv --level 2", "level must lie between 0 and 1, got 2.0."),
        ("evaluate scores.csv --replicates 0", "replicates must be at least 2, got 0."),
        ("benchmark default --samples 0", "samples must be at least 1, got 0."),
        ("complexity resnet26 --image-size 0", "image_size must be at least 1, got 0."),
        ("complexity vgg13 --image-size 4", "takes no images of 4 x 4 pixels"),
        ("complexity timm:qqqq", "timm.list_models() lists those it has."),
        ("scan scores.csv --threads 0", "threads must be at least 1, got 0."),
        ("scan scores.csv --frames 0", "frames must be a positive number, got 0."),
        ("serve --port 99999", "port must be at most 65535, got 99999."),
        ("explain scores.csv", "--out is missing."),
        ("verify gone.json", "gone.json: No such file or directory. Check its name, and whether"),
        ("complexity qqqq", "'qqqq'. `telltrace detectors` lists them; timm:NAME and sfi:NAME"),
        ("prepare", "source, --out is missing."),
        ("scan -a.jpg", "there is no option -a.jpg. A file of that name is given as ./-a.jpg."),
        ("verify pipe", "pipe: is a pipe or a device, not a file. Save its content to a file"),
        ("verify scores.csv /dev/zero", "/dev/zero: is a pipe or a device, not a file."),
        ("evaluate pipe", "pipe: is a pipe or a device, not a file."),
        ("predict scores.csv --out ./scores.csv", "scores.csv: is read, so it cannot be --out"),
        ("audit scores.csv --out scores.csv", "scores.csv: is read, so it cannot be --out too."),
        ("audit scores.csv --out pipe", "pipe: is a pipe or a device. Give the name of a file"),
        ("predict scores.csv --out x.txt", "Give a name that ends in .csv or .parquet."),
        ("predict scores.csv --out folder.csv", "folder.csv: is a folder. Give the name"),
        ("evaluate scores.csv --roc scores.csv/x.png", "scores.csv is no folder). Choose another"),
        ("scan scores.csv --pictures scores.csv", "scores.csv is no folder). Choose another"),
        ("evaluate scores.csv --seed -1", "seed must lie between 0 and 4294967295, got -1."),
        ("evaluate comma.csv", "comma.csv: not a readable CSV (Error tokenizing data. C error: E"),
        ("evaluate twice.csv", "twice.csv: has the column score twice. Rename or delete one"),
        ("evaluate deep.json", "deep.json: is no JSON (maximum recursion depth"),
        ("calibrate a.safetensors scores.csv ./scores.csv --out c.safetensors", "is named twice."),
        ("complexity meso4 --options.num_classes x", "num_classes must be a value such as 2, got"),
        ("complexity meso4 --options.num_classes 0", "num_classes must be a value such as 2, got"),
        ("complexity external:json:dumps", "external:json:dumps cannot be called (dumps() missing"),
        ("show manifest scores.csv --out a.png --size -1", "size must be at least 1, got -1."),
        ("show blends scores.csv --out a.png --seed -1", "seed must lie between 0 and"),
        ("audit scores.csv --frames 0", "frames must be at least 1, got 0."),
        ("train --manifest scores.csv --out t --seed -1", "seed must lie between 0 and"),
        ("train --manifest a --out t --optim.weight_decay -1", "weight_decay must lie between"),
        ("train --manifest a --out t --data.std 0 1 1", "std must be positive, got (0.0, 1.0"),
        ("prepare a --out b --paper.scale -1", "telltrace: scale must be positive, got -1.0."),
        ("prepare a --out b --paper.nosuch 1", "--paper.nosuch is no option, or cannot have"),
        ("train --manifest a --out t --optim.clip_norm 0", "clip_norm must be positive, got 0.0."),
        ("train --manifest a --out t --objective.label_smoothing 5", "must lie in [0, 1), got 5"),
        ("evaluate scores.csv --roc a.png --tippett a.png", "Two pictures have the same name."),
        ("runs run", "run/recipe.json: is no readable JSON"),
        ("report robust --out a.html", "robust/robustness.json: is no readable JSON"),
        ("serve --data scores.csv", "scores.csv is no folder). Choose another place."),
        ("--hlep", "there is no command '--hlep'. Did you mean --help?"),
    ],
)
def test_what_a_newcomer_gets_wrong_is_one_sentence(
    call: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{i % 2},{0.3 + 0.4 * (i % 2)},v{i}\n" for i in range(8))
    Path("scores.csv").write_text(f"label,score,video\n{rows}")
    Path("comma.csv").write_text(f"label,score,video\n{rows}1,0.5,a,b\n")
    Path("twice.csv").write_text("label,score,score\n1,0.2,0.9\n")
    Path("deep.json").write_text("[" * 100_000)
    for name in ("run/recipe.json", "run/metrics.csv", "robust/robustness.json"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text("{")
    Path("folder.csv").mkdir()
    os.mkfifo("pipe")
    assert main(call.split()) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("prepare", "interrupted. The same command goes on where it was.\n"),
        ("scan --out=results", "interrupted. The same command goes on where it was.\n"),
        ("scan", "interrupted. The same command starts from the beginning.\n"),
        ("predict", "interrupted. The same command starts from the beginning.\n"),
    ],
)
def test_an_interrupted_command_says_whether_it_goes_on(
    call: str, said: str, capsys: Captured
) -> None:
    def stop(*, out: Path = Path("out")) -> int:
        """Stop."""
        raise KeyboardInterrupt

    name, *_ = call.split()
    assert main(call.split(), {name: Command(stop)}) == 130
    assert capsys.readouterr().err == f"telltrace: {said}"
