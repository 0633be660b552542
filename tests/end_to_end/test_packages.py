"""What is shipped: the same bytes from two builds, all that is needed, its hints and its terms."""

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from telltrace.files import file_sha256

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NEEDED = [
    "telltrace/py.typed",
    "telltrace/weights/default.safetensors",
    "telltrace/inference/scan.schema.json",
    "telltrace/data/splits/ffpp_official.json",
    "telltrace/reproduction/recipes.toml",
    "telltrace/explanation/graded.json",
]


def build(folder: Path, date: int) -> dict[str, Path]:
    """A wheel and an sdist, built as an installer does, at another time."""
    environment = os.environ | {"TZ": f"UTC{date}"}
    environment.pop("SOURCE_DATE_EPOCH", None)
    call = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(call, cwd=ROOT, env=environment, check=True, capture_output=True)
    return {path.suffix: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Path]]:
    if find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed: pip install 'telltrace[dev]'.")
    return [build(tmp_path_factory.mktemp(f"dist{n}"), n) for n in (1, 2)]


def test_two_builds_give_the_same_bytes(built: list[dict[str, Path]]) -> None:
    first, second = built
    assert first.keys() == {".whl", ".gz"}
    for kind, path in first.items():
        assert file_sha256(path) == file_sha256(second[kind]), kind


def test_the_wheel_holds_the_package_and_nothing_else(built: list[dict[str, Path]]) -> None:
    with zipfile.ZipFile(built[0][".whl"]) as wheel:
        names = wheel.namelist()
        (points,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "telltrace = telltrace.cli:main" in wheel.read(points).decode()
    assert [name for name in NEEDED if name not in names] == []
    assert any(name.endswith("licenses/LICENSE") for name in names)
    outside = [n for n in names if not re.match(r"telltrace(/|-[\d.]+\.dist-info/)", n)]
    assert outside == []
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []


def test_the_sdist_holds_what_builds_the_wheel(built: list[dict[str, Path]]) -> None:
    with tarfile.open(built[0][".gz"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for name in ("pyproject.toml", "README.md", "LICENSE", *(f"src/{one}" for one in NEEDED)):
        assert name in names, name


def test_the_page_of_dependencies_lists_all_that_are_declared() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    extras = PROJECT["optional-dependencies"]
    declared = [*PROJECT["dependencies"], *(one for group in extras.values() for one in group)]
    for requirement in declared:
        name = re.split(r"[^\w.-]", requirement)[0].lower()
        if name != "telltrace":
            assert re.search(rf"^\| {re.escape(name)} \|", page, re.MULTILINE), name


def test_the_type_hints_serve_who_uses_the_package(tmp_path: Path) -> None:
    """As an editor checks the examples and the first pages' programs; `make check` asks mypy."""
    if find_spec("basedpyright") is None:
        pytest.skip("basedpyright is not installed: pip install 'telltrace[dev]'.")
    programs = [path.read_text() for path in (ROOT / "examples").glob("*.py")]
    for page in ("README.md", "docs/quickstart/engineer.md", "docs/guides/sharing.md"):
        programs += re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    for number, program in enumerate(programs):
        (tmp_path / f"program{number}.py").write_text(program)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}')
    call = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, "--outputjson"]
    done = subprocess.run([*call, "-p", str(tmp_path)], capture_output=True, text=True)
    said = json.loads(done.stdout)
    assert said["summary"]["filesAnalyzed"] == len(programs)
    wrong = [one for one in said["generalDiagnostics"] if one["severity"] == "error"]
    assert [f"{Path(one['file']).name}: {one['message']}" for one in wrong] == []
