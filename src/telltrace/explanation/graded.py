"""What `benchmarks/explanations.py` found of each method of a detector, and the best of them."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from telltrace.checkpoint import Detector

Grades = Mapping[str, Mapping[str, tuple[float, float | None, float | None]]]
"""By set of forgeries and grade: the mean, and a 95 % interval over media if there is one."""


def grades_of(detector: Detector, method: str) -> Grades:
    """How a method was graded for a detector; {} for one that was not."""
    sets = _graded().get(detector.sha256, {})
    return {name: methods[method] for name, methods in sets.items() if method in methods}


def best_method(detector: Detector) -> str:
    """The method whose maps fit true masks best, by the mean pixel AUC over the graded sets.

    Of a detector that was not graded it is the first that it has, in the order of `METHODS`: its
    own map if it makes one. An OptionError says that it has none.
    """
    from .methods import METHODS, check_method

    found = {name: grades_of(detector, name) for name in METHODS}
    means = {
        name: sum(grades["auc"][0] for grades in sets.values()) / len(sets)
        for name, sets in found.items()
        if sets
    }
    if means:
        return max(means, key=lambda name: means[name])
    if len(detector.members) == 1:
        return next(name for name in METHODS if METHODS[name].fits(detector))
    check_method(detector, "map")
    raise AssertionError


def grades_in_words(detector: Detector, method: str) -> str:
    """How far a method's maps of this detector are to be trusted, in a sentence or two."""
    sets = grades_of(detector, method)
    if not sets:
        return f"The maps of {method} were not graded for this detector: take them as a hint."
    worst, best = (pick(sets, key=lambda n: sets[n]["auc"][0]) for pick in (min, max))
    figures = " and ".join(f"{sets[name]['auc'][0]:.2f} on {name}" for name in (best, worst))
    return (
        "A place that was forged is higher in such a map than one that was not with a probability "
        f"of {figures}; 0.50 is chance."
    )


@cache
def _graded() -> dict[str, dict[str, dict[str, Any]]]:
    """By the SHA-256 of the checkpoint, set and method."""
    text = files(__package__).joinpath("graded.json").read_text(encoding="utf-8")
    return dict(json.loads(text))
