import json
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from telltrace.errors import ManifestError
from telltrace.evaluation import METRICS, Report, compact_scores, evaluate, render

MakeScores = Callable[..., pd.DataFrame]


@pytest.fixture
def table(make_scores: MakeScores) -> pd.DataFrame:
    return make_scores(people=12, frames=4, compressions=("c23", "c40"))


def judge(table: pd.DataFrame) -> Report:
    return evaluate(table, replicates=50)


def test_each_method_meets_all_reals_of_its_own_set(table: pd.DataFrame) -> None:
    report = judge(table)
    assert [(g.compression, g.method) for g in report.methods][:2] == [
        *[("c23", "Deepfakes"), ("c23", "Face2Face")]
    ]
    assert len(report.methods) == 8
    for group in report.methods:
        part = table[table["compression"] == group.compression]
        part = part[part["method"].isin([group.method, "real"])]
        held = compact_scores(part)
        videos = held.videos.assign(score=held.level("videos")[0])
        for level, rows in ((group.frames, part), (group.videos, videos)):
            expected = roc_auc_score(rows["label"], rows["score"])
            assert level.metrics["auc"].value == pytest.approx(expected, abs=1e-12)
            assert (level.reals, level.fakes) == tuple(np.bincount(rows["label"]))


def test_the_whole_and_each_set(table: pd.DataFrame) -> None:
    report = judge(table)
    assert report.overall.frames.total == len(table)
    assert report.overall.videos.total == 2 * 12 * 5
    assert report.overall.people == 12
    assert [g.compression for g in report.sets] == ["c23", "c40"]
    half = judge(table[table["compression"] == "c40"])
    assert half.overall.videos.metrics == report.sets[1].videos.metrics
    for name, interval in half.overall.videos.intervals.items():
        assert report.sets[1].videos.intervals[name].low == pytest.approx(interval.low, abs=1e-9)
    assert "pools 2 sets" in report.notes[0]
    assert [n.split(":")[0] for n in half.notes] == ["Intervals rest on 6 groups of people"]


def test_what_was_not_judged_is_counted_and_changes_nothing_else(table: pd.DataFrame) -> None:
    without = table.copy()
    gone = without["video"] == "003"
    without.loc[gone, "score"] = np.nan
    report, smaller = judge(without), judge(table[~gone])
    assert (report.overall.frames.total, report.overall.frames.judged) == (480, 472)
    assert (report.overall.videos.total, report.overall.videos.judged) == (120, 118)
    assert report.overall.frames.metrics == smaller.overall.frames.metrics
    assert report.overall.videos.metrics == smaller.overall.videos.metrics
    assert report.notes[0].startswith("8 of 480 frames and 2 of 120 videos could not be judged")


def test_intervals_draw_people_where_there_are_enough(make_scores: MakeScores) -> None:
    many, few = judge(make_scores(people=12)).overall, judge(make_scores(people=8))
    assert many.videos.drawn == many.frames.drawn == "people"
    assert many.videos.interval is not None
    assert many.videos.interval.clusters == 6  # pairs
    assert few.overall.frames.drawn == "videos"
    assert few.overall.frames.interval is not None
    assert few.overall.frames.interval.clusters == 40
    assert any(note.startswith("Intervals draw videos") for note in few.notes)
    assert any("rest on 8 real and 32 fake videos" in note for note in few.notes)


def test_json_holds_no_nan_and_says_why_a_metric_is_missing(table: pd.DataFrame) -> None:
    fakes = judge(table[table["label"] == 1])
    found = json.loads(json.dumps(fakes.to_dict(), allow_nan=False))
    assert found["schema"] == "telltrace.evaluation/1"
    frames = found["overall"]["frames"]
    assert frames["metrics"]["auc"] is None
    assert frames["undefined"]["auc"] == "needs both classes, got 0 reals and 384 fakes"
    assert frames["metrics"]["accuracy"] is not None
    assert frames["auc_interval"] is None
    assert "reals from 2 clusters, got 0" in frames["auc_interval_undefined"]


def test_json_of_a_full_report(table: pd.DataFrame) -> None:
    found = json.loads(json.dumps(judge(table).to_dict(), allow_nan=False))
    assert set(found["overall"]["videos"]["metrics"]) == set(METRICS)
    interval = found["sets"][0]["videos"]["auc_interval"]
    assert interval["low"] < found["sets"][0]["videos"]["metrics"]["auc"] < interval["high"]
    assert (interval["drawn"], interval["clusters"], found["aggregation"]) == ("people", 6, "mean")


@pytest.mark.parametrize("width", [80, 100])
def test_text_fits_the_terminal_and_explains_what_is_undefined(
    table: pd.DataFrame, width: int
) -> None:
    text = render(judge(table), width)
    assert max(map(len, text.splitlines())) <= width
    assert "n/a¹" in text
    assert "\n¹ a false positive rate of 0.01 needs 100 reals, got 96" in text
    for shown in ("NeuralTextures", "per video", "Brier", "FaceForensics++", "c40", "Note: `all`"):
        assert shown in text


def test_text_of_one_class_shows_no_auc(table: pd.DataFrame) -> None:
    text = render(judge(table[table["label"] == 0]))
    row = next(line for line in text.splitlines() if line.strip().startswith("AUC"))
    assert row.split() == ["AUC", "n/a¹", "n/a²"]
    assert "¹ needs both classes, got 96 reals and 0 fakes" in text


def test_text_states_the_aggregation(table: pd.DataFrame) -> None:
    text = render(evaluate(table, aggregation="top-k", top=2, replicates=20))
    assert "is the mean of the 2 highest of its" in text


def test_material_that_was_trained_on_is_pointed_out(table: pd.DataFrame) -> None:
    table.loc[table["compression"] == "c40", "split"] = "train"
    notes = judge(table).notes
    assert "Several splits are mixed: test, train." in notes
    assert "The training split is among it: a detector trained on that is flattered." in notes


def test_a_wrong_table_is_refused(table: pd.DataFrame) -> None:
    with pytest.raises(ManifestError, match=r"scores: row 7: score is '2.0'"):
        evaluate(table.assign(score=table["score"].mask(table.index == 5, 2.0)))


def test_needs_neither_a_network_nor_pictures() -> None:
    code = (
        "import sys, telltrace.evaluation as e; e.measure([0, 1], [0.1, 0.9]); "
        "print([m for m in ('torch', 'matplotlib', 'cv2', 'av') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
