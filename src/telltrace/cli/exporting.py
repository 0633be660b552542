"""`telltrace export` and `telltrace benchmark`: detectors for other runtimes, and their speed."""

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import Literal


def export(
    checkpoint: str,
    *,
    out: Path,
    format: str = "onnx",
    precision: Literal["fp32", "fp16", "bf16", "int8"] = "fp32",
    manifest: list[Path] = [],  # noqa: B006  never changed; the parser reads it
    samples: int = 64,
) -> int:
    """Write a detector for ONNX Runtime, OpenVINO or torch.export, with its card.

    Checkpoint and export judge the same crops first; where they differ, nothing is written. `scan`,
    `predict` and `robustness` take an .onnx or .xml as they take a checkpoint.

    Args:
        checkpoint: A checkpoint; "default" is the detector in the package.
        out: File to write: .onnx, .xml (its .bin lies beside it) or .pt2.
        format: What reads it: "onnx", "openvino", "torch-export", or a format of a plug-in.
        precision: "fp16" and "bf16" store weights in half the space; "int8" is calibrated on the
            crops.
        manifest: Manifests of face crops to compare and calibrate on; by default crops of one
            photograph.
        samples: How many crops to compare on.
    """
    from telltrace.exporting import export as write

    named = None if checkpoint == "default" else checkpoint
    made = write(named, out, format, precision, manifest=manifest, samples=samples)
    for backend, difference in made.differences.items():
        print(
            f"{backend}: scores of {made.crops} crops differ by {difference:.2g} at most "
            f"(allowed: {made.bound:g})"
        )
    print(f"-> {' and '.join(map(str, made.paths))}, {made.size / 1e6:.1f} MB")
    return 0


def benchmark(
    checkpoint: str,
    *,
    manifest: list[Path] = [],  # noqa: B006  never changed; the parser reads it
    samples: int = 64,
    batch_size: int = 8,
    json: bool = False,
) -> int:
    """Time a detector in every backend and precision of this machine, and compare their scores.

    Args:
        checkpoint: A checkpoint; "default" is the detector in the package.
        manifest: Manifests of face crops, for the difference of the AUC as well; by default crops
            of one photograph.
        samples: How many crops to compare on.
        batch_size: Crops per call of the network.
        json: Print JSON instead of a table.
    """
    from telltrace.exporting import compare_forms

    named = None if checkpoint == "default" else checkpoint
    forms = compare_forms(named, manifest=manifest, samples=samples, batch_size=batch_size)
    if json:
        print(jsonlib.dumps([asdict(form) for form in forms], indent=2))
        return 0
    print("backend   precision  images/s  first ms      MB  largest diff.  AUC diff.")
    for form in forms:
        auc = "" if form.auc_difference is None else f"{form.auc_difference:+.5f}"
        print(
            f"{form.backend:9} {form.precision:9} {form.images_per_second:9.1f} "
            f"{form.first_ms:9.0f} {form.megabytes:7.1f} {form.largest_difference:14.2g} {auc:>10}"
        )
    return 0
