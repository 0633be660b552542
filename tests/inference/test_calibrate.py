"""Calibration: fitted on validation alone, carried by the weights, applied on the one path."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.special import expit, logit
from skimage import data

from telltrace.checkpoint import (
    Calibration,
    Card,
    load_detector,
    probabilities,
    save_checkpoint,
)
from telltrace.cli import main
from telltrace.data.transforms import Preprocessing
from telltrace.evaluation import UndefinedError, write_scores
from telltrace.evaluation.metrics import expected_calibration_error
from telltrace.faces.align import FaceCrop
from telltrace.inference.calibrate import calibrate, verdict_shares
from telltrace.inference.items import Items
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
    found = calibrate(Calibration(), before, curve).calibration  # type: ignore[arg-type]
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
    once, _ = calibrate(Calibration(), table)
    raw = np.log(table.score / (1 - table.score)).to_numpy()
    scores = expit(raw / once.temperature + once.bias)
    again, _ = calibrate(replace(once), table.assign(score=scores))
    assert (again.temperature, again.bias) == pytest.approx((once.temperature, once.bias), rel=1e-5)


@pytest.mark.parametrize("split", ["test", "train", ""])
def test_other_splits_are_refused(split: str) -> None:
    table = pd.concat([overconfident(), overconfident(split).assign(dataset="other")])
    with pytest.raises(ValueError, match="--split val"):
        calibrate(Calibration(), table)


def test_an_isotonic_curve_cannot_be_undone() -> None:
    with pytest.raises(ValueError, match="checkpoint that training wrote"):
        calibrate(Calibration(knots=((0.0, 0.1), (1.0, 0.9))), overconfident())


def test_a_promise_is_kept_and_written_down() -> None:
    fresh, shares = items(seed=9), []
    for seed in range(8):
        fitted = calibrate(Calibration(), items(seed=seed))
        shares.append(verdict_shares(Calibration(), fitted, fresh))
    for strict, rates in ((False, (0.03, 0.05)), (True, (0.01, 0.01))):
        mine = [each[(each.label == 0) & (each.strict == strict)] for each in shares]
        mean = pd.concat([each.set_index("medium").FAKE for each in mine], axis=1).mean(axis=1)
        assert (mean <= np.array(rates) * 1.3 + 0.003).all(), mean
        assert (mean > 0).any()
    assert "At most 0.03 of real pictures are called fake (0.01" in fitted.calibration.fitted_on
    assert fitted.video is not None
    assert "At most 0.05 of real videos are called fake (0.01" in fitted.video.fitted_on
    with pytest.raises(UndefinedError, match="needs 2995 items"):
        calibrate(Calibration(), items(), rate=0.001, confidence=0.95)


def items(seed: int = 0, videos: int = 120, frames: int = 24) -> pd.DataFrame:
    """Pictures of two sets, one ten times as large, and videos of eight frames a second."""
    rng, parts = np.random.default_rng(seed), []
    for label in (0, 1):
        for dataset, count, middle in (("large", 1000, -2.0), ("small", 100, -1.0)):
            margin = rng.normal(middle + 3 * label, 1, count)
            parts.append(rows(dataset, label, np.arange(count), np.full(count, -1), margin))
        clip = np.repeat(np.arange(videos), frames)
        level = rng.normal(-1.5 + 2.5 * label, 0.5, videos)[clip]
        margin = level + rng.normal(0, 0.5, len(clip))
        parts.append(rows("clips", label, clip, np.tile(np.arange(frames), videos), margin))
    return pd.concat(parts, ignore_index=True)


def rows(
    dataset: str, label: int, video: np.ndarray, frame: np.ndarray, margin: np.ndarray
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [f"{dataset}/{label}/{v}_{f}.png" for v, f in zip(video, frame, strict=True)],
            "dataset": dataset,
            "label": label,
            "method": "paste" if label else "real",
            "compression": "",
            "video": [f"v{v}" for v in video],
            "identity": "",
            "split": "val",
            "frame": frame,
            "time": np.where(frame < 0, np.nan, frame / 8),
            "score": expit(margin),
        }
    )


def test_pictures_and_videos_are_told_apart() -> None:
    found = Items.of(items(), np.zeros(len(items())), Calibration())
    assert found.moving.sum() == 2 * 120 * 24
    videos, pictures = found.videos(), found.pictures()
    assert videos is not None
    assert (len(videos.labels), len(pictures.labels)) == (240, 2200)
    for group in (videos, pictures):
        assert group.weights[group.labels == 0].sum() == pytest.approx(len(group.labels) / 2)
    large = pictures.weights.max() / pictures.weights.min()
    assert large == pytest.approx(10)


def test_without_pictures_a_frame_of_each_video_is_one() -> None:
    table = items()
    clips = table[table.dataset == "clips"]
    found, video = calibrate(Calibration(), clips)
    assert "120 real and 120 fake pictures" in found.fitted_on
    assert video is not None
    assert video.windows is not None
    assert (video.reals.size, video.windows.size) == pytest.approx((120, 120))
    assert video.within is not None
    assert 0 < video.within < video.windows.sd
    raw = logit(clips[clips.label == 0].groupby("video").score.apply(np.array).to_list())
    assert video.reals[1:] == pytest.approx((raw.mean(), raw.mean(1).std(ddof=1)))


def test_without_videos_or_seconds_nothing_is_claimed_of_them() -> None:
    table = items()
    assert calibrate(Calibration(), table[table.dataset != "clips"]).video is None
    sparse = table[(table.dataset != "clips") | (table.frame % 8 == 0)]
    _, video = calibrate(Calibration(), sparse)
    assert video is not None
    assert video.windows is None
    untimed = calibrate(Calibration(), table.assign(time=np.nan)).video
    assert untimed is not None
    assert untimed.windows is None


def test_few_forged_videos_leave_videos_the_curve_of_pictures() -> None:
    table = items()
    forged = (table.dataset == "clips") & (table.label == 1)
    for kept, alike in ((29, True), (30, False)):
        left_out = forged & ~table.video.isin([f"v{i}" for i in range(kept)])
        found, video = calibrate(Calibration(), table[~left_out])
        assert video is not None
        same = (video.temperature, video.bias) == (found.temperature, found.bias)
        assert (same, video.real_below == found.real_below) == (alike, alike)


def test_real_videos_count_the_same_whatever_their_source() -> None:
    table = items()
    few = table.video.isin(["v0", "v1", "v2"])
    table.loc[few & (table.dataset == "clips") & (table.label == 0), "dataset"] = "few"
    alone = calibrate(Calibration(), items()).video
    split = calibrate(Calibration(), table).video
    assert alone is not None
    assert split is not None
    assert split.reals[:] == pytest.approx(alone.reals[:])


def test_every_kind_of_forgery_has_the_same_say() -> None:
    table = items()
    easy = table[(table.dataset == "large") & (table.label == 1)]
    more = pd.concat([table, easy.assign(path=easy.path + "2", video=easy.video + "b")])
    found, again = (calibrate(Calibration(), t).calibration for t in (table, more))
    assert again.real_below == pytest.approx(found.real_below, abs=0.02)
    scores = table[(table.label == 1) & (table.dataset != "clips")]
    fitted = expit(logit(scores.score) / found.temperature + found.bias)
    below = (fitted < found.real_below).groupby(scores.dataset).mean()
    assert below.mean() == pytest.approx(0.05, abs=0.005)


def write_inputs(folder: Path) -> None:
    """A small checkpoint, raw.safetensors, and scores of a validation split, val.csv."""
    card = Card(
        detector="blend_map",
        options={"width": 8},
        preprocessing=Preprocessing(FaceCrop(size=64), image_size=64),
    )
    save_checkpoint(folder / "raw.safetensors", create_detector("blend_map", width=8), card)
    write_scores(overconfident(), folder / "val.csv")


def test_the_command_writes_a_checkpoint_that_scores_by_the_new_curve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_inputs(tmp_path)
    paths = [str(tmp_path / name) for name in ("raw.safetensors", "val.csv")]
    out = tmp_path / "isotonic.safetensors"
    write_scores(overconfident(videos=30, seed=1).assign(dataset="more"), tmp_path / "more.csv")
    paths.append(str(tmp_path / "more.csv"))
    assert main(["calibrate", *paths, "--out", str(out), "--curve", "isotonic"]) == 0
    said = capsys.readouterr().out
    assert "pictures of the validation split" in said
    assert re.search(r"video +real +\d+ +False", said)
    assert "Likelihood ratios are kept between 1/" in said
    raw, calibrated = (load_detector(tmp_path / f"{n}.safetensors") for n in ("raw", "isotonic"))
    crops = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    knots = np.array(calibrated.card.calibration.knots)
    np.testing.assert_allclose(
        calibrated.score(crops), np.interp(raw.score(crops), *knots.T), atol=1e-12
    )


def test_the_command_measures_quality_on_media(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_inputs(tmp_path)
    Image.fromarray(data.astronaut()).save(tmp_path / "a.png")
    (tmp_path / "media.csv").write_text("path,label,split\na.png,0,val\n")
    paths = [str(tmp_path / name) for name in ("raw.safetensors", "val.csv", "media.csv")]
    out = str(tmp_path / "out.safetensors")
    assert main(["calibrate", *paths[:2], "--media", paths[2], "--out", out]) == 0
    assert re.search(r"image +all, blurred +[01] of 1", capsys.readouterr().out)
    bins = {one.kind: one for one in load_detector(out).card.quality}
    assert (bins["any"].reals, bins["any"].fakes) == (1, 0)
    (tmp_path / "media.csv").write_text("path,label,split\na.png,0,test\n")
    assert main(["calibrate", *paths[:2], "--media", paths[2], "--out", out + ".safetensors"]) == 2
    assert not Path(out + ".safetensors").exists()
