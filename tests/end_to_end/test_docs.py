"""The pages: links lead somewhere, commands can be given, examples run, figures are drawn."""

import ast
import importlib.util
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml
from PIL import Image
from skimage import data

from telltrace import cli

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
ELSEWHERE = {"README.md", "docs/train.md", "docs/robustness.md", "docs/serve.md"}
"""Pages whose Python is run by test_readme.py, takes crops to train on, or asks a service."""


def anchors(text: str) -> set[str]:
    """The names by which headings can be linked to."""
    plain = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", plain, re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        found.add(name if name not in found else f"{name}-1")
    return found


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_somewhere(page: str) -> None:
    text = FENCE.sub("", TEXTS[page])
    for link in LINK.findall(re.sub(r"`[^`]*`", "", text)):
        target, _, place = link.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), f"{page}: {link}"
        if place:
            assert place in anchors(file.read_text(encoding="utf-8")), f"{page}: {link}"


def calls(text: str) -> list[str]:
    """Command lines of a page, in fences and indented, without comments and what follows them."""
    fenced = "\n".join(body for kind, body in FENCE.findall(text) if kind in ("sh", "bash"))
    indented = re.findall(r"^    (telltrace .*)$", FENCE.sub("", text), re.MULTILINE)
    lines = fenced.replace("\\\n", " ").splitlines() + indented
    known = [re.sub(r"^(\w+=\S+ )*", "", line.strip()) for line in lines]
    return [line for line in known if line.startswith("telltrace ")]


@pytest.mark.parametrize("page", [name for name, text in TEXTS.items() if calls(text)])
def test_commands_can_be_given(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for line in calls(TEXTS[page]):
        words = shlex.split(re.split(r" [|>] ", line)[0], comments=True)[1:]
        if "--config" in words and not Path(words[words.index("--config") + 1]).is_file():
            place = words.index("--config")
            assert re.fullmatch(r"recipe\.yaml|R\.yaml|.*NAME.*", words[place + 1]), line
            del words[place : place + 2]
            words += ["--manifest", "M", "--out", "O"] if words[0] == "train" else []
        if words[0].startswith("--") or words[1:] == ["--help"]:
            assert words[0] in ("--completion", "--version", "--help", *cli.COMMANDS), line
            continue
        assert words[0] in cli.COMMANDS, line
        cli.COMMANDS[words[0]].parse(words[0], words[1:])  # an OptionError names what is wrong


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory, write_clip: Callable[..., Path]) -> Path:
    """A folder with the media that the examples name."""
    folder = tmp_path_factory.mktemp("desk")
    photograph = np.asarray(data.astronaut())
    for name in ("picture.png", "photograph.png"):
        Image.fromarray(photograph[:300, 60:380]).save(folder / name)
    frames = [np.ascontiguousarray(photograph[:220, 100 - i : 340 - i]) for i in range(12)]
    write_clip(folder / "interview.mp4", frames)
    return folder


@pytest.mark.parametrize("page", [name for name, text in TEXTS.items() if "```python" in text])
def test_examples_of_pages_run(page: str, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if page in ELSEWHERE:
        pytest.skip("It is run elsewhere, takes crops to train on, or asks a service.")
    monkeypatch.chdir(desk)
    names: dict[str, object] = {"__name__": "example", "paths": ["picture.png"]}
    for kind, body in FENCE.findall(TEXTS[page]):
        if kind == "python":
            body = body.replace("pretrained=True", "pretrained=False")  # which downloads
            exec(compile(body, page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)


def test_every_page_is_on_the_site() -> None:
    listed = re.findall(r"```{toctree}\n(.*?)```", TEXTS["docs/index.md"], re.DOTALL)
    names = {line for block in listed for line in block.splitlines() if line and line[0] != ":"}
    pages = {p.removeprefix("docs/").removesuffix(".md") for p in TEXTS if p.startswith("docs/")}
    inside = {page for page in pages if page.startswith("decisions/0")}
    assert pages - inside - {"index"} == names


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("figures", ROOT / "docs" / "figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_figure_is_drawn_by_code_and_shown(figures: ModuleType) -> None:
    shown = set(re.findall(r"figures/(\w+)\.png", "".join(TEXTS.values())))
    files = {file.stem for file in (ROOT / "docs" / "figures").iterdir()}
    assert shown | {"report"} == files  # which the README shows
    assert set(figures.FIGURES) <= files
    sizes = [file.stat().st_size for file in (ROOT / "docs" / "figures").iterdir()]
    assert max(sizes) < 200_000


def test_a_paste_shows_in_the_noise_and_not_in_the_picture(figures: ModuleType) -> None:
    clean = figures.portrait()
    pasted, mask = figures.pasted(clean)
    inside = mask > 0.9
    seen = abs(pasted.astype(float) - clean)[inside].mean()
    assert seen < 5
    strength = {}
    for name, picture in {"clean": clean, "pasted": pasted}.items():
        noise = picture.astype(float) - np.roll(picture, 1, 1)
        strength[name] = np.median(abs(noise[inside]))
    assert strength["pasted"] < 0.6 * strength["clean"]


def test_few_people_let_chance_look_like_skill(figures: ModuleType) -> None:
    few, many = (figures.chance_aucs(people, tables=100) for people in (3, 100))
    assert (few > 0.9).mean() > 0.02
    assert abs(many - 0.5).max() < 0.2


def test_the_citation_names_this_package() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["title"] == "telltrace"
