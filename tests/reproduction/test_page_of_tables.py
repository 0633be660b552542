"""The page on reproduction names every table and what it shows."""

import re
from pathlib import Path

from telltrace.reproduction.tables import load_table, table_names

PAGE = Path(__file__).parents[2] / "docs" / "reproduce.md"


def test_the_page_names_every_table() -> None:
    said = dict(re.findall(r"^\| `([\w-]+)` \| (.*) \|$", PAGE.read_text(), re.M))
    assert said == {name: load_table(name).title for name in table_names()}
