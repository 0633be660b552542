"""`telltrace evaluate`: scores to figures."""

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal


def evaluate(
    scores: Path,
    *,
    columns: str | None = None,
    against: Path | None = None,
    compat: Literal["deepfakebench"] | None = None,
    roc: Path | None = None,
    reliability: Path | None = None,
    json: bool = False,
    **how: Any,
) -> int:
    """Compute metrics from a scores table, per frame, per video and per method.

    Args:
        scores: Table with `label` and `score`, .csv or .parquet, of any length.
        columns: Columns that have other names there, such as video=clip,score=prob_fake.
        against: Scores of another detector for the same items: is one better, or is it a tie?
        compat: Print beside ours what this benchmark's metric code would have said, and why.
        roc: Picture to draw the ROC curves to (.png).
        reliability: Picture to draw how often faces of a given score are fake to (.png).
        json: Print JSON instead of tables.
    """
    from telltrace import evaluation as room

    names = room.parse_columns(columns) if columns else None
    table = room.compact_scores(scores, names, items=against is not None)
    report = room.evaluate(table, **how)
    for path, kind in ((roc, "roc_figure"), (reliability, "reliability_figure")):
        if path is not None:
            from telltrace import visualization

            visualization.save_figure(getattr(visualization, kind)(table, report), path)
    compared = room.compare(table, against, columns=names, **how) if against else None
    theirs = room.deepfakebench(table) if compat else ()
    if json:
        extra: dict[str, Any] = {}
        if compared:
            extra["against"] = room.comparison_to_dict(*compared)
        if theirs:
            extra["deepfakebench"] = [asdict(row) for row in theirs]
        print(jsonlib.dumps(report.to_dict() | extra, indent=2))
        return 0
    print(room.render(report))
    if against and compared:
        print("\n" + room.render_comparison(compared[0], _names(scores, against)))
        print(f"{compared[1]} rows that only one of the two holds or judged are left out.")
    if theirs:
        print("\n" + room.render_compatibility(theirs, "DeepfakeBench"))
    return 0


def _names(first: Path, second: Path) -> tuple[str, str]:
    """What to call two files: their stems, or their whole paths where the stems are the same."""
    if first.stem == second.stem:
        return str(first), str(second)
    return first.stem, second.stem
