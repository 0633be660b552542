"""Several detectors as one checkpoint: weights, calibration and bounds from validation scores."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from telltrace import evaluation
from telltrace.checkpoint import Card, Detector, Ensemble
from telltrace.errors import ManifestError, OptionError
from telltrace.evaluation.calibration import Calibration
from telltrace.evaluation.combination import SURE, Combination, fit_weights
from telltrace.evaluation.compact import compact_scores
from telltrace.evaluation.odds import expit
from telltrace.evaluation.pairing import pair_rows
from telltrace.evaluation.ranking import Floats, UndefinedError
from telltrace.files.version import VERSION
from telltrace.inference.calibrate import calibrate, refuse_other_splits
from telltrace.inference.items import Group, Items

NAME: Final = "ensemble"
"""What the card of an ensemble calls its detector."""


def combine_detectors(
    detectors: Sequence[Detector],
    scores: Sequence[pd.DataFrame],
    names: Sequence[str] = (),
    *,
    conflict: float = 0.05,
    rate: float | None = None,
    error: float = 0.05,
) -> Ensemble:
    """One detector out of several, learnt on the scores that each gave the same validation faces.

    Each is calibrated on these faces first (Platt), so that all speak of the same odds; then their
    log odds are weighted and the sum is calibrated as `calibrate` does.

    Args:
        detectors: Two or more, none of them an ensemble, in the order of their scores.
        scores: Scores tables of the validation split, and of nothing else.
        names: What verdicts call them; by default the names of their networks.
        conflict: Share of validation items that may lie beyond the bound from which on a
            contradiction makes a verdict UNCERTAIN.
        rate: Largest share of reals called fake; None for those of `calibrate`.
        error: Share of the fakes that may be called real.

    Raises:
        OptionError: If there are fewer than two detectors, or one is an ensemble.
        ManifestError: If the tables share no face or hold rows of another split, or if a detector
            ranks no better than chance on them.
    """
    cards = [detector.card for detector in detectors]
    names = list(names) or _names([card.detector for card in cards])
    _check(cards, scores)
    if not 0 < conflict < 1:
        raise OptionError(f"conflict must lie in (0, 1), got {conflict}.")
    base, raw = _aligned(cards, scores)
    curves = [_curve(base, column, name) for column, name in zip(raw.T, names, strict=True)]
    odds = np.stack([m / t + b for m, (t, b) in zip(raw.T, curves, strict=True)], axis=1)
    looks = [Items.of(base, column, Calibration()).looks() for column in odds.T]
    weights = fit_weights(looks[0].labels, _columns(looks), looks[0].weights)
    combination = Combination(names=tuple(names), weights=weights)
    table = base.assign(score=expit(odds @ np.array(weights)))
    fitted = calibrate(Calibration(), table, rate=rate, error=error)
    members = [
        replace(card, calibration=Calibration(temperature=t, bias=b), video=None)
        for card, (t, b) in zip(cards, curves, strict=True)
    ]
    widest = max(cards, key=lambda card: card.preprocessing.crop.margin)
    card = Card(
        detector=NAME,
        preprocessing=widest.preprocessing,
        calibration=fitted.calibration,
        video=fitted.video,
        provenance=_origin(detectors, names),
        members=tuple(members),
        combination=_bounded(combination, base, odds, conflict),
    )
    pairs = zip(detectors, members, strict=True)
    return Ensemble([Detector(d.network, c, d.device, d.precision) for d, c in pairs], card)


def ensemble_names(cards: Sequence[Card], paths: Sequence[Path]) -> list[str]:
    """What verdicts call the detectors of checkpoints: by network, else by file."""
    networks, files = [card.detector for card in cards], [path.stem for path in paths]
    return networks if len(set(networks)) == len(networks) else _names(files)


def _names(found: Sequence[str]) -> list[str]:
    """The names, numbered where two are the same."""
    count, seen = Counter(found), Counter[str]()
    names = []
    for name in found:
        seen[name] += 1
        names.append(f"{name} {seen[name]}" if count[name] > 1 else name)
    return names


def _check(cards: Sequence[Card], scores: Sequence[pd.DataFrame]) -> None:
    if len(cards) < 2 or len(cards) != len(scores):
        message = f"An ensemble needs two detectors and the scores of each, got {len(cards)} and"
        raise OptionError(f"{message} {len(scores)}", remedy="Name them in the same order.")
    if any(card.members for card in cards):
        raise OptionError("One of the detectors is an ensemble", remedy="Name its members instead.")
    if any(card.calibration.knots for card in cards):
        message = "A detector has an isotonic curve, which cannot be undone"
        raise ManifestError(message, remedy="Give the checkpoint that training wrote.")
    for table in scores:
        refuse_other_splits(table)


def _aligned(cards: Sequence[Card], scores: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, Floats]:
    """The rows that all judged, in the first table's order, and each one's margins, (N, M)."""
    tables = [compact_scores(table, items=True) for table in scores]
    rows = [np.arange(len(scores[0]))]
    for table in tables[1:]:
        mine, theirs = pair_rows(tables[0], table)
        kept = np.isin(rows[0], mine)
        place = np.searchsorted(mine, rows[0][kept])
        rows = [*(each[kept] for each in rows), theirs[place]]
    found = [t.score[r] for t, r in zip(tables, rows, strict=True)]
    known = ~np.isnan(found).any(axis=0)
    columns = [c.calibration.margins(s[known]) for c, s in zip(cards, found, strict=True)]
    base = scores[0].reset_index(drop=True).iloc[rows[0][known]].reset_index(drop=True)
    return base, np.stack(columns, axis=1)


def _curve(base: pd.DataFrame, raw: Floats, name: str) -> tuple[float, float]:
    looks = Items.of(base, raw, Calibration()).looks()
    try:
        return evaluation.fit_platt(looks.labels, looks.margins, looks.weights)
    except UndefinedError as why:
        remedy = "Leave it out, or give validation faces of both classes."
        raise ManifestError(f"{name}: {why}", remedy=remedy) from None


def _columns(groups: Sequence[Group]) -> Floats:
    """Margins of the same items by each detector, (N, M)."""
    return np.stack([group.margins for group in groups], axis=1)


def _bounded(way: Combination, base: pd.DataFrame, odds: Floats, share: float) -> Combination:
    """The same with the bounds from which on detectors contradict each other too much."""
    items = [Items.of(base, column, Calibration()) for column in odds.T]
    bounds: dict[str, float | None] = {}
    words = []
    for medium in ("picture", "video"):
        groups = [one.pictures() if medium == "picture" else one.videos() for one in items]
        known = [group for group in groups if group is not None]
        bounds[medium] = None
        if not known:
            continue
        try:
            apart = way.conflict(_columns(known))
            found = evaluation.conformal_threshold(apart, share, None, known[0].weights)
        except UndefinedError as why:
            words.append(f"No bound for {medium}s: {why}.")
            continue
        bound = bounds[medium] = max(found, SURE)
        words.append(_measured(medium, bound, apart >= bound, way, known))
    said = f"At most {share:g} of the validation items may lie beyond a bound. {' '.join(words)}"
    return replace(way, **bounds, fitted_on=said)  # type: ignore[arg-type]


def _measured(
    medium: str, bound: float, beyond: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
    way: Combination, groups: Sequence[Group],
) -> str:  # fmt: skip
    """How many items lie beyond the bound, and how often all together are wrong there."""
    wrong = (_columns(groups) @ np.array(way.weights) > 0) != (groups[0].labels == 1)
    text = f"Beyond {expit(bound):.1%} on both sides: {beyond.sum()} of {len(beyond)} {medium}s"
    shares = [f"{wrong[of].mean():.0%}" if of.any() else "none" for of in (beyond, ~beyond)]
    return f"{text}, of which {shares[0]} are on the wrong side, of the others {shares[1]}."


def _origin(detectors: Sequence[Detector], names: Sequence[str]) -> dict[str, object]:
    """Where an ensemble comes from: its detectors, their files and terms."""
    cards = [detector.card.provenance for detector in detectors]
    said = [str(card.get("summary", "see its card")) for card in cards]
    origin: dict[str, object] = {
        "summary": "; ".join(f"{name}: {text}" for name, text in zip(names, said, strict=True)),
        "files": {n: d.sha256 for n, d in zip(names, detectors, strict=True) if d.sha256},
        "telltrace": VERSION,
    }
    for key in ("terms", "licence"):
        if known := list(dict.fromkeys(str(card[key]) for card in cards if card.get(key))):
            origin[key] = "; ".join(known)
    return origin
