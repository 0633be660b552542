"""A detector's calibration, fitted on the scores of its validation split."""

from dataclasses import replace
from typing import Final, Literal, NamedTuple

import numpy as np
import pandas as pd

from telltrace import evaluation
from telltrace.errors import ManifestError
from telltrace.evaluation.calibration import Calibration, VideoCalibration
from telltrace.evaluation.cross_entropy import log_ratios
from telltrace.evaluation.odds import expit
from telltrace.evidence.likelihood import Bounds, supported_bounds
from telltrace.inference.items import Group, Items, window_sample
from telltrace.inference.rule import Rule, halfway

Curve = Literal["temperature", "platt", "isotonic"]

PICTURES: Final = 0.03
"""Largest share of real pictures that are called fake, where nothing else is asked for."""
VIDEOS: Final = 0.05
"""The same of real videos."""
STRICT: Final = 0.01
"""The same of either with strict thresholds."""
ENOUGH: Final = 30
"""Forged videos from which a curve of their own is fitted."""


class Fitted(NamedTuple):
    """What a card gets."""

    calibration: Calibration
    video: VideoCalibration | None
    """None where the scores were of no videos."""


def calibrate(
    before: Calibration,
    scores: pd.DataFrame,
    curve: Curve = "platt",
    *,
    rate: float | None = None,
    confidence: float | None = None,
    error: float = 0.05,
) -> Fitted:
    """Curves and thresholds from the scores that a detector gave its validation split.

    Rows that share a video and differ in frame or time are a video, all others pictures. Both
    classes count the same, and in each every source (data set, and method of forgery), however many
    items it has; but real videos count the same each.

    Args:
        before: The calibration with which the scores were made.
        scores: Scores table of the validation split, and of nothing else.
        curve: "temperature" (one number), "platt" (two) or "isotonic" (as many as needed).
        rate: Largest share of reals called fake; None for `PICTURES` and `VIDEOS`.
        confidence: Probability with which that holds of pictures for this very calibration; None
            for a promise that holds on average.
        error: Share of the fakes that may be called real.

    Raises:
        ManifestError: If the scores are of another split, or were made with an isotonic curve.
        UndefinedError: If there are too few items, of either class.
    """
    refuse_other_splits(scores)
    if before.knots:
        message = "These scores were made with an isotonic curve, which cannot be undone"
        raise ManifestError(message, remedy="Calibrate the checkpoint that training wrote.")
    judged = scores[scores["score"].notna()]
    margins = before.margins(judged["score"])
    items = Items.of(judged, margins, before)
    looks = items.looks()
    temperature, bias, knots = _curve(looks, curve)
    after = Calibration(temperature=temperature, bias=bias, knots=knots, frames=before.frames)
    # an isotonic curve cannot be undone: margins are then those that a scan takes for them
    items = Items.of(judged, after.margins(after.score(margins)), after)
    rates = (PICTURES if rate is None else rate, min(STRICT, rate or STRICT))
    still = _pictures(after, items.pictures(), rates, confidence, error)
    rates = (VIDEOS if rate is None else rate, rates[1])
    return Fitted(still, _videos(still, items, curve, rates, error))


def refuse_other_splits(scores: pd.DataFrame) -> None:
    """Refuse, by a ManifestError, rows that are not of the validation split."""
    if others := sorted(set(scores["split"]) - {"val"}):
        named = ", ".join(repr(name or "(none)") for name in others)
        message = "A calibration is fitted on the validation split alone; these scores hold rows of"
        remedy = "Score it with `telltrace predict --split val`."
        raise ManifestError(f"{message} {named}", remedy=remedy)


def verdict_shares(before: Calibration, fitted: Fitted, scores: pd.DataFrame) -> pd.DataFrame:
    """The verdicts on the items of a table, as shares in which every source counts the same.

    The scores were made with ``before`` and are judged by ``fitted``. Columns are ``medium``,
    ``label``, ``items``, ``strict``, ``FAKE``, ``UNCERTAIN`` and ``REAL``.
    """
    judged, still = scores[scores["score"].notna()], fitted.calibration
    judged = judged.assign(score=still.score(before.margins(judged["score"])))
    items = Items.of(judged, still.margins(judged["score"]), still)
    rows: list[dict[str, object]] = []
    for strict in (False, True):
        rule = Rule(((still, fitted.video),), strict)
        said = [rule.picture(np.array([p])).status for p in items.stills["score"]]
        kinds = [("picture", items.pictures(), said)]
        if (videos := items.videos()) is not None:
            kinds.append(("video", videos, [rule.video(one).status for one in items.series()]))
        for medium, alike, said in kinds:
            for label in np.unique(alike.labels).tolist():
                mine = alike.labels == label
                weights, verdicts = alike.weights[mine], np.array(said)[mine]
                row = {"medium": medium, "label": label, "items": int(mine.sum()), "strict": strict}
                for status in ("FAKE", "UNCERTAIN", "REAL"):
                    row[status] = float(weights[verdicts == status].sum() / weights.sum())
                rows.append(row)
    return pd.DataFrame(rows).sort_values(["medium", "label", "strict"], ignore_index=True)


def _curve(looks: Group, curve: Curve) -> tuple[float, float, tuple[tuple[float, float], ...]]:
    """Temperature, bias and knots."""
    labels, margins, weights, _ = looks
    if curve == "temperature":
        return evaluation.fit_temperature(labels, margins, weights), 0.0, ()
    if curve == "platt":
        return *evaluation.fit_platt(labels, margins, weights), ()
    return 1.0, 0.0, evaluation.fit_isotonic(labels, expit(margins), weights)


def _pictures(
    after: Calibration,
    pictures: Group,
    rates: tuple[float, float],
    confidence: float | None,
    error: float,
) -> Calibration:
    """The same curve with thresholds for pictures."""
    (margins, weights), fakes = pictures.of(0), pictures.of(1)
    reals, uppers = evaluation.summarise_sample(margins, weights), []
    for rate in rates:
        margin, each = reals.threshold(rate), None if confidence else weights
        try:
            margin = max(margin, evaluation.conformal_threshold(margins, rate, confidence, each))
        except evaluation.UndefinedError:
            if confidence is not None:
                raise
        uppers.append(float(after.probability(margin)))
    lower = evaluation.real_threshold(after.probability(fakes[0]), error, fakes[1])
    if lower > uppers[0]:  # the classes lie apart: the middle keeps both promises
        lower = uppers[0] = halfway(lower, uppers[0])
    sure = "on average" if confidence is None else f"with probability {confidence:g}"
    return replace(
        after,
        real_below=lower,
        fake_from=uppers[0],
        fake_from_strict=max(uppers),
        reals=reals,
        rates=rates,
        fitted_on=_words("pictures", pictures, rates, error, sure),
        lr_bounds=_bounds(after, pictures),
    )


def _videos(
    still: Calibration, items: Items, curve: Curve, rates: tuple[float, float], error: float
) -> VideoCalibration | None:
    """Curve and thresholds for people in videos; None without two real ones.

    Real videos count the same, whatever their source, because a source may hold three people.
    Fewer than `ENOUGH` forged ones show nothing: videos then have the pictures' curve, and are
    called real where a picture is.
    """
    videos = items.videos()
    if videos is None or (videos.labels == 0).sum() < 2:
        return None
    (reals, _), fakes = videos.of(0), videos.of(1)
    temperature, bias = (1.0, 0.0) if still.knots else (still.temperature, still.bias)
    if enough := len(fakes[0]) >= ENOUGH:
        temperature, bias, _ = _curve(videos, "temperature" if curve == "temperature" else "platt")
    windows, within = window_sample(videos.labels, items.series()) or (None, None)
    found = VideoCalibration(
        temperature=temperature,
        bias=bias,
        real_below=still.real_below,
        reals=evaluation.summarise_sample(reals),
        windows=windows,
        within=within,
        rates=rates,
        fitted_on=_words("videos", videos, rates, error, "on average"),
    )
    if not enough:
        return found
    lower = evaluation.real_threshold(found.probability(fakes[0]), error, fakes[1])
    return replace(found, real_below=lower, lr_bounds=_bounds(found, videos))


def _bounds(curve: Calibration | VideoCalibration, items: Group) -> Bounds:
    """How far these items support the likelihood ratios that a curve gives them."""
    ratios = log_ratios(curve.probability(items.margins))
    return supported_bounds(items.labels, ratios, items.weights)


def _words(what: str, items: Group, rates: tuple[float, float], error: float, sure: str) -> str:
    reals, fakes = (int((items.labels == label).sum()) for label in (0, 1))
    said, counted = f"{error:g} of the fakes are called real", " that count the same"
    if what == "videos":
        counted = "; each real video counts the same"
        said = "real is said where it is of pictures" if fakes < ENOUGH else said
    return (
        f"{reals} real and {fakes} fake {what} of the validation split, from {items.sources} "
        f"sources{counted}. "
        f"At most {rates[0]:g} of real {what} are called fake ({rates[1]:g} with --strict), "
        f"{sure}, for {what} drawn as these were; {said}."
    )
