"""`telltrace train`, `runs`, `detectors`, `complexity` and `import-weights`: what is trained."""

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import Any


def detectors(*, family: str | None = None, json: bool = False) -> int:
    """List the detectors that can be trained, with their options.

    Args:
        family: Only one family, such as sfi.
        json: Print JSON, which has the options' defaults too.
    """
    from telltrace.models import list_detectors
    from telltrace.models.registry import PREFIXES, DetectorInfo

    listed = list_detectors(family)
    if family is None:
        about = {
            "timm:": "any network of timm",
            "sfi:": "its space-frequency form",
            "ln_tuned:": "its LayerNorms tuned, as GenD does",
            "external:": "MODULE:FUNCTION, which returns a network of yours",
        }
        listed += [DetectorInfo(f"{x}NAME", x[:-1], about[x]) for x in PREFIXES]
    rows = [{**row._asdict(), "options": row.options} for row in listed]
    if json:
        print(jsonlib.dumps(rows))
        return 0
    width = max(len(row["name"]) for row in rows)
    for row in rows:
        print(f"{row['name']:{width}}  {row['family']:12}  {row['paper']}")
        print(f"{'':{width}}  options: {', '.join(row['options'])}")
    return 0


def complexity(
    detector: str,
    *,
    alpha: float | None = None,
    beta: float | None = None,
    options: dict[str, Any] | None = None,
    image_size: int = 256,
    json: bool = False,
) -> int:
    """Count what a detector costs: parameters, multiply-accumulates, memory.

    Args:
        detector: Its name; `telltrace detectors` lists them, "timm:NAME" is any timm network.
        alpha: Share of frequency channels, for sfi detectors.
        beta: Scale of the frequency stream, for sfi detectors.
        options: Further options of the detector, such as --options.num_classes 2.
        image_size: Side of the image, in pixels.
        json: Print JSON instead of a table.
    """
    from telltrace.models.complexity import complexity as count
    from telltrace.models.registry import create_detector, options_for_size

    given = {key: value for key, value in (("alpha", alpha), ("beta", beta)) if value is not None}
    settings = options_for_size(detector, (options or {}) | given, image_size)
    cost = count(create_detector(detector, **settings), image_size)
    if json:
        about = {"detector": detector, "options": settings, "image_size": image_size}
        print(jsonlib.dumps(about | asdict(cost), indent=2))
        return 0
    print(f"{detector} {settings or ''} at {image_size}x{image_size}")
    print(f"parameters               {cost.parameters / 1e6:10.3f} M")
    print(f"MACs, paper's counting   {cost.paper_macs / 1e9:10.3f} G")
    print(f"MACs, as executed        {cost.executed_macs / 1e9:10.3f} G")
    print(f"peak activation memory   {cost.peak_activation_bytes / 2**20:10.1f} MiB")
    return 0


def import_weights(format: str, files: list[Path], out: Path, **options: Any) -> int:
    """Turn published weights that you have into a checkpoint.

    The checkpoint carries the preprocessing that the weights expect. HDF5 files take h5py:
    pip install 'telltrace[import]'. Files .pt and .pth go through PyTorch's restricted reader,
    which takes tensors and refuses code.

    Args:
        format: "meso-keras" (WEIGHTS.h5), "multi-task" (ENCODER.pt DECODER.pt), a detector's
            name (STATE_DICT.pth), "huggingface" (FOLDER), "timm:NAME" or
            "external:MODULE:FUNCTION" (STATE_DICT.pth); a wrong one lists them all.
        files: The published files, or the folder.
        out: Checkpoint to write, OUT.safetensors.
    """
    from telltrace.published import import_weights as run

    card = run(format, files, out, **options)
    print(f"{card.provenance['summary']}: {card.detector} {card.options or ''} -> {out}")
    print("published classes: {classes}; licence: {licence}".format(**card.provenance))
    print(
        "{read} tensors read; {unused} more that no forward pass reads".format(
            **card.provenance["tensors"]
        )
    )
    return 0


def train(**options: Any) -> int:
    """Train a detector; the epoch that is best on the validation split is kept.

    Ctrl-C saves the run, and the same command resumes it; it ends with the same weights as a run
    that never stopped.
    """
    from telltrace import training

    result = training.train(**options)
    from telltrace.training.processes import is_first  # needs what training needs

    if options.get("sweep") is not None:
        import pandas as pd

        print(pd.read_csv(result).to_string(index=False, na_rep="-"))
        print(f"Every run and {result.name} -> {result.parent}")
    elif is_first():
        print(f"Best epoch -> {result}")
    return 0


def runs(runs: list[Path], *, plot: Path | None = None, csv: bool = False) -> int:
    """Compare training runs: what differed, the best epoch, the loss, the speed.

    Args:
        runs: Folders of runs, or folders that contain them at any depth.
        plot: Picture to draw loss and AUC over the epochs to (.png).
        csv: Print CSV instead of a table.
    """
    from telltrace.files import check_output
    from telltrace.training.sweep import compare_runs, find_runs, run_names

    if plot is not None:
        check_output(plot, ".png")
    folders = find_runs(runs)
    table = compare_runs(folders)
    if csv:
        print(table.to_csv(index=False), end="")
    else:
        print(table.to_string(index=False, na_rep="-", float_format=lambda v: f"{v:.4g}"))
    if plot is not None:
        import pandas as pd

        from telltrace.visualization import runs_figure, save_figure

        metrics = [pd.read_csv(folder / "metrics.csv") for folder in folders]
        save_figure(runs_figure(dict(zip(run_names(folders), metrics, strict=True))), plot)
    return 0
