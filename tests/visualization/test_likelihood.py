"""Tippett and cross-entropy plots show the figures that they should."""

import numpy as np
import pytest

from telltrace.evaluation import UndefinedError, compact_scores, evaluate
from telltrace.visualization import cross_entropy_figure, tippett_figure

LABELS, SCORES = [0, 0, 0, 1, 1], [0.1, 0.5, 0.9, 0.5, 0.99]


def test_tippett_shows_shares_with_at_least_a_ratio() -> None:
    table = compact_scores((LABELS, SCORES))
    [axes] = tippett_figure(table, evaluate(table, replicates=10)).axes
    lines = {line.get_label(): line for line in axes.get_lines()}
    x = lines["reals"].get_xdata()
    assert x == pytest.approx(np.log10([99, 9, 1, 1 / 9]))
    assert lines["reals"].get_ydata() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert lines["reals"].get_drawstyle() == "steps-post"  # from the highest ratio down
    assert lines["fakes"].get_ydata() == pytest.approx([1 / 2, 1 / 2, 1, 1])


def test_cross_entropy_at_even_odds_is_cllr() -> None:
    table = compact_scores((LABELS, SCORES))
    report = evaluate(table, replicates=10)
    [axes] = cross_entropy_figure(table, report).axes
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) > 2]
    at = np.argmin(np.abs(lines[0].get_xdata()))
    metrics = report.overall.frames.metrics
    found = [line.get_ydata()[at] for line in lines]
    assert found == pytest.approx([1, metrics["cllr"].value, metrics["min_cllr"].value])
    assert f"Cllr {metrics['cllr'].value:.3f}" in lines[1].get_label()


def test_one_class_has_neither() -> None:
    table = compact_scores(([1, 1], [0.2, 0.7]))
    report = evaluate(table, replicates=10)
    for draw in (tippett_figure, cross_entropy_figure):
        with pytest.raises(UndefinedError, match="needs both classes"):
            draw(table, report)
