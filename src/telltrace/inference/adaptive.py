"""Where a scan looks next: closely at suspicious moments, and where a forged stretch ends."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from telltrace.faces.media import Choice, Status, at_moments
from telltrace.inference.observations import Observations
from telltrace.inference.rule import Rule
from telltrace.inference.settings import ScanSettings
from telltrace.inference.timeline import AT_LEAST
from telltrace.inference.verdict import TrackVerdict

CLOSE: Final = 6
"""Looks within one window about a suspicious moment."""
MOMENTS: Final = 3
"""Suspicious moments of one person that are looked at closely."""
LEAST: Final = 2
"""Moments in a file that are looked at closely, whatever was looked at before."""

_MOST_EDGES, _AT_AN_EDGE = 4, 8


def later_looks(settings: ScanSettings, rule: Rule) -> tuple[Choice, ...]:
    """What may be looked at after the first pass: the even looks, then those close to the first."""
    if settings.sample != "adaptive":
        return ()
    length = settings.window

    def close(times: NDArray[np.float64], end: float) -> NDArray[np.intp]:
        looks = times[settings.sampling()(times, end)]
        return at_moments(_moments({_window(time, length) for time in looks}, length))(times, end)

    even = settings.sampling(last=True)
    return (even, close) if rule.knows_stretches and length > 0 else (even,)


def needs_more(seen: Observations) -> bool:
    """Whether more even looks may change what the first few say."""
    tracks, _ = seen.tracks()
    judged = any(track.score is not None for track in tracks)
    if not judged or any(len(track.faces) < AT_LEAST for track in tracks):
        return True
    unsure = any(track.status == Status.UNCERTAIN for track in tracks)
    return unsure and not seen.rule.knows_stretches


def suspicious_moments(seen: Observations) -> tuple[float, ...]:
    """Moments, in seconds, of close looks: some in each of the most suspicious windows.

    A file takes no more looks than ``frames`` of the settings, or `LEAST` close ones more: at the
    most suspicious moment of everybody, then everybody's second, and so on.
    """
    if not seen.rule.knows_stretches:
        return ()
    length = seen.settings.window
    ranked = sorted(
        (rank, -score, start)
        for track in seen.tracks()[0]
        if track.throughout != Status.FAKE
        for rank, (score, start) in enumerate(_suspicious(track, seen))
    )
    budget = max(LEAST, int(seen.settings.frames - len(seen.looks)) // CLOSE)
    starts = list(dict.fromkeys(start for _, _, start in ranked))[:budget]
    return _moments(starts, length)


def _moments(starts: Collection[float], length: float) -> tuple[float, ...]:
    """Where windows of one length are looked at closely."""
    steps = (np.arange(CLOSE) + 0.5) * length / CLOSE
    return tuple(sorted({float(start + step) for start in starts for step in steps}))


def _window(time: float, length: float) -> float:
    """Where the window about a look starts, one of those that begin each half of a length."""
    return max(0, round(time / length * 2) - 1) * length / 2


def _suspicious(track: TrackVerdict, seen: Observations) -> list[tuple[float, float]]:
    """Scores and windows about the looks that are not simply real, the highest first."""
    length, known = seen.settings.window, seen.rule.zone().real_below
    looks = sorted((-f.score, f.time) for f in track.faces if f.score is not None)
    chosen: list[tuple[float, float]] = []
    for score, time in looks:
        if -score < known or len(chosen) == MOMENTS or length <= 0:
            break
        start = _window(time, length)
        if all(abs(start - other) >= length for _, other in chosen):
            chosen.append((-score, start))
    times = np.array([face.time for face in track.faces])
    within = [((times >= start) & (times < start + length)).sum() for _, start in chosen]
    return [found for found, looks in zip(chosen, within, strict=True) if looks < CLOSE]


def frames_at_edges(seen: Observations) -> tuple[int, ...]:
    """Frames not seen yet between two looks of which one lies in a forged stretch."""
    wanted: set[int] = set()
    for _, first, last in sorted(_edges(seen.tracks()[0]))[:_MOST_EDGES]:
        count = min(last - first + 1, _AT_AN_EDGE)
        wanted |= set(np.linspace(first, last, count).round().astype(int).tolist())
    return tuple(sorted(wanted - seen.looks.keys()))


def _edges(tracks: Sequence[TrackVerdict]) -> Iterator[tuple[float, int, int]]:
    """Gaps where a deciding stretch begins or ends: how little it matters, first and last frame."""
    for track in tracks:
        if track.status != Status.FAKE or track.throughout == Status.FAKE:
            continue
        known = [face for face in track.faces if face.score is not None]
        inside = [any(s.start <= face.time <= s.end for s in track.forged) for face in known]
        for (a, a_inside), (b, b_inside) in pairwise(zip(known, inside, strict=True)):
            if a_inside != b_inside and b.frame - a.frame > 1:
                yield -track.suspicion, a.frame + 1, b.frame - 1
