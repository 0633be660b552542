import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from telltrace.checkpoint import Calibration
from telltrace.evaluation import COLUMNS, UndefinedError, bootstrap_auc
from telltrace.robustness import Draws, Robustness, curves_figure, summarise, to_text
from telltrace.robustness.draws import interval

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


def test_a_draw_of_every_video_once_is_the_table_itself() -> None:
    draws = Draws(CLEAN)
    draws.weights = np.ones_like(draws.weights[:3])
    assert draws.auc(WORSE) == pytest.approx([roc_auc_score(WORSE.label, WORSE.score)] * 3)
    expected = balanced_accuracy_score(WORSE.label, WORSE.score >= 0.5)
    assert draws.balanced_accuracy(WORSE) == pytest.approx([expected] * 3)
    assert (draws.of_rows(WORSE) == 1).all()


def test_a_draw_counts_a_video_as_often_as_it_was_drawn() -> None:
    draws = Draws(CLEAN)
    (weights,) = draws.weights[:1]
    often = zip(draws.videos.video, weights, strict=True)
    drawn = pd.concat([CLEAN[CLEAN.video == v] for v, times in often for _ in range(int(times))])
    assert draws.auc(CLEAN)[0] == pytest.approx(roc_auc_score(drawn.label, drawn.score))
    expected = balanced_accuracy_score(drawn.label, drawn.score >= 0.5)
    assert draws.balanced_accuracy(CLEAN)[0] == pytest.approx(expected)


def test_intervals_agree_with_those_of_the_evaluation() -> None:
    rng = np.random.default_rng(1)
    scores = table(list(np.concatenate([rng.beta(2, 3, 60), rng.beta(3, 2, 60)])))
    ours = interval(Draws(scores, replicates=4000).auc(scores))
    theirs = bootstrap_auc(
        scores.label, scores.score, scores.video, replicates=4000, form="percentile"
    )
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_people_are_drawn_where_there_are_enough() -> None:
    many = [*np.linspace(0, 0.6, 12), *np.linspace(0.4, 1, 12)]
    assert Draws(table(many, people=True)).drawn == "people"
    assert Draws(table(many)).drawn == "videos"


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(UndefinedError, match="reals from 2 clusters"):
        Draws(CLEAN[CLEAN.label == 1])
    with pytest.raises(ValueError, match="d/m//v9 is not among those"):
        Draws(CLEAN).auc(CLEAN.assign(method="m", video="v9"))
