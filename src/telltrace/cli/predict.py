"""`telltrace predict`: crops to scores."""

from pathlib import Path
from typing import Any


def predict(manifest: list[Path], *, out: Path, checkpoint: Path | None = None, **how: Any) -> int:
    """Score the face crops of a manifest and write the scores table.

    Media of the manifest that gave no face get a row without a score and with a status.

    Args:
        out: Table to write, .csv or .parquet: the manifest's naming columns, frame, label, score.
        checkpoint: Detector to use; by default the one in the package.
    """
    import telltrace
    from telltrace.columns import VIDEO_KEY
    from telltrace.evaluation.scores import write_scores

    table = telltrace.predict(manifest, detector=checkpoint, **how)
    write_scores(table, out)
    judged = table[table["score"].notna()]
    print(f"{len(judged)} scores of {judged.groupby(VIDEO_KEY).ngroups} videos -> {out}")
    if missed := len(table) - len(judged):
        print(f"{missed} more gave no face: rows without a score, `status` says why")
    return 0
