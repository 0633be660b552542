"""`telltrace ensemble`: several detectors as one checkpoint."""

from pathlib import Path
from typing import Any, Literal

from telltrace.errors import OptionError


def ensemble(
    checkpoints: list[Path],
    *,
    out: Path,
    scores: list[Path] = [],  # noqa: B006  never changed; the parser reads it
    manifest: list[Path] = [],  # noqa: B006  likewise
    columns: str | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    **options: Any,
) -> int:
    """Make one checkpoint out of several detectors, with weights learnt on validation scores.

    Give the validation scores of each detector, or the manifest of face crops to score now. The
    new checkpoint is used as any other; where its detectors contradict each other more than they
    did on the validation split, a verdict is UNCERTAIN and says so.

    Args:
        checkpoints: Detectors, two or more.
        out: Checkpoint to write.
        scores: What `telltrace predict --split val` wrote for each detector, in their order.
        manifest: Manifests of face crops, of which the validation split is scored.
        columns: Columns that have other names in the scores, such as video=clip,score=prob_fake.
        device: Where to score the manifest.
    """
    import telltrace
    from telltrace.checkpoint import load_detector, save_checkpoint
    from telltrace.evaluation import parse_columns, read_scores
    from telltrace.files import check_output
    from telltrace.inference import choose_device
    from telltrace.inference.ensemble import combine_detectors, ensemble_names

    check_output(out, ".safetensors")
    if bool(scores) == bool(manifest):
        remedy = "Give --scores, a table of each detector, or --manifest, crops to score now."
        raise OptionError("weights are learnt on validation scores", remedy=remedy)
    detectors = [load_detector(path, choose_device(device)) for path in checkpoints]
    names = parse_columns(columns) if columns else None
    tables = [read_scores(path, names) for path in scores] or [
        telltrace.predict(manifest, detector=one, split="val") for one in detectors
    ]
    called = ensemble_names([one.card for one in detectors], checkpoints)
    made = combine_detectors(detectors, tables, called, **options)
    save_checkpoint(out, made.network, made.card)
    combination = made.card.combination
    assert combination is not None
    for name, weight in zip(combination.names, combination.weights, strict=True):
        print(f"{name}: weight {weight:.3f}")
    print(f"{combination.fitted_on}\n{made.card.calibration.fitted_on}\n-> {out}")
    return 0
