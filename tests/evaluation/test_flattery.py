"""Rules by which published figures flatter: the number each gives, and the one that is true."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from telltrace.evaluation import auc, compact_scores, evaluate, write_scores
from telltrace.evaluation.metrics import average_precision
from telltrace.faces.media import Sampling


def table(label: np.ndarray, video: np.ndarray, score: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [f"{i}.png" for i in range(len(label))],
            "dataset": "noise",
            "label": label,
            "method": np.where(label == 0, "real", "paste"),
            "compression": "",
            "video": video.astype(str),
            "identity": "",
            "split": "test",
            "frame": np.arange(len(label)),
            "time": 0.0,
            "score": score,
        }
    )


def video_auc(frames: pd.DataFrame) -> float:
    value = evaluate(frames, replicates=20).overall.videos.metrics["auc"].value
    assert value is not None
    return value


def test_clips_are_no_videos() -> None:
    """One long fake that is easy to see, cut into nine clips, outweighs three that are missed."""
    reals = [(0, v, s) for v, s in enumerate([0.2, 0.3, 0.4])]
    long_fake = [(1, 10, 0.9)] * 9
    missed = [(1, 11 + i, 0.1) for i in range(3)]
    label, video, score = (
        np.array(column) for column in zip(*reals, *long_fake, *missed, strict=True)
    )
    assert auc(label, score) == 0.75  # clips called videos: 9 of 12 fakes win
    assert video_auc(table(label, video, score)) == 0.25  # 1 of 4


def test_epochs_pooled_into_one_figure_describe_neither() -> None:
    """Two epochs that each rank perfectly, on scales that moved, look imperfect when pooled."""
    label = np.array([0, 0, 1, 1])
    epochs = [np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.6, 0.7, 0.8, 0.9])]
    assert [auc(label, scores) for scores in epochs] == [1.0, 1.0]
    assert auc(np.tile(label, 2), np.concatenate(epochs)) == 0.75


def test_the_epoch_that_is_best_on_the_test_set_flatters() -> None:
    """Of twenty that know nothing the luckiest is shown; validation picks an honest one."""
    rng = np.random.default_rng(0)
    label = np.arange(100) % 2
    shown, honest = [], []
    for _ in range(100):
        test, val = ([auc(label, rng.random(100)) for _ in range(20)] for _ in range(2))
        shown.append(max(test))
        honest.append(test[int(np.argmax(val))])
    assert np.mean(shown) > 0.58
    assert np.mean(honest) == pytest.approx(0.5, abs=0.02)


def test_an_error_that_becomes_one_half_is_a_verdict_nobody_gave() -> None:
    """Half of the fakes cannot be read: as 0.5 they beat every real, left out they are counted."""
    label, video = np.array([0] * 4 + [1] * 4), np.arange(8)
    score = np.array([0.1, 0.2, 0.3, 0.45, 0.05, 0.15, np.nan, np.nan])
    assert auc(label, np.nan_to_num(score, nan=0.5)) == pytest.approx(0.5625)
    report = evaluate(table(label, video, score), replicates=20)
    assert report.overall.frames.metrics["auc"].value == pytest.approx(0.125)
    assert (report.overall.frames.judged, report.overall.frames.total) == (6, 8)
    assert any("2 of 8 frames" in note for note in report.notes)


def test_a_failed_item_is_not_the_first_one() -> None:
    """Where a failed load returns image 0, its score is given to other labels."""
    label, video = np.array([1, 1, 0, 0, 0, 0]), np.arange(6)
    truth = np.array([0.9, 0.8, 0.1, 0.2, 0.3, np.nan])  # the last real could not be read
    replaced = np.where(np.isnan(truth), truth[0], truth)
    assert average_precision(label, replaced) < 0.8
    report = evaluate(table(label, video, truth), replicates=20)
    assert report.overall.frames.metrics["ap"].value == 1.0
    assert report.overall.frames.judged == 5


def test_evenly_spaced_frames_reach_the_end() -> None:
    """A video is forged in its last third: the first 32 of its frames are all real."""
    forged = np.arange(300) >= 200
    assert not forged[:32].any()
    chosen = Sampling("spread", 32)(np.arange(300) / 25, end=12.0)
    assert forged[chosen].mean() == pytest.approx(1 / 3, abs=0.04)


def test_two_numbers_a_frame_are_kept_and_no_features(tmp_path: Path) -> None:
    """Features of 160,000 frames fill 84 GB there, 525 kB a frame; here a frame is 12 bytes."""
    label = np.arange(1000) % 2
    frames = table(label, np.arange(1000), np.linspace(0, 1, 1000))
    write_scores(frames, tmp_path / "scores.csv")
    held = compact_scores(tmp_path / "scores.csv")
    assert held.score.nbytes + held.video.nbytes == 12 * len(frames)
    assert held.track is None
