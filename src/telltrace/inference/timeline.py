"""Scores along time: smoothed, summed up for a track, and the seconds that look forged."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rule = Literal["worst", "mean", "median", "max", "top"]
"""How the scores of a track become one; see :func:`track_score`."""

AT_LEAST = 5
"""Looks that a smoothed score rests on, where a track has them: one odd frame decides nothing."""


class Span(NamedTuple):
    """A stretch of time in which a face looks forged."""

    start: float
    """Seconds; the first frame looked at that looks forged."""
    end: float
    """Seconds; the last one."""
    peak: float
    """The highest smoothed score."""
    peak_time: float


def smooth(times: ArrayLike, scores: ArrayLike, window: float) -> NDArray[np.float64]:
    """Running median over time: outliers go, and a step stays exactly where it is.

    Args:
        times: Seconds, ascending.
        scores: As many.
        window: Seconds about each moment; reaches further where it holds fewer than `AT_LEAST`
            looks. 0 leaves the scores as they are.

    Examples:
        >>> smooth(range(6), [0, 0, 1, 0, 0, 0], window=3).tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    moments, values = np.asarray(times, np.float64), np.asarray(scores, np.float64)
    if window <= 0 or len(values) < 2:
        return values.copy()
    first = np.searchsorted(moments, moments - window / 2 - 1e-9)
    last = np.searchsorted(moments, moments + window / 2 + 1e-9)
    wide = min(AT_LEAST, len(values))
    smoothed = np.empty_like(values)
    for i in range(len(values)):  # as many on either side, so that a step is not moved
        reach = max(min(i - int(first[i]), int(last[i]) - 1 - i), wide // 2)
        low = min(max(0, i - reach), len(values) - wide)
        smoothed[i] = np.median(values[low : max(i + reach + 1, low + wide)])
    return smoothed


def track_score(scores: ArrayLike, smoothed: ArrayLike, rule: Rule) -> float:
    """One score for a track.

    Args:
        scores: Of each look.
        smoothed: What :func:`smooth` made of them.
        rule: ``"worst"``: the highest smoothed score, so that a short forgery counts and a single
            odd frame does not. ``"mean"``, ``"median"`` and ``"max"`` of the looks. ``"top"``: the
            mean of the highest fifth.

    Raises:
        ValueError: If there is no score, or the rule is not known.

    Examples:
        >>> track_score([0.1, 0.9, 0.2], [0.1, 0.2, 0.2], "worst")
        0.2
    """
    values = np.sort(np.asarray(scores, np.float64))
    if not len(values):
        raise ValueError("A track without a score has none; got no scores.")
    if rule == "worst":
        return float(np.max(smoothed))
    if rule == "top":
        return float(values[-max(1, round(len(values) / 5)) :].mean())
    if rule not in get_args(Rule):
        raise ValueError(f"rule must be one of {', '.join(get_args(Rule))}, got {rule!r}.")
    return float({"mean": values.mean(), "median": np.median(values), "max": values[-1]}[rule])


def forged_spans(
    times: Sequence[float], smoothed: ArrayLike, fake_from: float, gap: float = 0.0
) -> tuple[Span, ...]:
    """The stretches in which smoothed scores reach the threshold.

    Args:
        times: Seconds, ascending.
        smoothed: As many scores.
        fake_from: The threshold.
        gap: Stretches that lie no further apart than this are one, in seconds.

    Examples:
        >>> forged_spans([0.0, 1.0, 2.0, 3.0], [0.1, 0.8, 0.9, 0.2], 0.7)
        (Span(start=1.0, end=2.0, peak=0.9, peak_time=2.0),)
    """
    values = np.asarray(smoothed, np.float64)
    where = np.flatnonzero(values >= fake_from).tolist()
    groups: list[list[int]] = []
    for i in where:
        if groups and (i == groups[-1][-1] + 1 or times[i] - times[groups[-1][-1]] <= gap):
            groups[-1].append(i)
        else:
            groups.append([i])
    spans = []
    for group in groups:
        top = max(group, key=lambda i: values[i])
        spans.append(Span(times[group[0]], times[group[-1]], float(values[top]), times[top]))
    return tuple(spans)
