"""`telltrace predict` and `telltrace evaluate`: crops to scores, scores to figures."""

import json as jsonlib
from pathlib import Path
from typing import Literal

from telltrace.cli.options import Device
from telltrace.cli.progress import progress


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

    Args:
        manifest: One or more manifests of face crops.
        out: CSV to write: the manifest's naming columns, frame, label, score.
        checkpoint: Detector to use; by default the one in the package.
        split: Only the rows of this split, such as test.
        protocol: Split to assign first; by default the manifest's own.
        batch_size: Crops per call of the network.
        device: Where to compute.
    """
    from telltrace.checkpoint import load_checkpoint
    from telltrace.data.crops import read_crops
    from telltrace.data.manifest import VIDEO_KEY
    from telltrace.evaluate.scores import write_scores
    from telltrace.inference import choose_device, score_crops

    table, crop = read_crops(manifest, protocol=protocol, split=split)
    judge = load_checkpoint(checkpoint, choose_device(device))
    with progress("Scoring", len(table), "faces") as advance:
        scores = score_crops(judge, table, crop, batch_size=batch_size, after_batch=advance)
    write_scores(scores, out)
    print(f"{len(scores)} scores of {table.groupby(VIDEO_KEY).ngroups} videos -> {out}")
    return 0


def evaluate(
    scores: Path,
    *,
    aggregation: Literal["mean", "max", "median", "top-k"] = "mean",
    roc: Path | None = None,
    json: bool = False,
) -> int:
    """Compute metrics from a scores table, per frame, per video and per method.

    Args:
        scores: CSV that `telltrace predict` wrote.
        aggregation: How the frames of a video become its score.
        roc: Picture to draw the ROC curves to (.png).
        json: Print JSON instead of tables.
    """
    from telltrace.evaluate import evaluate_scores, read_scores, render

    table = read_scores(scores)
    report = evaluate_scores(table, aggregation=aggregation)
    if roc is not None:
        from telltrace.visualize import save_roc

        save_roc(table, report, roc)
    print(jsonlib.dumps(report.to_dict(), indent=2) if json else render(report))
    return 0
