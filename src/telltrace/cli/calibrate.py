"""`telltrace calibrate`: a checkpoint and its validation scores in, a calibrated checkpoint out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telltrace.inference.calibrate import Fitted


def calibrate(checkpoint: Path, scores: list[Path], *, out: Path, **options: Any) -> int:
    """Fit a checkpoint's probabilities and thresholds on its validation scores.

    The scores must be of the validation split alone: `telltrace predict --split val`. Training,
    scanning and every export of the new checkpoint use the new curves and thresholds. Pictures
    and videos get curves and thresholds of their own; stretches of a video can only be judged if
    the real videos have three frames or more within a second.

    Args:
        checkpoint: Detector that made the scores.
        scores: What `telltrace predict` wrote for the validation split; several tables are one.
        out: Checkpoint to write.
    """
    from dataclasses import replace

    import pandas as pd

    from telltrace.checkpoint import load_detector, save_checkpoint
    from telltrace.evaluation import read_scores
    from telltrace.files import check_suffix
    from telltrace.inference.calibrate import calibrate as fit
    from telltrace.inference.calibrate import verdict_shares

    check_suffix(out, ".safetensors")
    detector = load_detector(checkpoint)
    table = pd.concat([read_scores(path) for path in scores], ignore_index=True)
    before = detector.card.calibration
    found = fit(before, table, **options)
    card = replace(detector.card, calibration=found.calibration, video=found.video)
    save_checkpoint(out, detector.network, card)
    print(_described(found, options.get("curve", "platt")))
    shares = verdict_shares(before, found, table)
    shares["label"] = shares["label"].map({0: "real", 1: "fake"})
    print(shares.to_string(index=False, float_format=lambda share: f"{share:.1%}"))
    print(f"-> {out}")
    return 0


def _described(found: "Fitted", curve: str) -> str:
    """Curves, thresholds and what they rest on, in lines."""
    from telltrace.inference import Rule

    still, video = found
    lines = [
        f"Pictures, {curve}: temperature {still.temperature:.4g}, bias {still.bias:.4g}, "
        f"{len(still.knots)} knots. Real below {still.real_below:.4f}, fake from "
        f"{still.fake_from:.4f}, strict {still.fake(strict=True):.4f}.",
        still.fitted_on,
    ]
    if video is None:
        return "\n".join([*lines, "No videos: they are judged as pictures, by their mean."])
    zone, strict = (Rule(((still, video),), strict).zone(moving=True) for strict in (False, True))
    lines += [
        f"Videos: temperature {video.temperature:.4g}, bias {video.bias:.4g}. Real below "
        f"{zone.real_below:.4f}, fake from {zone.fake_from:.4f}, strict {strict.fake_from:.4f}.",
        video.fitted_on,
    ]
    if video.windows is None:
        return "\n".join([*lines, "Too few frames a second: no stretches will be claimed."])
    ten, rare = (video.stretch(19, strict) for strict in (False, True))
    words = f"Stretches, in ten seconds: fake from {ten:.4f}, strict {rare:.4f}."
    return "\n".join([*lines, words])
