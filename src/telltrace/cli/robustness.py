"""`telltrace robustness`: how a detector's figures fall when its faces are corrupted."""

import json as jsonlib
from pathlib import Path

from telltrace.cli.options import Device
from telltrace.progress import progress


def robustness(
    checkpoint: Path,
    manifest: Path,
    *,
    out: Path,
    corruptions: list[str] = [],  # noqa: B006  read, never changed
    levels: list[int] = [],  # noqa: B006
    split: str | None = None,
    frames: int = 8,
    seed: int = 0,
    batch_size: int = 32,
    device: Device = "auto",
    json: bool = False,
) -> int:
    """Judge the same faces clean and after 20 corruptions at 5 levels each.

    Given face crops it corrupts these; given a manifest of media it re-encodes the media and
    cuts their faces again. Can be stopped at any moment and run again: it goes on where it was.
    Writes OUT/robustness.json, OUT/curves.png and OUT/scores/CORRUPTION-LEVEL.csv.

    Args:
        checkpoint: Detector; "default" for the one in the package.
        manifest: Manifest of face crops, or of media.
        out: Folder for scores, results and curves.
        corruptions: Only these; by default all.
        levels: Only these, of 1 (weak) to 5 (strong); by default all.
        split: Only the rows of this split, such as test.
        frames: Faces of each video; 0 for all crops, or for prepare's 32 of whole media.
        seed: Seed of all chance.
        batch_size: Faces per call of the network.
        device: Where to compute.
        json: Print JSON instead of a table.
    """
    from telltrace import robustness as room
    from telltrace.checkpoint import load_detector
    from telltrace.inference import choose_device
    from telltrace.visualization import save_figure

    judge = load_detector(
        None if str(checkpoint) == "default" else checkpoint, choose_device(device)
    )
    cells = (len(corruptions) or len(room.CORRUPTIONS)) * (len(levels) or room.LEVELS) + 1
    seen: set[str] = set()
    with progress("Judging", cells, "cells") as advance:

        def tell(cell: str, faces: int) -> None:
            if cell not in seen:
                seen.add(cell)
                advance(1)

        found = room.measure_robustness(
            judge, manifest, out, corruptions=corruptions, levels=levels, split=split,
            frames=frames or None, seed=seed, batch_size=batch_size, tell=tell,
        )  # fmt: skip
    save_figure(room.curves_figure(found), out / "curves.png")
    print(jsonlib.dumps(found.to_dict(), indent=2) if json else room.to_text(found))
    return 0
