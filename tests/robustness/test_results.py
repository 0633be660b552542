import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from telltrace.checkpoint import Calibration
from telltrace.evaluation import COLUMNS, METRICS, UndefinedError
from telltrace.evaluation.comparison import TableDraws
from telltrace.evaluation.intervals import cluster_interval
from telltrace.robustness import Robustness, curves_figure, summarise, to_text

THRESHOLDS = Calibration(real_below=0.4, fake_from=0.6)


def table(scores: list[float], people: bool = False) -> pd.DataFrame:
    """Videos of two frames each, half of them real."""
    rows = []
    for i, score in enumerate(scores):
        video, fake = i // 2, int(i >= len(scores) // 2)
        name = f"v{video}"
        person = name if people else ""
        rows.append(
            ("x", "d", fake, "m" if fake else "real", "", name, person, "", i % 2, 0, score)
        )
    return pd.DataFrame(rows, columns=COLUMNS)


CLEAN = table([0.1, 0.2, 0.3, 0.55, 0.45, 0.7, 0.8, 0.9])
WORSE = table([0.7, 0.2, 0.5, 0.55, 0.45, 0.3, 0.8, 0.9])


def test_drop_flips_and_reversals_by_hand() -> None:
    found = summarise(CLEAN, [("blur", 1, WORSE), ("blur", 2, CLEAN)], THRESHOLDS)
    worse = found.cells[1]
    fall = roc_auc_score(CLEAN.label, CLEAN.score) - roc_auc_score(WORSE.label, WORSE.score)
    assert worse.drop == pytest.approx(fall, abs=1e-12)
    assert worse.flips == pytest.approx(3 / 8)  # real to fake, real to undecided, fake to real
    assert worse.reversals == pytest.approx(2 / 8)
    assert found.mean_drop == pytest.approx(fall / 2)
    assert found.flips == pytest.approx(3 / 16)
    assert found.cells[2].drop_interval == (0.0, 0.0)
    low, high = worse.drop_interval or (1, 0)
    assert low <= fall <= high


def test_faces_told_apart_without_a_fault_have_no_interval() -> None:
    perfect = table([0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])
    found = summarise(perfect, [("blur", 1, WORSE)], THRESHOLDS)
    assert found.clean.auc == 1
    assert found.clean.interval is None
    assert found.cells[1].interval is not None


def test_corruptions_count_alike_however_many_levels_they_have() -> None:
    cells = [("blur", 1, WORSE), ("noise", 1, CLEAN), ("noise", 2, CLEAN)]
    found = summarise(CLEAN, cells, THRESHOLDS)
    assert found.mean_drop == pytest.approx((found.cells[1].drop or 0) / 2)


def test_faces_that_were_not_found_again_are_counted_and_compared_with_nothing() -> None:
    found = summarise(CLEAN, [("h264", 5, WORSE.drop(index=[0, 5]))], THRESHOLDS)
    assert (found.cells[1].faces, found.cells[1].lost) == (6, 2)
    assert found.cells[1].flips == pytest.approx(1 / 6)
    assert "2 faces over all cells were not found again" in to_text(found)


def test_without_both_classes_there_are_flips_and_no_auc() -> None:
    reals = CLEAN[CLEAN.label == 0]
    found = summarise(reals, [("blur", 1, WORSE[WORSE.label == 0])], THRESHOLDS)
    assert found.cells[1].auc is None
    assert found.mean_drop is None
    assert found.cells[1].flips == pytest.approx(2 / 4)
    assert "n/a" in to_text(found)
    curves_figure(found)


def test_json_keeps_everything() -> None:
    found = summarise(CLEAN, [("blur", 1, WORSE)], THRESHOLDS)
    values = json.loads(json.dumps(found.to_dict()))
    assert Robustness.from_dict(values) == found
    with pytest.raises(ValueError, match="Expected the schema"):
        Robustness.from_dict({"schema": "other"})


def test_a_draw_counts_a_video_as_often_as_it_was_drawn() -> None:
    draws = TableDraws(CLEAN, replicates=3)
    weights = np.concatenate([*draws.draws.weights()], axis=1)
    found = {name: draws.values(WORSE, name) for name in ("auc", "balanced_accuracy")}
    for draw in range(3):  # of four videos a class, three are drawn, which count 4 / 3 each
        often = zip(draws.videos.video, weights[:, draw] * 3 / 4, strict=True)
        drawn = pd.concat(
            [WORSE[WORSE.video == v] for v, times in often for _ in range(round(times))]
        )
        assert found["auc"][draw] == pytest.approx(roc_auc_score(drawn.label, drawn.score))
        expected = balanced_accuracy_score(drawn.label, drawn.score >= 0.5)
        assert found["balanced_accuracy"][draw] == pytest.approx(expected)


def test_intervals_are_those_of_the_evaluation() -> None:
    rng = np.random.default_rng(1)
    scores = table(list(np.concatenate([rng.beta(2, 3, 60), rng.beta(3, 2, 60)])))
    ours = summarise(scores, [("blur", 1, scores)], THRESHOLDS).clean.interval
    theirs = cluster_interval(scores.label, scores.score, scores.video, METRICS["auc"])
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_people_are_drawn_where_there_are_enough() -> None:
    many = [*np.linspace(0, 0.6, 12), *np.linspace(0.4, 1, 12)]
    assert TableDraws(table(many, people=True)).drawn == "people"
    assert TableDraws(table(many)).drawn == "videos"


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(UndefinedError, match="reals from 2 clusters"):
        TableDraws(CLEAN[CLEAN.label == 1])
    with pytest.raises(ValueError, match="d/m//v9 is not among those"):
        TableDraws(CLEAN).values(CLEAN[CLEAN.label == 1].assign(video="v9"), "auc")
