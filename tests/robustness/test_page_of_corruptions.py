"""The page that describes the corruptions names all of them with their levels."""

import re
from pathlib import Path

from telltrace.robustness import CORRUPTIONS

PAGE = Path(__file__).parents[2] / "docs" / "robustness.md"


def test_the_page_names_every_corruption_and_level() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .* \| .*: ([\d., ]+) \|$", PAGE.read_text(), re.M)
    said = {name: tuple(float(value) for value in levels.split(",")) for name, levels in rows}
    assert said == {name: one.levels for name, one in CORRUPTIONS.items()}
