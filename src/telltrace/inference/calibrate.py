"""A detector's calibration, fitted on the scores of its validation split."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from telltrace.checkpoint import Calibration
from telltrace.evaluate import (
    aggregate_videos,
    apply_knots,
    conformal_zone,
    fit_isotonic,
    fit_platt,
    fit_temperature,
    margins,
    undecided_zone,
)

Curve = Literal["temperature", "platt", "isotonic"]


def calibrate(
    before: Calibration,
    scores: pd.DataFrame,
    curve: Curve = "platt",
    *,
    rate: float | None = None,
    confidence: float | None = None,
    error: float = 0.1,
) -> Calibration:
    """Curve and thresholds from the scores that a detector gave its validation split.

    The curve is fitted on frames. The thresholds are chosen on videos, since those are what a
    verdict is about and what is drawn independently.

    Args:
        before: The calibration with which the scores were made.
        scores: Scores table of the validation split, and of nothing else.
        curve: "temperature" (one number), "platt" (two) or "isotonic" (as many as needed).
        rate: Largest share of reals called fake, and of fakes called real, that conformal
            thresholds promise; None for thresholds that keep ``error`` on these videos and
            promise nothing.
        confidence: Probability with which the promise holds for this very calibration; None for
            one that holds on average.
        error: Share of each class that may get the wrong verdict on these videos.

    Raises:
        ValueError: If the scores are of another split, or were made with an isotonic curve.
        UndefinedError: If there are too few items, of either class.
    """
    others = sorted(set(scores["split"]) - {"val"})
    if others:
        raise ValueError(
            "A calibration is fitted on the validation split alone; these scores hold rows of "
            f"{', '.join(repr(name or '(none)') for name in others)}. "
            "Score it with `telltrace predict --split val`."
        )
    if before.knots:
        raise ValueError(
            "These scores were made with an isotonic curve, which cannot be undone. Calibrate the "
            "checkpoint that training wrote."
        )
    judged = scores[scores["score"].notna()].copy()
    labels = judged["label"].to_numpy()
    raw = margins(judged["score"], before.temperature, before.bias)
    temperature, bias = 1.0, 0.0
    if curve == "temperature":
        temperature = fit_temperature(labels, raw)
    elif curve == "platt":
        temperature, bias = fit_platt(labels, raw)
    fitted = 1 / (1 + np.exp(-(raw / temperature + bias)))
    knots = fit_isotonic(labels, fitted) if curve == "isotonic" else ()
    judged["score"] = apply_knots(fitted, knots) if knots else fitted
    after = Calibration(temperature=temperature, bias=bias, knots=knots)
    return _with_zone(after, judged, rate, confidence, error)


def _with_zone(
    calibration: Calibration,
    judged: pd.DataFrame,
    rate: float | None,
    confidence: float | None,
    error: float,
) -> Calibration:
    videos = aggregate_videos(judged)
    labels, scores = videos["label"].to_numpy(), videos["score"].to_numpy()
    basis = (
        f"{len(judged)} frames of {len(videos)} validation videos "
        f"({int((labels == 0).sum())} real, {int((labels == 1).sum())} fake)"
    )
    if rate is not None:
        zone = conformal_zone(labels, scores, rate, confidence)
        return replace(
            calibration,
            real_below=zone.real_below,
            fake_from=zone.fake_from,
            fitted_on=f"{basis}. {zone.guarantee}",
        )
    found = undecided_zone(labels, scores, error)
    assert found is not None  # the curve has been fitted, so both classes are there
    words = f"At most {error:g} of these videos of either class get the wrong verdict."
    return replace(
        calibration, real_below=found[0], fake_from=found[1], fitted_on=f"{basis}. {words}"
    )
