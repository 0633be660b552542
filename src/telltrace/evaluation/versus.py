"""Two scores tables of the same items side by side: which detector is better, and on what."""

from io import StringIO

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from .compare import Comparison, compare_clusters, delong
from .compat import Difference
from .metrics import UndefinedError
from .scores import VIDEO_KEY, ScoresError, check_scores
from .videos import Aggregation, aggregate_videos, identity_groups

ITEM = [*VIDEO_KEY, "path", "frame"]
"""What makes a row of two tables the same item."""


def versus(
    first: pd.DataFrame,
    second: pd.DataFrame,
    aggregation: Aggregation = "mean",
    *,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Comparison | str]:
    """Compare two detectors on the items that both judged.

    Args:
        first: Scores table of one detector.
        second: Scores table of the other, of the same items.
        aggregation: How the frames of a video become its score.
        replicates: Draws behind a bootstrap.
        level: Share of the interval.
        seed: Seed of the draws.

    Returns:
        By name: frames and videos with a bootstrap that draws linked people (or videos, where
        people are unnamed), and videos with DeLong's test, which takes videos for independent.
        A text says why there is no comparison. "left out" tells what only one of them judged.

    Raises:
        ScoresError: If the tables share no item.
    """
    a, b = check_scores(first, "the first table"), check_scores(second, "the second table")
    both = a.merge(b[[*ITEM, "score"]], on=ITEM, suffixes=("", "_second"))
    if both.empty:
        raise ScoresError("The two tables share no item. Predict the same manifest with both.")
    kept = both[both["score"].notna() & both["score_second"].notna()].reset_index(drop=True)
    out = len(a) + len(b) - len(both) - len(kept)
    found: dict[str, Comparison | str] = {}
    videos = aggregate_videos(kept, aggregation)
    others = aggregate_videos(kept.assign(score=kept["score_second"]), aggregation)
    groups = identity_groups(videos)
    videos = videos.assign(
        score_second=others["score"], cluster=np.arange(len(videos)) if groups is None else groups
    )
    frames = kept.merge(videos[[*VIDEO_KEY, "cluster"]], on=VIDEO_KEY, how="left")
    for name, items in (("frames", frames), ("videos", videos)):
        try:
            found[name] = compare_clusters(
                items["label"],
                items["score"],
                items["score_second"],
                items["cluster"],
                replicates=replicates,
                level=level,
                seed=seed,
            )
        except UndefinedError as error:
            found[name] = str(error)
    try:
        found["videos, DeLong"] = delong(
            videos["label"], videos["score"], videos["score_second"], level=level
        )
    except UndefinedError as error:
        found["videos, DeLong"] = str(error)
    found["left out"] = f"{out} rows that only one of the two holds or judged"
    return found


def render_versus(found: dict[str, Comparison | str], names: tuple[str, str]) -> str:
    """The comparison as a table for a terminal."""
    table = Table(box=box.SIMPLE_HEAD, title="AUC of two detectors", title_justify="left")
    for column in ("level", *names, "difference", "interval", "by", "better"):
        table.add_column(column, overflow="fold")
    for level, one in found.items():
        if isinstance(one, str):
            table.add_row(level, "", "", "", "", one, "")
            continue
        p = "" if one.p_value is None else f", p = {one.p_value:.3g}"
        better = {"first": names[0], "second": names[1], "tie": "tie"}[one.verdict]
        interval = f"[{one.low:+.4f}, {one.high:+.4f}]"
        areas = f"{one.first:.4f}", f"{one.second:.4f}", f"{one.difference:+.4f}"
        table.add_row(level, *areas, interval, one.method + p, better)
    return _text(table)


def render_compat(rows: tuple[Difference, ...], whose: str) -> str:
    """Another benchmark's figures beside ours, with the reason for each difference."""
    table = Table(box=box.SIMPLE_HEAD, title=f"As {whose} would say it", title_justify="left")
    for column in ("metric", whose, "telltrace", "why they may differ"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row.metric, f"{row.theirs:.4f}", f"{row.ours:.4f}", row.reason)
    return _text(table)


def _text(table: Table, width: int = 110) -> str:
    out = StringIO()
    Console(file=out, width=width, color_system=None, highlight=False, markup=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())
