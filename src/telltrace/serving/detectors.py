"""What the detectors' cards say to who must weigh their verdicts."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from telltrace.checkpoint import BUNDLED, Card, read_card
from telltrace.files import file_sha256
from telltrace.inference import Rule, Scanner, ScanSettings
from telltrace.inference.formats import about

WEAK: Final = 0.8
"""Area under the ROC curve on validation below which a source is named as a weakness."""
FEW: Final = 100
"""Real videos below which the calibration on videos is."""


def describe_detectors(checkpoint: Sequence[Path], settings: ScanSettings) -> dict[str, Any]:
    """What every verdict depends on, as `about` says it, and the weaknesses of each detector.

    Only cards are read, so that this process needs no network in memory. One that cannot be read
    is a CheckpointError.
    """
    paths = list(checkpoint) or [BUNDLED]
    cards = [read_card(path) for path in paths]
    members = tuple((card.calibration, card.video) for card in cards)
    ways = tuple(card.combination for card in cards)
    rule = Rule(members, settings.strict, settings.window, ways)
    pairs = zip(cards, paths, strict=True)
    loaded = [
        SimpleNamespace(card=card, sha256=file_sha256(path), backend=settings.backend)
        for card, path in pairs
    ]
    known = SimpleNamespace(detectors=loaded, rule=rule, settings=settings)
    told = about(cast(Scanner, known))  # looks at these three alone
    for entry, card in zip(told["detectors"], cards, strict=True):
        fitted = [card.calibration.fitted_on, card.video.fitted_on if card.video else ""]
        entry["calibrated_on"] = [text for text in fitted if text]
        entry["weaknesses"] = weaknesses(card)
    return told


def weaknesses(card: Card) -> list[str]:
    """Sentences on where the card's own figures are poor, the poorest first."""
    measured = card.metrics.get("validation")
    areas = {
        name.removeprefix("val_auc_").replace("_", " "): area
        for name, area in (measured.items() if isinstance(measured, dict) else ())
        if name.startswith("val_auc_") and name != "val_auc_worst" and isinstance(area, float)
    }
    poor = sorted((area, name) for name, area in areas.items() if area < WEAK)
    said = [
        f"Validation on {name}: AUC {area:.2f}, where 0.5 is chance and 1 is perfect."
        for area, name in poor
    ]
    if card.video is None:
        said.append(
            "Videos are judged by the mean of their pictures, without their own thresholds."
        )
    elif card.video.reals is not None and card.video.reals.size < FEW:
        said.append(f"Its thresholds for videos rest on {card.video.reals.size:.0f} real videos.")
    return said
