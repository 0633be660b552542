"""`telltrace predict` and `telltrace evaluate`: crops to scores, scores to figures."""

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from telltrace.cli.options import Device
from telltrace.progress import progress


def predict(
    manifest: list[Path],
    *,
    out: Path,
    checkpoint: Path | None = None,
    split: str | None = None,
    protocol: str | None = None,
    batch_size: int = 32,
    device: Device = "auto",
) -> int:
    """Score the face crops of a manifest and write the scores table.

    Media of the manifest that gave no face get a row without a score and with a status.

    Args:
        manifest: One or more manifests of face crops.
        out: CSV to write: the manifest's naming columns, frame, label, score.
        checkpoint: Detector to use; by default the one in the package.
        split: Only the rows of this split, such as test.
        protocol: Split to assign first; by default the manifest's own.
        batch_size: Crops per call of the network.
        device: Where to compute.
    """
    from telltrace.checkpoint import load_detector
    from telltrace.data.crops import read_crops
    from telltrace.data.manifest import VIDEO_KEY
    from telltrace.data.missed import read_missed
    from telltrace.evaluation.scores import add_unjudged, write_scores
    from telltrace.inference import choose_device, score_crops

    table, crop = read_crops(manifest, protocol=protocol, split=split)
    missed, silent = read_missed(manifest, protocol=protocol, split=split)
    judge = load_detector(checkpoint, choose_device(device))
    with progress("Scoring", len(table), "faces") as advance:
        scores = score_crops(judge, table, crop, batch_size=batch_size, after_batch=advance)
    write_scores(add_unjudged(scores, missed), out)
    print(f"{len(scores)} scores of {table.groupby(VIDEO_KEY).ngroups} videos -> {out}")
    if len(missed):
        print(f"{len(missed)} more gave no face: rows without a score, `status` says why")
    for one in silent:
        print(f"{one}: does not say which media gave no face; the table cannot count them")
    return 0


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
