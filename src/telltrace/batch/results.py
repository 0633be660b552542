"""The results of a batch scan, written from its journal in the order of its files."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from telltrace.files import atomic_write, write_json
from telltrace.inference.formats import COLUMNS, Tally, csv_line, csv_row, json_line

from .journal import Answer

VERDICTS: Final = "verdicts.jsonl"
TABLE: Final = "verdicts.csv"
SUMMARY: Final = "summary.json"


def write_results(answers: Iterable[Answer], about: dict[str, Any], out: Path) -> dict[str, Any]:
    """Write ``verdicts.jsonl``, ``verdicts.csv`` and, last, the summary, each atomically.

    What was measured with a clock stands in the summary alone, which is also returned and holds
    what it is ``about``, so that the other two are the same bytes whenever the verdicts are.
    """
    tally, lost = Tally(), Counter[str]()
    with ExitStack() as stack:
        lines, table = (stack.enter_context(_text(out / name)) for name in (VERDICTS, TABLE))
        table.write(f"{csv_line(COLUMNS)}\n")
        for answer in answers:
            verdict = dict(answer.verdict)
            seconds = {**(verdict.pop("seconds", None) or {}), **answer.seconds}
            tally.add(verdict["status"], verdict.get("verdict"), seconds)
            lost[answer.lost] += 1
            lines.write(f"{json_line(verdict)}\n")
            table.write(f"{csv_line(csv_row(verdict))}\n")
    counts = {"lost": {name: n for name, n in sorted(lost.items()) if name}}
    summary = {**about, **tally.to_dict(), **counts}
    write_json(summary, out / SUMMARY)
    return summary


def read_results(out: Path) -> Iterator[dict[str, Any]]:
    """The verdicts of a batch scan as plain data, in the order of its files."""
    with (out / VERDICTS).open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    """A text file that is there whole or as it was before."""
    # A name that is no valid text keeps its bytes as \udcXX; in JSON lines they are escaped.
    with (
        atomic_write(path) as partial,
        partial.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        yield file
