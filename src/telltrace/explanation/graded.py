"""What `benchmarks/explanations.py` found of each method of a detector, and the best of them."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from telltrace.checkpoint import Detector

Interval = tuple[float, float | None, float | None]
"""The mean, and an interval over media if there is one: 95 %, but less sure of 2 or 3 media."""
Grades = Mapping[str, Mapping[str, Interval]]
"""By set of forgeries and grade."""
FACE_SHAPED = "face-shaped"
"""In the table of grades: a map that is high in the middle of every crop."""


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
    means = {name: grades["auc"][0] for name, grades in sets.items()}
    ends = dict.fromkeys(pick(means, key=lambda name: means[name]) for pick in (max, min))
    figures = " and ".join(f"{means[name]:.2f} on {name}" for name in ends)
    said = (
        "A place that was forged is higher in such a map than one that was not with a probability "
        f"of {figures}; 0.50 is chance."
    )
    plain = grades_of(detector, FACE_SHAPED)
    return f"{said} {_beside_plain(sets, plain, list(ends))}" if set(plain) >= set(sets) else said


def _beside_plain(sets: Grades, plain: Grades, ends: list[str]) -> str:
    """How a map that knows no forgery does on the same sets, and where it is not beaten."""
    figures = " and ".join(f"{plain[name]['auc'][0]:.2f}" for name in ends)
    ahead = [name for name in sets if plain[name]["auc"][0] >= sets[name]["auc"][0]]
    tied = [name for name in sets if name not in ahead and not _is_clear(sets[name], plain[name])]
    said = f"A map that only knows where the face is has {figures} there"
    if ahead:
        said += f"; it is as good or better on {', '.join(ahead)}"
    if tied:
        said += f"; the intervals of both overlap on {', '.join(tied)}"
    return f"{said}."


def _is_clear(ours: Mapping[str, Interval], theirs: Mapping[str, Interval]) -> bool:
    """Whether the interval of the first AUC lies above that of the second."""
    low, high = ours["auc"][1], theirs["auc"][2]
    return low is not None and high is not None and low > high


@cache
def _graded() -> dict[str, dict[str, dict[str, Any]]]:
    """By the SHA-256 of the checkpoint, set and method."""
    text = files(__package__).joinpath("graded.json").read_text(encoding="utf-8")
    return dict(json.loads(text))
