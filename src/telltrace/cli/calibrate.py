"""`telltrace calibrate`: a checkpoint and its validation scores in, a calibrated checkpoint out."""

from pathlib import Path
from typing import Literal


def calibrate(
    checkpoint: Path,
    scores: Path,
    *,
    out: Path,
    curve: Literal["temperature", "platt", "isotonic"] = "platt",
    rate: float | None = None,
    confidence: float | None = None,
    error: float = 0.1,
) -> int:
    """Fit a checkpoint's probabilities and thresholds on its validation scores.

    The scores must be of the validation split alone: `telltrace predict --split val`. Training,
    scanning and every export of the new checkpoint use the new curve and thresholds.

    Args:
        checkpoint: Detector that made the scores.
        scores: What `telltrace predict` wrote for the validation split.
        out: Checkpoint to write.
        curve: "temperature" changes no ranking, "platt" also moves the middle, "isotonic" follows
            the data wherever they go and needs a thousand scores or more.
        rate: Promise that no larger share of reals is called fake, nor of fakes real (conformal);
            without it the thresholds keep --error on these videos and promise nothing.
        confidence: Probability with which that promise holds for this very calibration; without
            it the promise holds on average.
        error: Share of each class that may get the wrong verdict on the validation videos.
    """
    from dataclasses import replace

    from telltrace.checkpoint import load_checkpoint, save_checkpoint
    from telltrace.evaluate import read_scores
    from telltrace.inference.calibrate import calibrate as fit

    judge = load_checkpoint(checkpoint)
    table = read_scores(scores)
    found = fit(judge.card.calibration, table, curve, rate=rate, confidence=confidence, error=error)
    save_checkpoint(out, judge.network, replace(judge.card, calibration=found))
    print(
        f"{curve}: temperature {found.temperature:.4g}, bias {found.bias:.4g}, "
        f"{len(found.knots)} knots. Real below {found.real_below:.4f}, fake from "
        f"{found.fake_from:.4f}.\n{found.fitted_on}\n-> {out}"
    )
    return 0
