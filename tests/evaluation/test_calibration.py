"""Calibration curves: equal to an optimiser's and scikit-learn's, and honest where none fits."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from telltrace.evaluation import UndefinedError
from telltrace.evaluation.calibration import (
    apply_knots,
    fit_isotonic,
    fit_platt,
    fit_temperature,
    margins,
)
from telltrace.evaluation.metrics import log_loss

rng = np.random.default_rng(4)
TRUE = rng.normal(0.5, 2.0, 4000)
LABELS = (rng.random(4000) < expit(TRUE)).astype(int)


def test_margins_undo_the_sigmoid() -> None:
    m = np.linspace(-9, 9, 50)
    np.testing.assert_allclose(margins(expit(m / 2 + 0.3), 2, 0.3), m, rtol=1e-9, atol=1e-9)
    assert np.isfinite(margins([0.0, 1.0])).all()


def test_temperature_is_recovered_and_is_the_best() -> None:
    found = fit_temperature(LABELS, 3 * TRUE)
    assert found == pytest.approx(3, rel=0.06)
    best = log_loss(LABELS, expit(3 * TRUE / found))
    assert all(log_loss(LABELS, expit(3 * TRUE / (found * f))) > best for f in (0.98, 1.02))


def test_platt_is_logistic_regression_on_the_same_targets() -> None:
    temperature, bias = fit_platt(LABELS, 3 * TRUE - 2)
    model = LogisticRegression(C=np.inf, tol=1e-10).fit((3 * TRUE - 2)[:, None], LABELS)
    assert 1 / temperature == pytest.approx(model.coef_[0, 0], rel=5e-3)
    assert bias == pytest.approx(model.intercept_[0], abs=5e-3)


def test_platt_stays_finite_where_classes_lie_apart() -> None:
    temperature, bias = fit_platt([0, 0, 1, 1], [-2, -1, 1, 2])
    assert temperature > 0.05
    assert abs(bias) < 1e-6


def test_isotonic_is_scikit_learns() -> None:
    scores = expit(TRUE / 3)
    knots = fit_isotonic(LABELS, scores)
    oracle = IsotonicRegression(out_of_bounds="clip").fit(scores, LABELS).predict(scores)
    np.testing.assert_allclose(apply_knots(scores, knots), oracle, atol=1e-12)
    assert np.all(np.diff([p for _, p in knots]) >= 0)


@pytest.mark.parametrize("fit", [fit_temperature, fit_platt])
def test_an_order_the_wrong_way_round_is_refused(fit: object) -> None:
    with pytest.raises(UndefinedError, match="no better than chance"):
        fit(LABELS, -TRUE)  # type: ignore[operator]


@pytest.mark.parametrize("fit", [fit_temperature, fit_platt, fit_isotonic])
def test_one_class_is_refused(fit: object) -> None:
    with pytest.raises(UndefinedError, match="both classes"):
        fit([1, 1], [0.2, 0.4])  # type: ignore[operator]
