"""Scores along time: smoothed, in windows, and the seconds that look forged."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from telltrace.evaluation.odds import logit

AT_LEAST = 5
"""Looks that a smoothed score rests on, where a track has them: one odd frame decides nothing."""

NOISE: Final = 0.02
"""Variance of the log odds of looks that are alike, at least: a share of that of all looks."""


class Span(NamedTuple):
    """Seconds in which a face looks forged, from the first to the last such frame looked at."""

    start: float
    end: float
    peak: float
    """The highest smoothed score."""
    peak_time: float


class Stretch(NamedTuple):
    """The looks of one window of time, or a stretch of such, in seconds."""

    start: float
    end: float
    score: float
    """Of its mean margins; of several windows, the highest."""


def smooth(times: ArrayLike, scores: ArrayLike, window: float) -> NDArray[np.float64]:
    """Running median over time: outliers go, and a step stays exactly where it is.

    Times and scores are (N,). Times are seconds, ascending, and so is the ``window`` about each
    moment; it reaches further where it holds fewer than `AT_LEAST` looks. 0 leaves the scores.
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


def windows(times: ArrayLike, length: float) -> list[slice]:
    """The looks within windows that begin at every half of their length, in seconds, if any.

    Examples:
        >>> [(w.start, w.stop) for w in windows([0.0, 0.2, 0.7, 0.9, 5.0], 1.0)]
        [(0, 4), (2, 4), (4, 5), (4, 5)]
    """
    moments, half = np.asarray(times, np.float64), length / 2
    if length <= 0:
        return []
    latest = np.floor((moments + 1e-9) / half).astype(int)
    starts = half * np.union1d(latest, latest - 1).clip(min=0)
    edges = np.searchsorted(moments, np.unique(starts)[:, None] + [0, length] - 1e-9)
    return [slice(low, high) for low, high in edges.tolist() if low < high]


def stretch_spans(
    times: ArrayLike,
    smoothed: ArrayLike,
    level: float,
    places: Sequence[tuple[float, float]],
    score: float,
) -> tuple[Span, ...]:
    """The stretches that reach a level and touch one of the places that were found forged.

    Times are in seconds, (N,), and so are the places. Where no score near them reaches the level,
    the places themselves are given, with ``score`` as the peak.
    """
    moments, values = np.asarray(times, np.float64).tolist(), np.asarray(smoothed, np.float64)
    reaching, found = np.flatnonzero(values >= level), []
    for run in np.split(reaching, np.flatnonzero(np.diff(reaching) > 1) + 1):
        if len(run):
            start, end, top = moments[run[0]], moments[run[-1]], run[np.argmax(values[run])]
            if any(start <= last and end >= first for first, last in places):
                found.append(Span(start, end, float(values[top]), moments[top]))
    return tuple(found or (Span(at, end, score, (at + end) / 2) for at, end in places))


def sharpen(
    spans: Sequence[Span], times: ArrayLike, scores: ArrayLike, within: float
) -> tuple[Span, ...]:
    """Move both ends of stretches to where the scores of single looks drop most clearly.

    A threshold places an end badly where the faces beside the stretch score high themselves. An
    end without a drop stays; others move by at most ``within`` seconds outwards and twice as many
    inwards. Spans that come to overlap become one. Times are ascending seconds, (N,), scores
    probabilities of forgery, (N,), not smoothed.
    """
    moments, odds = np.asarray(times, np.float64), logit(np.clip(scores, 1e-6, 1 - 1e-6))
    noise = NOISE * float(odds.var()) + 1e-9
    found: list[Span] = []
    for span in spans:
        top = int(np.abs(moments - span.peak_time).argmin())
        first = int(np.searchsorted(moments, span.start - within - 1e-9))
        last = int(np.searchsorted(moments, span.end + within + 1e-9))
        before, behind = odds[first : top + 1][::-1], odds[top:last]
        start, end = span.start, span.end
        if (count := before_drop(before, noise)) < len(before):
            start = min(float(moments[top + 1 - count]), start + 2 * within)
        if (count := before_drop(behind, noise)) < len(behind):
            end = max(float(moments[top - 1 + count]), end - 2 * within)
        if found and start <= found[-1].end:
            last_one = found.pop()
            start, end = min(start, last_one.start), max(end, last_one.end)
            span = max(last_one, span, key=lambda one: one.peak)
        found.append(span._replace(start=start, end=end))
    return tuple(found)


def before_drop(values: NDArray[np.float64], noise: float) -> int:
    """How many values, from the first on, come before mean and variance change; all, if none drop.

    The most likely place of one change between normal values of a variance of at least ``noise``,
    where the Bayesian information criterion, counting mean, variance and place, prefers it to none
    (Chen and Gupta, Parametric Statistical Change Point Analysis, 2012, chapter 2).

    Examples:
        >>> before_drop(np.array([3.0, 2.9, 3.1, 0.4, -1.0]), 0.1), before_drop(np.ones(4), 0.1)
        (3, 4)
    """
    count = len(values)

    def cost(part: NDArray[np.float64]) -> float:
        return len(part) * float(np.log(part.var() + noise))

    costs = {count: cost(values)}
    for k in range(1, count):
        if values[:k].mean() > values[k:].mean():
            costs[k] = cost(values[:k]) + cost(values[k:]) + 3 * float(np.log(count))
    return min(costs, key=lambda k: costs[k])
