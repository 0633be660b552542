"""Figures in the docs that a command prints in a moment are what it prints."""

import re
from pathlib import Path

import pytest

from telltrace.checkpoint import load_detector
from telltrace.inference import Rule
from telltrace.models import create_detector
from telltrace.models.complexity import complexity

DOCS = Path(__file__).parents[2] / "docs"


def test_the_model_card_says_size_and_thresholds_of_the_detector_in_the_package() -> None:
    text, detector = (DOCS / "model_card.md").read_text(), load_detector()
    card, count = detector.card, sum(x.numel() for x in detector.network.parameters())
    assert f"{count / 1e6:.2f} M parameters" in text
    assert f"input {card.preprocessing.image_size} x {card.preprocessing.image_size} RGB" in text
    assert f"margin of {card.preprocessing.crop.margin:g}." in text
    rules = [Rule(((card.calibration, card.video),), strict) for strict in (False, True)]
    for kind, moving in (("pictures", False), ("videos, one person", True)):
        zone, strict = (rule.zone(moving=moving) for rule in rules)
        row = zone.real_below, zone.fake_from, strict.fake_from
        assert f"| {kind} | {' | '.join(f'{x:.2f}' for x in row)} |" in text


@pytest.mark.parametrize("beta", [1, 0.75, 0.5, 0.25])
def test_the_guide_to_sficonv_says_what_complexity_counts(beta: float) -> None:
    cost = complexity(create_detector("sfi_resnet26", alpha=0.5, beta=beta), 256)
    row = f"| {beta:g} | {cost.paper_macs / 1e9:.3f} G | {cost.executed_macs / 1e9:.3f} G |"
    assert re.search(f"^{re.escape(row)}$", (DOCS / "guides" / "sficonv.md").read_text(), re.M)
