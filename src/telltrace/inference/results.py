"""The results of a scan of many, written from its journal in the order of its files."""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from telltrace.files import atomic_write

from .journal import Answer

VERDICTS: Final = "verdicts.jsonl"
TABLE: Final = "verdicts.csv"
SUMMARY: Final = "summary.json"
COLUMNS: Final = (
    *("path", "status", "verdict", "score", "kind", "frames", "frames_with_face", "lost"),
    *("reason", "remedy"),
)


def write_results(answers: Iterable[Answer], about: dict[str, Any], out: Path) -> dict[str, Any]:
    """Write ``verdicts.jsonl``, ``verdicts.csv`` and, last, ``summary.json``, each atomically.

    What was measured with a clock stands in the summary alone, so that the other two are the
    same bytes whenever the verdicts are.

    Args:
        answers: One for each file.
        about: What else the summary tells.
        out: Folder to write to.

    Returns:
        The summary.
    """
    statuses: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    seconds: defaultdict[str, float] = defaultdict(float)
    with ExitStack() as stack:
        lines = stack.enter_context(_whole(out / VERDICTS))
        table = csv.writer(stack.enter_context(_whole(out / TABLE)), lineterminator="\n")
        table.writerow(COLUMNS)
        for answer in answers:
            verdict = dict(answer.verdict)
            for stage, spent in (verdict.pop("seconds", None) or {}).items():
                seconds[stage] += spent
            statuses[verdict["status"]] += 1
            verdicts[verdict.get("verdict") or ""] += 1
            lost[answer.lost] += 1
            lines.write(f"{json.dumps(verdict)}\n")
            table.writerow(["" if (v := verdict.get(c)) is None else v for c in COLUMNS])
    counts = {
        "files": statuses.total(),
        "statuses": dict(sorted(statuses.items())),
        "verdicts": {name: n for name, n in sorted(verdicts.items()) if name},
        "lost": {name: n for name, n in sorted(lost.items()) if name},
        "seconds": {stage: round(spent, 3) for stage, spent in sorted(seconds.items())},
    }
    summary = {**about, **counts}
    with _whole(out / SUMMARY) as file:
        file.write(f"{json.dumps(summary, indent=2)}\n")
    return summary


@contextmanager
def _whole(path: Path) -> Iterator[TextIO]:
    """A text file that is there whole or as it was before."""
    # A name that is no valid text keeps its bytes as \udcXX; in JSON lines they are escaped.
    with (
        atomic_write(path) as partial,
        partial.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        yield file
