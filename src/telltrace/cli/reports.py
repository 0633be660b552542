"""`telltrace report`: one page that says what scores amount to."""

from pathlib import Path
from typing import Literal


def report(
    sources: list[Path],
    *,
    out: Path,
    title: str = "What the scores say",
    aggregation: Literal["mean", "max", "median", "top-k"] = "mean",
    mistakes: int = 0,
) -> int:
    """Write one HTML page about scores, runs and robustness; it needs no network and no server.

    Args:
        sources: Scores tables, folders of training runs with scores tables in them, or folders
            that `telltrace robustness` wrote.
        out: File to write, such as report.html.
        title: Heading of the page.
        aggregation: How the frames of a video become its score.
        mistakes: So many faces of each class that were judged most wrongly are shown; by
            default the page shows nobody.
    """
    from telltrace.files import write_bytes
    from telltrace.reports import build_report, read_source

    found = [source for path in sources for source in read_source(path)]
    text = build_report(found, title=title, aggregation=aggregation, mistakes=mistakes)
    write_bytes(text.encode(), out)
    print(f"{len(found)} sets of scores -> {out}")
    return 0
