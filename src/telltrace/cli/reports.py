"""`telltrace report`: one page that says what scores amount to."""

from pathlib import Path
from typing import Any


def report(sources: list[Path], *, out: Path, **options: Any) -> int:
    """Write one HTML page about scores, runs and robustness; it needs no network and no server.

    Args:
        sources: Scores tables, folders of training runs with scores tables in them, or folders
            that `telltrace robustness` wrote.
        out: File to write, such as report.html.
    """
    from telltrace.files import check_suffix, write_bytes
    from telltrace.reports import build_report, read_source

    check_suffix(out, ".html", ".htm")
    found = [source for path in sources for source in read_source(path)]
    write_bytes(build_report(found, **options).encode(), out)
    print(f"{len(found)} sets of scores -> {out}")
    return 0
