"""A metric is one entry: what is listed appears in every table, interval, comparison and report."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from telltrace.evaluation import (
    METRICS,
    compare,
    evaluate,
    measure,
    parse_columns,
    render,
    render_comparison,
    write_scores,
)
from telltrace.evaluation.metrics import Metric
from telltrace.evaluation.ranking import Ranking
from telltrace.reports import Source, build_report

from .conftest import MakeScores

OLD = Path(__file__).parents[1] / "contract" / "files_of_0_1"


def share_above(ranking: Ranking) -> object:
    """Share of the fakes that score at least 0.8."""
    return ranking.fake[ranking.above(0.8)].sum(0) / ranking.fake.sum(0)


@pytest.fixture(params=[None, 64], ids=["whole", "in pieces"])
def toy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("ranking.PIECE", "items.PIECE", "items.BINS") if request.param else ():
        monkeypatch.setattr(f"telltrace.evaluation.{name}", request.param)
    metric = Metric(
        name="toy", title="toy share", meaning="fakes that score 0.8 or more",
        compute=share_above, heading="TOY",
    )  # fmt: skip
    monkeypatch.setitem(METRICS, "toy", metric)
    return "toy"


def test_a_toy_metric_appears_everywhere(toy: str, make_scores: MakeScores, tmp_path: Path) -> None:
    table = make_scores(people=12, frames=4)
    fakes = table.loc[table["label"] == 1, "score"]
    expected = float((fakes >= 0.8).mean())
    assert measure(table["label"], table["score"])[toy].value == pytest.approx(expected)
    write_scores(table, tmp_path / "scores.csv")
    report = evaluate(tmp_path / "scores.csv", replicates=40)  # read in parts
    frames = report.overall.frames
    assert frames.metrics[toy].value == pytest.approx(expected)
    assert frames.intervals[toy].low < expected < frames.intervals[toy].high
    assert toy in report.to_dict()["methods"][0]["videos"]["metrics"]
    text = render(report)
    assert "toy share" in text
    assert text.count("TOY") == 2  # frames and videos by set and method
    other = table.assign(score=table["score"].to_numpy() ** 2)
    found, _ = compare(table, other, replicates=40)
    assert found["frames"][toy].verdict == "first"  # type: ignore[union-attr]
    assert "toy share" in render_comparison(found, ("a", "b"))
    assert "toy share" in build_report([Source("a", table)])


def test_figures_are_those_of_the_previous_version() -> None:
    """What 0.1 printed for this table; intervals up to the rounding of single precision."""
    old = json.loads((OLD / "figures.json").read_text())
    new = evaluate(OLD / "scores.csv").to_dict()

    def check(before: object, now: object, path: str = "") -> None:
        if isinstance(before, dict):
            assert isinstance(now, dict)
            for key in before.keys() - {"undefined"}:  # the words of the reasons changed
                check(before[key], now[key], f"{path}/{key}")
        elif isinstance(before, list):
            assert isinstance(now, list)
            for i, (one, other) in enumerate(zip(before, now, strict=True)):
                check(one, other, f"{path}/{i}")
        elif isinstance(before, float):
            exact = "interval" not in path
            assert now == pytest.approx(before, abs=1e-12 if exact else 1e-7), path
        else:
            assert now == before, path

    check(old, new)


def test_label_and_score_are_enough() -> None:
    rng = np.random.default_rng(0)
    label = np.arange(60) % 2
    score = 1 / (1 + np.exp(-label - rng.normal(size=60)))
    plain = evaluate(pd.DataFrame({"label": label, "score": score}), replicates=40)
    arrays = evaluate((label, score), replicates=40)
    assert plain == arrays
    assert plain.overall.frames.intervals["auc"].clusters == 60
    assert plain.overall.frames.drawn == "rows"
    assert plain.overall.videos.metrics["auc"].reason == "needs the column `video`"
    assert any("No column `video`" in note for note in plain.notes)
    assert "n/a" in render(plain)
    table = pd.DataFrame({"label": label, "score": score})
    assert "no videos named" in build_report([Source("a", table)])
    grouped = evaluate((label, score, np.arange(60) // 6), replicates=40)
    assert grouped.overall.videos.total == 20  # a group's reals and fakes are two videos
    json.dumps(plain.to_dict(), allow_nan=False)


def test_other_names_are_read_and_logits_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text("clip,target,prob_fake,note\na,0,0.2,x\na,0,0.4,x\nb,1,0.7,y\n")
    columns = parse_columns("video=clip,score=prob_fake,label=target")
    report = evaluate(path, columns=columns)
    assert report.overall.videos.total == 2
    assert report.overall.frames.metrics["auc"].value == 1
    renamed = pd.read_csv(path)
    assert evaluate(renamed, columns=columns) == report
    with pytest.raises(ValueError, match=r"no column label, score.*--columns"):
        evaluate(path)
    with pytest.raises(ValueError, match=r"no column target2.*It has clip"):
        evaluate(path, columns={**columns, "label": "target2"})
    with pytest.raises(ValueError, match=r"no pair of names.*OURS=THEIRS"):
        parse_columns("clip")
    path.write_text("label,score\n0,-2.5\n1,3.1\n")
    with pytest.raises(ValueError, match=r"row 2: score is '-2.5'.*logits, write 1 / \(1 \+ exp"):
        evaluate(path)
