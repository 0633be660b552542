"""Two detectors on the same items: DeLong by its definition, ties called ties, what is left out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from telltrace.cli import main
from telltrace.errors import ManifestError
from telltrace.evaluation import METRICS, UndefinedError, auc, compare, write_scores
from telltrace.evaluation.comparison import Comparison, delong
from telltrace.evaluation.intervals import Draws
from telltrace.evaluation.items import BinnedItems, Items


def drawn(seed: int, count: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    shared = labels + rng.normal(0, 1, count)
    first = np.round(shared + rng.normal(0, 0.5, count), 1)  # rounded, so that there are ties
    return labels, first, np.round(shared + rng.normal(0, 1.5, count), 1)


def test_delong_equals_the_double_sums_of_its_paper() -> None:
    labels, first, second = drawn(0)
    parts = []
    for s in (first, second):
        kernel = np.sign(s[labels == 1][:, None] - s[labels == 0][None]) / 2 + 0.5
        parts.append((kernel.mean(), kernel.mean(1), kernel.mean(0)))
    cov = sum(np.cov([parts[0][k], parts[1][k]]) / len(parts[0][k]) for k in (1, 2))
    found = delong(labels, first, second)
    assert found.first == pytest.approx(auc(labels, first), abs=1e-12)
    assert found.difference == pytest.approx(parts[0][0] - parts[1][0], abs=1e-12)
    reach = 1.959963984540054 * np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    assert (found.low, found.high) == pytest.approx(
        (found.difference - reach, found.difference + reach), abs=1e-12
    )


def test_delong_is_wrong_no_oftener_than_it_says() -> None:
    ties = sum(
        delong(y, y + 1.5 * e, y + 1.5 * f).verdict == "tie"
        for seed in range(400)
        for y, e, f in [
            (
                np.repeat([0, 1], 40),
                *np.random.default_rng(seed).normal(size=(2, 80)),
            )
        ]
    )
    assert 366 <= ties <= 392  # binomial(400, 0.95), 1e-3 either side


def test_detectors_that_rank_alike_have_no_interval() -> None:
    labels, first, _ = drawn(1)
    with pytest.raises(UndefinedError, match="rank these items alike"):
        delong(labels, first, 3 * first + 1)


def of_clusters(
    labels: np.ndarray, first: np.ndarray, second: np.ndarray, clusters: np.ndarray, replicates: int
) -> tuple[float, float, float]:
    """Difference of two AUCs over items in clusters, and the ends of its interval."""
    owner, label = np.arange(len(labels)), labels.astype(np.int8)
    draws = Draws(label, clusters, replicates=replicates)
    values = []
    for scores in (first, second):
        items = Items(scores.astype(float), owner, label, label)
        binned = BinnedItems(items)
        values.append(draws.values(binned, names=["auc"])["auc"])
    difference = auc(labels, first) - auc(labels, second)
    return difference, *draws.difference(difference, values[0] - values[1])


def test_clusters_are_drawn_alike_for_both() -> None:
    labels, first, _ = drawn(2)
    clusters = np.arange(60) // 3
    assert of_clusters(labels, first, first, clusters, 100) == (0, 0, 0)
    difference, low, high = of_clusters(labels, first, np.zeros(60), clusters, 300)
    assert (low + high) / 2 == pytest.approx(difference, abs=1e-12)
    assert low > 0


def test_equal_detectors_are_ties_as_often_as_the_interval_says() -> None:
    """Six videos a class of ten like frames each: few clusters, where quantiles are too narrow."""
    labels, clusters = np.repeat([0, 1], 60), np.arange(120) // 10
    ties = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        of_video, of_frame = rng.normal(size=(2, 12)), rng.normal(size=(2, 120))
        a, b = 1.5 * of_video[:, clusters] + of_frame + labels
        _, low, high = of_clusters(labels, a, b, clusters, 200)
        ties += low <= 0 <= high
    assert 366 <= ties <= 392, ties  # binomial(400, 0.95), 1e-3 either side


def test_a_difference_that_never_varies_has_no_interval() -> None:
    labels, clusters = np.repeat([0, 1], 10), np.arange(20)
    with pytest.raises(UndefinedError, match="gives the same"):
        of_clusters(labels, labels, np.zeros(20), clusters, 50)


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
    ahead, _ = compare(good, bad, replicates=200)
    tied, _ = compare(good, equal, replicates=200)
    for name in ("frames", "videos", "videos, DeLong"):
        first, second = ahead[name]["auc"], tied[name]["auc"]
        assert isinstance(first, Comparison)
        assert isinstance(second, Comparison)
        assert (first.verdict, second.verdict) == ("first", "tie")
    behind = compare(bad, good, replicates=200)[0]["videos"]
    assert {behind[name].verdict for name in ("auc", "eer", "log_loss")} == {"second"}  # type: ignore[union-attr]
    assert set(behind) == {name for name, metric in METRICS.items() if metric.scale}


def test_videos_are_those_of_delong() -> None:
    a, b = scores(2, 0), scores(1, 1)
    of = [t.groupby("video").agg({"label": "first", "score": "mean"}) for t in (a, b)]
    expected = delong(of[0].label, of[0].score, of[1].score)
    assert compare(a, b, replicates=50)[0]["videos, DeLong"]["auc"] == expected


def test_what_only_one_judged_is_left_out_and_counted() -> None:
    a, b = scores(2, 0), scores(2, 1)
    b.loc[:4, "score"] = np.nan
    assert compare(a, b.iloc[:-10], replicates=50)[1] == 15


def test_rows_are_paired_by_name_and_not_by_place() -> None:
    a = scores(2, 0)
    found, out = compare(a, a.sample(frac=1, random_state=1), replicates=50)
    assert out == 0
    assert found["frames"]["auc"].difference == 0  # type: ignore[union-attr]
    assert compare(a.drop(columns="video"), a.drop(columns="video"), replicates=50)[1] == 0
    with pytest.raises(ManifestError, match="neither its videos nor its files"):
        compare(a[["label", "score"]], a[["label", "score"]])


def test_long_tables_are_compared_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = [scores(2, 0), scores(1, 1)]
    for number, table in enumerate(tables):
        write_scores(table, tmp_path / f"{number}.csv")
    monkeypatch.setattr("telltrace.evaluation.scores.ROWS", 37)
    streamed = compare(tmp_path / "0.csv", tmp_path / "1.csv", replicates=50)
    assert streamed == compare(*tables, replicates=50)


def test_tables_of_other_items_are_refused() -> None:
    a = scores(2, 0)
    with pytest.raises(ManifestError, match="share no item"):
        compare(a, a.assign(dataset="other"))


def test_the_command_prints_both_comparisons(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, strength in (("good", 4.0), ("bad", 0.3)):
        write_scores(scores(strength, 3), f"{tmp_path}/{name}.csv")
    args = ["evaluate", f"{tmp_path}/good.csv", "--against", f"{tmp_path}/bad.csv"]
    args += ["--compat", "deepfakebench", "--reliability", f"{tmp_path}/reliability.png"]
    assert main(args) == 0
    assert Path(f"{tmp_path}/reliability.png").stat().st_size > 1000
    shown = capsys.readouterr().out
    assert "As DeepfakeBench would say it" in shown
    assert "Two detectors" in shown
