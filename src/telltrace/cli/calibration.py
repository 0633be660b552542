"""`telltrace calibrate`: probabilities, thresholds and evidence from validation data."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telltrace.errors import ManifestError, OptionError

if TYPE_CHECKING:
    import pandas as pd

    from telltrace.checkpoint import Card, Detector
    from telltrace.evidence.likelihood import Bounds
    from telltrace.evidence.quality import QualityBin
    from telltrace.inference.calibrate import Fitted


def calibrate(
    checkpoint: Path,
    scores: list[Path],
    *,
    out: Path,
    columns: str | None = None,
    media: Path | None = None,
    **options: Any,
) -> int:
    """Fit a checkpoint's probabilities and thresholds on its validation scores.

    The scores must be of the validation split alone: `telltrace predict --split val`. Training,
    scanning and every export of the new checkpoint use the new curves and thresholds. Pictures
    and videos get curves and thresholds of their own; stretches of a video can only be judged if
    the real videos have three frames or more within a second. Likelihood ratios come with the
    curves, within the bounds that the scores support.

    Args:
        checkpoint: Detector that made the scores.
        scores: What `telltrace predict` wrote for the validation split; several tables are one.
        out: Checkpoint to write.
        columns: Columns that have other names there, such as video=clip,score=prob_fake.
        media: Manifest of media, of which those of the split val are scanned, pictures once more
            after a treatment: how often blurred, dark, small and compressed files are misjudged
            stands beside each verdict from then on, and makes it UNCERTAIN where that is too often.
    """
    from telltrace.checkpoint import load_detector, save_checkpoint
    from telltrace.evaluation import UndefinedError
    from telltrace.files import check_output
    from telltrace.inference.calibrate import calibrate as fit
    from telltrace.inference.calibrate import verdict_shares

    check_output(out, ".safetensors")
    table, detector = _read(scores, columns), load_detector(checkpoint)
    before = detector.card.calibration
    try:
        found = fit(before, table, **options)
    except UndefinedError as error:
        remedy = "Give more validation scores, of reals and of fakes."
        raise ManifestError(str(error), remedy=remedy, path=scores[0]) from None
    card = replace(detector.card, calibration=found.calibration, video=found.video, quality=())
    told = ""
    if media is not None:
        quality, told = _quality(detector, card, media, options.get("error", 0.05))
        card = replace(card, quality=quality)
    save_checkpoint(out, detector.network, card)
    print(_described(found, options.get("curve", "platt")))
    shares = verdict_shares(before, found, table)
    shares["label"] = shares["label"].map({0: "real", 1: "fake"})
    print(shares.to_string(index=False, float_format=lambda share: f"{share:.1%}"))
    print(f"{told}-> {out}")
    return 0


def _read(scores: list[Path], columns: str | None) -> "pd.DataFrame":
    """The tables as one; an OptionError if one would count twice."""
    import pandas as pd

    from telltrace.evaluation import parse_columns, read_scores

    if len({path.resolve() for path in scores}) < len(scores):
        raise OptionError("A table of scores is named twice", remedy="Name each once.")
    names = parse_columns(columns) if columns else None
    return pd.concat([read_scores(path, names) for path in scores], ignore_index=True)


def _quality(
    detector: "Detector", card: "Card", media: Path, error: float
) -> "tuple[tuple[QualityBin, ...], str]":
    """What a detector with a new card does on these media, and a table of it."""
    from telltrace.checkpoint import Detector, Ensemble
    from telltrace.data.manifest import read_manifest
    from telltrace.evaluation.text_tables import text_table, to_lines
    from telltrace.evidence.quality import VERDICTS
    from telltrace.inference import Scanner
    from telltrace.inference.quality import by_treatment, measure_quality

    parts = list(detector.members)
    judge = Ensemble(parts, card) if card.members else Detector(detector.network, card)
    bins, said = measure_quality(Scanner(judge), read_manifest(media), error)
    rows = [
        [one.medium, one.kind, str(one.errors("FAKE")), str(one.errors("REAL")),
         ", ".join(name for name in VERDICTS if one.breaks_promise(name))]
        for one in bins
    ]  # fmt: skip
    rows += [[medium, f"all, {name}", *wrong, ""] for medium, name, *wrong in by_treatment(said)]
    columns = ["medium", "files", "reals FAKE", "fakes REAL", "UNCERTAIN in place of"]
    return bins, to_lines([text_table(columns, rows, title="Quality")], 110) + "\n"


def _described(found: "Fitted", curve: str) -> str:
    """Curves, thresholds and what they rest on, in lines."""
    from telltrace.inference import Rule

    still, video = found
    text = (
        f"Pictures, {curve}: temperature {still.temperature:.4g}, bias {still.bias:.4g}, "
        f"{len(still.knots)} knots. Real below {still.real_below:.4f}, fake from "
        f"{still.fake_from:.4f}, strict {still.fake(strict=True):.4f}.\n{still.fitted_on}\n"
        f"{_ratios(still.lr_bounds)}\n"
    )
    if video is None:
        return f"{text}No videos: they are judged as pictures, by their mean."
    zone, strict = (Rule(((still, video),), strict).zone(moving=True) for strict in (False, True))
    text += (
        f"Videos: temperature {video.temperature:.4g}, bias {video.bias:.4g}. Real below "
        f"{zone.real_below:.4f}, fake from {zone.fake_from:.4f}, strict {strict.fake_from:.4f}.\n"
        f"{video.fitted_on}\n{_ratios(video.lr_bounds)}\n"
    )
    if video.windows is None:
        return f"{text}Too few frames a second: no stretches will be claimed."
    ten, rare = (video.stretch(19, strict) for strict in (False, True))
    return f"{text}Stretches, in ten seconds: fake from {ten:.4f}, strict {rare:.4f}."


def _ratios(bounds: "Bounds | None") -> str:
    """How far likelihood ratios are supported, in a sentence."""
    from telltrace.evidence.likelihood import plain_ratio

    if bounds is None:
        return "Too few forged videos: no likelihood ratio will be stated."
    low, high = map(plain_ratio, bounds)
    return f"Likelihood ratios are kept between {low} and {high}: these scores support no others."
