"""Likelihood ratios, priors and errors of files like it, from the card to what a reader sees."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit, logit
from scipy.stats import norm

from telltrace.checkpoint import Calibration, Card, Detector
from telltrace.data.manifest import check_manifest
from telltrace.errors import ManifestError, OptionError
from telltrace.evidence.quality import QualityBin
from telltrace.faces.detect import FaceDetector
from telltrace.faces.media import Status
from telltrace.inference import Scanner, Verdict
from telltrace.inference.calibrate import calibrate
from telltrace.inference.formats import format_verdicts, schema, to_text
from telltrace.inference.page import scan_page
from telltrace.inference.quality import measure_quality

Pixels = NDArray[np.uint8]
MakeScanner = Callable[..., Scanner]


def tinted(image: Pixels, red: float, blue: float) -> Pixels:
    return np.clip(image * np.array([red, 1.0, blue]), 0, 255).astype(np.uint8)


@pytest.fixture
def informed(judge: Detector, detector: FaceDetector) -> MakeScanner:
    """A scanner whose card knows ratios up to 20 and the bins that are given."""

    def make(*quality: QualityBin, **settings: float) -> Scanner:
        still = replace(judge.card.calibration, lr_bounds=(-0.5, float(np.log10(20))))
        card = replace(judge.card, calibration=still, quality=quality)
        known = Detector(judge.network, card)
        return Scanner(known, face_detector=detector, search_every=1, **settings)  # type: ignore[arg-type]

    return make


def gaussian_items(count: int = 1500) -> pd.DataFrame:
    """Pictures of N(-1, 1) and N(1, 1), seen through scores that overstate them."""
    x = norm.ppf((np.arange(count) + 0.5) / count)
    label = np.repeat([0, 1], count)
    return pd.DataFrame(
        {
            "dataset": "drawn", "label": label, "method": np.where(label, "paste", "real"),
            "compression": "", "video": [f"v{i}" for i in range(2 * count)], "split": "val",
            "frame": -1, "time": np.nan, "score": expit(5 * np.r_[x - 1, x + 1] + 2),
        }
    )  # fmt: skip


@pytest.mark.parametrize(("curve", "off"), [("platt", 0.02), ("isotonic", 0.06)])
def test_a_calibration_learns_the_ratio_of_gaussian_densities(curve: str, off: float) -> None:
    table = gaussian_items()
    found = calibrate(Calibration(), table, curve).calibration  # type: ignore[arg-type]
    x = np.linspace(-1.5, 1.5, 13)
    raw = expit(5 * x + 2)
    scores = np.interp(raw, *np.array(found.knots).T) if found.knots else (
        found.probability(logit(raw))
    )  # fmt: skip
    assert logit(scores) == pytest.approx(2 * x, abs=off)
    low, high = found.lr_bounds or (0, 0)
    assert -np.log10(1500) < low < -1.5
    assert 1.5 < high < np.log10(1500)


def test_few_forged_videos_support_no_ratio() -> None:
    table = gaussian_items(100)
    frames = [table.assign(frame=k, time=k / 8, dataset="clips") for k in range(4)]
    whole = calibrate(Calibration(), pd.concat([table, *frames])).video
    few = [f[(f.label == 0) | f.video.isin(["v100", "v101"])] for f in frames]
    part = calibrate(Calibration(), pd.concat([table, *few])).video
    assert whole is not None
    assert part is not None
    assert (whole.lr_bounds is None, part.lr_bounds is None) == (False, True)


def test_a_verdict_states_the_ratio_and_no_posterior_without_a_prior(
    informed: MakeScanner, astronaut: Pixels, tmp_path: Path
) -> None:
    red = tmp_path / "red.png"
    Image.fromarray(tinted(astronaut, 1.2, 0.3)).save(red)
    scanner = informed()
    found = scanner.scan(red)
    [track] = found.tracks
    assert track.likelihood is not None
    expected = min(np.log10(found.score / (1 - found.score)), np.log10(20))  # type: ignore[operator]
    assert track.likelihood.log10_lr == pytest.approx(expected)
    assert track.likelihood.posterior is None
    told = json.loads(format_verdicts([found], scanner, "json"))
    rule = schema()["$defs"]["track"]["properties"]["likelihood"]
    assert set(told["files"][0]["tracks"][0]["likelihood"]) == set(rule["properties"])
    assert told["files"][0]["tracks"][0]["likelihood"]["posterior"] is None
    assert Verdict.from_dict(told["files"][0]).tracks[0].likelihood is not None
    for text in (to_text([found], scanner), scan_page(found, scanner)):
        assert track.likelihood.words in text
        assert "probability of forgery." not in text
    asked = informed(prior=0.01).scan(red).tracks[0].likelihood
    assert asked is not None
    odds = 10**expected / 99
    assert asked.posterior == pytest.approx(odds / (1 + odds))
    with pytest.raises(OptionError, match="prior must lie between 0 and 1"):
        informed(prior=1.0)


def test_several_detectors_and_old_cards_state_no_ratio(
    judge: Detector, detector: FaceDetector, astronaut: Pixels, informed: MakeScanner
) -> None:
    known = informed().detectors[0]
    for detectors in (judge, [known, known]):
        [track] = Scanner(detectors, face_detector=detector).scan(astronaut).tracks
        assert track.likelihood is None


def test_errors_of_files_like_it_stand_beside_a_verdict_and_take_it_back(
    informed: MakeScanner, astronaut: Pixels
) -> None:
    red = tinted(astronaut, 1.2, 0.3)
    common = {"medium": "image", "kind": "any", "fakes": 0, "called_real": 0}
    good, bad = (
        QualityBin(reals=100, called_fake=n, promised=(0.05, 0.05), **common)  # type: ignore[arg-type]
        for n in (3, 15)
    )
    kept = informed(good).scan(red)
    assert (kept.verdict, kept.tracks[0].likelihood is None) == (Status.FAKE, False)
    assert "3 of 100 real pictures were called FAKE" in to_text([kept], informed(good))
    taken = informed(bad).scan(red)
    assert (taken.verdict, taken.tracks[0].likelihood) == (Status.UNCERTAIN, None)
    assert "looks forged, as too many real ones do in files like this" in taken.reason
    assert informed(bad).scan(tinted(astronaut, 0.4, 1.2)).verdict == Status.REAL
    text = informed(bad).detectors[0].card.to_json()
    assert Card.from_json(text).quality == (bad,)


def test_quality_is_measured_on_validation_files(
    informed: MakeScanner, astronaut: Pixels, tmp_path: Path
) -> None:
    rows = []
    for name, red, label in (("a", 1.2, 0), ("b", 0.4, 0), ("c", 1.2, 1), ("d", 0.4, 1)):
        Image.fromarray(tinted(astronaut, red, 1.5 - red)).save(tmp_path / f"{name}.png")
        rows.append({"path": str(tmp_path / f"{name}.png"), "label": label, "split": "val"})
    media = check_manifest(pd.DataFrame(rows))
    bins, table = measure_quality(informed(), media)
    found = {one.kind: one for one in bins}
    assert (found["any"].reals, found["any"].called_fake) == (2, 1)
    assert (found["any"].fakes, found["any"].called_real) == (2, 1)
    assert found["any"].promised == (0.03, 0.05)
    assert table["treatment"].value_counts()["as it is"] == 4
    treated = table[table["treatment"] == "blurred"]
    assert "any" not in treated["kinds"].iloc[0]
    with pytest.raises(ManifestError, match="no medium of the split val"):
        measure_quality(informed(), media.assign(split="test"))
