"""The page on data names what there is, and its example of a protocol can be read."""

import inspect
import re
from pathlib import Path

from telltrace.data import prepare
from telltrace.data.datasets import LAYOUTS
from telltrace.data.protocols import protocol_names, read_protocol

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text()


def test_every_layout_is_in_the_page_and_in_the_help() -> None:
    table = PAGE.split("## Layouts")[1].split("##")[0]
    rows = re.findall(r"^\| (.+?) \|", table, flags=re.MULTILINE)[1:]
    assert re.findall(r"`([^`]+)`", " ".join(rows)) == list(LAYOUTS)
    assert [f'"{name}"' in str(inspect.getdoc(prepare)) for name in LAYOUTS] == [True] * len(
        LAYOUTS
    )


def test_every_protocol_is_in_the_page() -> None:
    table = PAGE.split("## Protocols")[1].split("A split is refused")[0]
    named = set(
        re.findall(r"`([^`]+)`", " ".join(re.findall(r"^\| (.+?) \|", table, re.MULTILINE)))
    )
    named = {f"leave-out{name}" if name.startswith("-") else name for name in named}
    assert named - {"--protocol"} == set(protocol_names())


def test_the_example_is_a_protocol(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    found = read_protocol(tmp_path / "mine.yaml")
    assert found.near_duplicates == 4
    assert found.people == {"FaceForensics++": "ffpp-official", "*": "by-identity"}
    assert found.parts["test"]["without"] == {"method": ["Deepfakes", "FaceSwap"]}
