"""Tables and texts for a terminal. Imports no pandas, so that a scan need not."""

from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Literal

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text


def to_lines(parts: Iterable[RenderableType], width: int, colour: bool = False) -> str:
    """What `rich` prints of tables and texts, without trailing blanks."""
    out = StringIO()
    console = Console(file=out, width=width, force_terminal=colour, highlight=False, markup=False)
    for part in parts:
        console.print(part)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def text_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Text]] = (),
    *,
    title: str | None = None,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> Table:
    """A table for a terminal: some columns stand ``right`` or are kept ``whole``."""
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    for column in columns:
        side: Literal["left", "right"] = "right" if column in right else "left"
        table.add_column(column, overflow="fold", justify=side, no_wrap=column in (*right, *whole))
    for row in rows:
        table.add_row(*row)
    return table
