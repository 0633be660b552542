"""Two detectors' tables side by side: the same items, ties called ties, what is left out said."""

import numpy as np
import pandas as pd
import pytest

from telltrace.cli import main
from telltrace.evaluation import Comparison, ScoresError, delong, write_scores
from telltrace.evaluation.versus import versus


def scores(strength: float, seed: int, videos: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    label = np.arange(videos) % 2
    each = np.repeat(np.arange(videos), 5)
    margin = strength * label[each] + rng.normal(size=videos)[each] + rng.normal(size=5 * videos)
    return pd.DataFrame(
        {
            "path": [f"{i}.png" for i in range(5 * videos)],
            "dataset": "noise",
            "label": label[each],
            "method": np.where(label[each] == 0, "real", "paste"),
            "compression": "",
            "video": [f"v{i}" for i in each],
            "identity": [f"p{i}" for i in each],
            "split": "test",
            "frame": np.tile(np.arange(5), videos),
            "time": 0.0,
            "score": 1 / (1 + np.exp(-margin)),
        }
    )


def test_a_better_detector_is_ahead_and_an_equal_one_a_tie() -> None:
    good, bad, equal = scores(4, 0), scores(0.3, 1), scores(4, 2)
    ahead = versus(good, bad, replicates=200)
    tied = versus(good, equal, replicates=200)
    for name in ("frames", "videos", "videos, DeLong"):
        first, second = ahead[name], tied[name]
        assert isinstance(first, Comparison)
        assert isinstance(second, Comparison)
        assert (first.verdict, second.verdict) == ("first", "tie")
    assert versus(bad, good, replicates=200)["videos"].verdict == "second"  # type: ignore[union-attr]


def test_videos_are_those_of_delong() -> None:
    a, b = scores(2, 0), scores(1, 1)
    of = [t.groupby("video").agg({"label": "first", "score": "mean"}) for t in (a, b)]
    expected = delong(of[0].label, of[0].score, of[1].score)
    assert versus(a, b, replicates=50)["videos, DeLong"] == expected


def test_what_only_one_judged_is_left_out_and_counted() -> None:
    a, b = scores(2, 0), scores(2, 1)
    b.loc[:4, "score"] = np.nan
    found = versus(a, b.iloc[:-10], replicates=50)
    assert str(found["left out"]).startswith("15 rows")


def test_tables_of_other_items_are_refused() -> None:
    a = scores(2, 0)
    with pytest.raises(ScoresError, match="share no item"):
        versus(a, a.assign(dataset="other"))


def test_the_command_prints_both_comparisons(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, strength in (("good", 4.0), ("bad", 0.3)):
        write_scores(scores(strength, 3), f"{tmp_path}/{name}.csv")
    args = ["evaluate", f"{tmp_path}/good.csv", "--against", f"{tmp_path}/bad.csv"]
    args += ["--compat", "deepfakebench", "--reliability", f"{tmp_path}/reliability.png"]
    assert main(args) == 0
    shown = capsys.readouterr().out
    assert "As DeepfakeBench would say it" in shown
    assert "AUC of two detectors" in shown
