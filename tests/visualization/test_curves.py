from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from telltrace.evaluation import COLUMNS, UndefinedError, compact_scores, evaluate
from telltrace.visualization import curves, histogram_figure, roc_figure, save_figure


def scores_of(compressions: tuple[str, ...] = ("c23",), methods: int = 2) -> pd.DataFrame:
    rng, rows = np.random.default_rng(0), []
    for compression in compressions:
        for method in ["real", *(f"method{k}" for k in range(methods))]:
            for video in range(12):
                fake = int(method != "real")
                values = rng.beta(2 + fake, 3 - fake, size=4)
                for k, score in enumerate(values):
                    name = f"{video:03}"
                    key = ("x.png", "d", fake, method, compression, name, name, "test")
                    rows.append((*key, k, k / 25, score))
    return pd.DataFrame(rows, columns=COLUMNS)


def names(axis: object) -> list[str]:
    return [text.get_text().split("\n")[0] for text in axis.get_legend().get_texts()]  # type: ignore[attr-defined]


def test_one_line_a_method_with_its_auc_and_interval() -> None:
    table = compact_scores(scores_of())
    report = evaluate(table, replicates=50)
    figure = roc_figure(table, report)
    linear, rare, video_linear, _ = figure.axes
    assert names(rare) == ["all", "method0", "method1"]
    interval = report.overall.frames.interval
    assert interval is not None
    shown = f"AUC {report.overall.frames.metrics['auc'].value:.3f} "
    shown += f"[{interval.low:.3f}, {interval.high:.3f}]"
    assert rare.get_legend().get_texts()[0].get_text().endswith(shown)
    assert (linear.get_xscale(), rare.get_xscale()) == ("linear", "log")
    assert rare.get_xlim()[0] <= 1 / (12 * 4)
    assert video_linear.get_title() == "Videos (mean of frames)"


def test_the_line_encloses_the_area_that_the_legend_names() -> None:
    table = compact_scores(scores_of())
    report = evaluate(table, aggregation="top-k", top=2, replicates=20)
    axes = roc_figure(table, report).axes
    for axis, level in ((axes[0], report.overall.frames), (axes[2], report.overall.videos)):
        x, y = axis.lines[0].get_data()
        assert np.trapezoid(y, x) == pytest.approx(level.metrics["auc"].value)


@pytest.mark.parametrize(("methods", "lines"), [(3, 7), (5, 3)])
def test_sets_stand_in_for_methods_where_these_are_too_many(methods: int, lines: int) -> None:
    table = compact_scores(scores_of(("c23", "c40"), methods))
    shown = names(roc_figure(table, evaluate(table, replicates=20)).axes[1])
    assert len(shown) == lines
    assert shown[:2] == ["all", "c23 method0" if lines == 7 else "c23"]


def test_histograms_show_shares_of_reals_and_of_each_method() -> None:
    table = compact_scores(scores_of())
    figure = histogram_figure(table, evaluate(table, replicates=20))
    assert names(figure.axes[0]) == ["real (48)", "method0 (48)", "method1 (48)"]
    assert names(figure.axes[1]) == ["real (12)", "method0 (12)", "method1 (12)"]
    for patch in figure.axes[0].patches:
        assert patch.get_data().values.sum() == pytest.approx(1)


def test_the_same_scores_give_the_same_bytes(tmp_path: Path) -> None:
    table = compact_scores(scores_of())
    report = evaluate(table, replicates=20)
    for draw in (roc_figure, histogram_figure):
        for name in ("a.png", "b.png"):
            save_figure(draw(table, report), tmp_path / "new" / name)
        first, second = ((tmp_path / "new" / n).read_bytes() for n in ("a.png", "b.png"))
        assert first == second
        with Image.open(tmp_path / "new" / "a.png") as picture:
            assert min(picture.size) > 600
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_scores_that_could_not_be_judged_are_not_drawn() -> None:
    frame = scores_of()
    frame.loc[frame["video"] == "003", "score"] = np.nan
    table = compact_scores(frame)
    figure = histogram_figure(table, evaluate(table, replicates=20))
    assert names(figure.axes[1]) == ["real (11)", "method0 (11)", "method1 (11)"]


def test_no_curve_without_both_classes(tmp_path: Path) -> None:
    table = scores_of()
    reals = compact_scores(table[table["label"] == 0])
    report = evaluate(reals, replicates=20)
    with pytest.raises(UndefinedError, match="Frames: no ROC curve without both reals and fakes"):
        roc_figure(reals, report)
    save_figure(histogram_figure(reals, report), tmp_path / "scores.png")
    assert (tmp_path / "scores.png").stat().st_size > 1000


def test_a_picture_has_the_name_of_a_picture(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"roc\.jpg: is written in another format"):
        save_figure(Figure(), tmp_path / "roc.jpg")


def test_a_long_curve_is_drawn_with_fewer_points(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    label = np.arange(4000) % 2
    table = compact_scores((label, 1 / (1 + np.exp(-label - rng.normal(size=4000)))))
    report = evaluate(table, replicates=20)
    monkeypatch.setattr(curves, "MOST_POINTS", 300)
    x, y = roc_figure(table, report).axes[0].lines[0].get_data()
    assert 150 < len(x) <= 300
    assert np.trapezoid(y, x) == pytest.approx(report.overall.frames.metrics["auc"].value, abs=2e-3)
