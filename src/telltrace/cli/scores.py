"""`telltrace evaluate`: scores to figures."""

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal


def evaluate(
    scores: Path,
    *,
    aggregation: Literal["mean", "max", "median", "top-k"] = "mean",
    against: Path | None = None,
    compat: Literal["deepfakebench"] | None = None,
    roc: Path | None = None,
    reliability: Path | None = None,
    json: bool = False,
) -> int:
    """Compute metrics from a scores table, per frame, per video and per method.

    Args:
        scores: Table that `telltrace predict` wrote, .csv or .parquet, of any length.
        aggregation: How the frames of a video become its score.
        against: Scores of another detector for the same items: is one better, or is it a tie?
        compat: Print beside ours what this benchmark's metric code would have said, and why.
        roc: Picture to draw the ROC curves to (.png).
        reliability: Picture to draw how often faces of a given score are fake to (.png).
        json: Print JSON instead of tables.
    """
    from telltrace.evaluation import deepfakebench, evaluate_scores, read_scores, render
    from telltrace.evaluation.versus import render_compat, render_versus, versus

    if roc is None and reliability is None and against is None and compat is None:
        report = evaluate_scores(scores, aggregation=aggregation)  # a file of any length
        print(jsonlib.dumps(report.to_dict(), indent=2) if json else render(report))
        return 0
    table = read_scores(scores)
    report = evaluate_scores(table, aggregation=aggregation)
    if roc is not None:
        from telltrace.visualization import save_roc

        save_roc(table, report, roc)
    if reliability is not None:
        from telltrace.visualization import save_reliability

        save_reliability(table, report, reliability)
    compared = versus(table, read_scores(against), aggregation) if against else {}
    theirs = deepfakebench(table) if compat else ()
    if json:
        plain = {k: v if isinstance(v, str) else asdict(v) for k, v in compared.items()}
        extra: dict[str, Any] = {"against": plain} if compared else {}
        extra |= {"deepfakebench": [asdict(row) for row in theirs]} if theirs else {}
        print(jsonlib.dumps(report.to_dict() | extra, indent=2))
        return 0
    print(render(report))
    if against is not None:
        print("\n" + render_versus(compared, _names(scores, against)))
    if theirs:
        print("\n" + render_compat(theirs, "DeepfakeBench"))
    return 0


def _names(first: Path, second: Path) -> tuple[str, str]:
    """What to call two files: their stems, or their whole paths where the stems are the same."""
    if first.stem == second.stem:
        return str(first), str(second)
    return first.stem, second.stem
