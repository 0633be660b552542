"""`telltrace robustness`: how a detector's figures fall when its faces are corrupted."""

import json as jsonlib
from pathlib import Path
from typing import Any, Literal


def robustness(
    checkpoint: Path,
    manifest: Path,
    *,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    json: bool = False,
    **how: Any,
) -> int:
    """Judge the same faces clean and after 20 corruptions at 5 levels each.

    Given face crops it corrupts these; given a manifest of media it re-encodes the media and
    cuts their faces again. Can be stopped at any moment and run again: it goes on where it was.
    Writes OUT/robustness.json, OUT/curves.png and OUT/scores/CORRUPTION-LEVEL.csv.

    Args:
        checkpoint: Detector; "default" for the one in the package.
        device: Where to compute.
        json: Print JSON instead of a table.
    """
    from telltrace import robustness as room
    from telltrace.checkpoint import load_detector
    from telltrace.inference import choose_device
    from telltrace.visualization import save_figure

    chosen = None if str(checkpoint) == "default" else checkpoint
    detector = load_detector(chosen, choose_device(device))
    found = room.measure_robustness(detector, manifest, **how)
    save_figure(room.curves_figure(found), how["out"] / "curves.png")
    print(jsonlib.dumps(found.to_dict(), indent=2) if json else room.to_text(found))
    return 0
