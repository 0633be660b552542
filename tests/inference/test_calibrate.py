"""Calibration: fitted on validation alone, carried by the weights, applied on the one path."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit

from telltrace.checkpoint import (
    Calibration,
    Card,
    load_checkpoint,
    probabilities,
    save_checkpoint,
)
from telltrace.cli import main
from telltrace.data.transforms import Preprocessing
from telltrace.evaluate import UndefinedError, expected_calibration_error, write_scores
from telltrace.faces.align import FaceCrop
from telltrace.inference.calibrate import calibrate
from telltrace.models.registry import create_detector


def overconfident(split: str = "val", videos: int = 400, seed: int = 0) -> pd.DataFrame:
    """Four frames a video, whose margins are three times too large and moved by one."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(0, 1.5, videos)
    label = (rng.random(videos) < expit(margin)).astype(int)
    each = np.repeat(np.arange(videos), 4)
    return pd.DataFrame(
        {
            "path": [f"{i}.png" for i in range(4 * videos)],
            "dataset": "noise",
            "label": label[each],
            "method": np.where(label[each] == 0, "real", "paste"),
            "compression": "",
            "video": [f"v{i}" for i in each],
            "identity": "",
            "split": split,
            "frame": np.tile(np.arange(4), videos),
            "time": 0.0,
            "score": expit(3 * margin[each] + 1),
        }
    )


@pytest.mark.parametrize("curve", ["temperature", "platt", "isotonic"])
def test_probabilities_come_true_after_it(curve: str) -> None:
    before, fresh = overconfident(videos=6000), overconfident(videos=6000, seed=1)
    found = calibrate(Calibration(), before, curve)  # type: ignore[arg-type]
    raw = np.log(fresh.score / (1 - fresh.score)).to_numpy()
    logits = torch.from_numpy(np.stack([np.zeros_like(raw), raw], 1))
    after = probabilities(logits, found)
    old = expected_calibration_error(fresh.label, fresh.score)
    assert old > 0.1
    assert expected_calibration_error(fresh.label, after) < (
        0.09 if curve == "temperature" else 0.03
    )
    assert np.all(np.diff(after[np.argsort(raw)]) >= 0)


def test_an_earlier_curve_is_undone_first() -> None:
    table = overconfident()
    once = calibrate(Calibration(), table)
    raw = np.log(table.score / (1 - table.score)).to_numpy()
    again = calibrate(replace(once), table.assign(score=expit(raw / once.temperature + once.bias)))
    assert (again.temperature, again.bias) == pytest.approx((once.temperature, once.bias), rel=1e-5)


@pytest.mark.parametrize("split", ["test", "train", ""])
def test_other_splits_are_refused(split: str) -> None:
    table = pd.concat([overconfident(), overconfident(split).assign(dataset="other")])
    with pytest.raises(ValueError, match="--split val"):
        calibrate(Calibration(), table)


def test_an_isotonic_curve_cannot_be_undone() -> None:
    with pytest.raises(ValueError, match="checkpoint that training wrote"):
        calibrate(Calibration(knots=((0.0, 0.1), (1.0, 0.9))), overconfident())


def test_a_promise_needs_videos_and_is_written_down() -> None:
    found = calibrate(Calibration(), overconfident(), rate=0.05)
    assert found.real_below <= found.fake_from
    assert "At most 0.05 of reals are called fake" in found.fitted_on
    with pytest.raises(UndefinedError, match="needs 999 items"):
        calibrate(Calibration(), overconfident(), rate=0.001)


def test_the_command_writes_a_checkpoint_that_scores_by_the_new_curve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = Card(
        detector="blend_map",
        options={"width": 8},
        preprocessing=Preprocessing(FaceCrop(size=64), image_size=64),
    )
    save_checkpoint(tmp_path / "raw.safetensors", create_detector("blend_map", width=8), card)
    write_scores(overconfident(), tmp_path / "val.csv")
    paths = [str(tmp_path / name) for name in ("raw.safetensors", "val.csv")]
    out = tmp_path / "isotonic.safetensors"
    assert main(["calibrate", *paths, "--out", str(out), "--curve", "isotonic"]) == 0
    assert "validation videos" in capsys.readouterr().out
    raw, calibrated = (load_checkpoint(tmp_path / f"{n}.safetensors") for n in ("raw", "isotonic"))
    crops = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    knots = np.array(calibrated.card.calibration.knots)
    np.testing.assert_allclose(
        calibrated.score(crops), np.interp(raw.score(crops), *knots.T), atol=1e-12
    )
