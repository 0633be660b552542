"""What is said of a method's worth: grades that were measured, or that there are none."""

import pytest

from telltrace.checkpoint import Card, Detector, Ensemble, load_detector
from telltrace.errors import OptionError
from telltrace.explanation import graded
from telltrace.explanation.graded import best_method, grades_in_words, grades_of
from telltrace.models import create_detector

from .conftest import detector


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Detector:
    one = detector(create_detector("mobilenet"), "mobilenet")
    one.sha256 = "abc"
    sets = {
        "blends": {"gradcam": {"auc": [0.6, 0.5, 0.7]}, "occlusion": {"auc": [0.9, 0.8, 0.95]}},
        "Deepfakes": {"gradcam": {"auc": [0.7, 0.5, 0.8]}, "occlusion": {"auc": [0.6, 0.4, 0.8]}},
    }
    monkeypatch.setattr(graded, "_graded", lambda: {"abc": sets})
    return one


def test_the_method_that_grades_best_on_the_mean_of_the_sets_is_taken(made: Detector) -> None:
    assert best_method(made) == "occlusion"
    assert grades_of(made, "gradcam")["Deepfakes"]["auc"] == [0.7, 0.5, 0.8]


def test_words_quote_the_worst_and_the_best_set(made: Detector) -> None:
    said = grades_in_words(made, "occlusion")
    assert said.endswith("0.90 on blends and 0.60 on Deepfakes; 0.50 is chance.")


def test_words_quote_a_map_that_knows_no_forgery_and_where_it_is_not_beaten(
    made: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = {
        "blends": {"gradcam": {"auc": [0.9, 0.85, 0.95]}, "face-shaped": {"auc": [0.8, 0.7, 0.84]}},
        "few": {"gradcam": {"auc": [0.8, None, None]}, "face-shaped": {"auc": [0.7, None, None]}},
        "whole": {"gradcam": {"auc": [0.7, 0.6, 0.8]}, "face-shaped": {"auc": [0.75, 0.6, 0.8]}},
    }
    monkeypatch.setattr(graded, "_graded", lambda: {"abc": sets})
    assert grades_in_words(made, "gradcam").endswith(
        "A map that only knows where the face is has 0.80 and 0.75 there; it is as good or better "
        "on whole; the intervals of both overlap on few."
    )


def test_a_single_set_is_quoted_once(made: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    sets = {"blends": {"gradcam": {"auc": [0.9, 0.85, 0.95]}}}
    monkeypatch.setattr(graded, "_graded", lambda: {"abc": sets})
    assert "a probability of 0.90 on blends; 0.50" in grades_in_words(made, "gradcam")


def test_of_a_detector_that_was_not_graded_nothing_is_claimed(made: Detector) -> None:
    made.sha256 = "other"
    assert grades_of(made, "gradcam") == {}
    assert best_method(made) == "gradcam"
    assert "were not graded for this detector" in grades_in_words(made, "gradcam")
    own = detector(create_detector("blend_lite"), "blend_lite")
    assert best_method(own) == "map"


def test_an_ensemble_has_no_best_method(made: Detector) -> None:
    both = Ensemble([made, made], Card(detector="two", preprocessing=made.card.preprocessing))
    with pytest.raises(OptionError, match="An ensemble has no method"):
        best_method(both)


def test_the_detector_in_the_package_was_graded() -> None:
    bundled = load_detector()
    assert best_method(bundled) == "map"
    assert grades_of(bundled, "map")["blends"]["auc"][0] > 0.9
