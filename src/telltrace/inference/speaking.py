"""Which frames speak: those that push a verdict most, and what would be said without them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from telltrace.faces.media import Status
from telltrace.inference.rule import Rule, Series
from telltrace.inference.verdict import FaceVerdict, TrackVerdict

COUNT: Final = 3
"""Frames that are named."""


class Without(NamedTuple):
    """What would be said of a person without some looks."""

    score: float | None
    """The score of the whole or of its worst stretch, whichever is higher; None without any."""
    status: Status | None


class Speaking(NamedTuple):
    """The frames that push the verdict on one person most, the first pushing it most."""

    score: float
    """The person's, of the whole or of the worst stretch, whichever is higher."""
    faces: tuple[FaceVerdict, ...]
    each: tuple[Without, ...]
    """Without one of these frames alone."""
    together: Without
    """Without all of them."""


def speaking_frames(
    track: TrackVerdict, rule: Rule, *, people: int, moving: bool, count: int = COUNT
) -> Speaking:
    """Judge a person again without each look, by the rule that judged it: nothing is estimated.

    A person who is REAL is pushed there by looks without which the score would rise, anybody else
    by looks without which it would fall; looks that push the other way are not named. ``people``
    were judged in the file. The track has a score and comes from a scan, not from plain data.
    """
    looks = [face for face in track.faces if face.score is not None]
    assert looks
    before = _judge(looks, rule, people, moving)
    assert before.score is not None
    sign = -1 if track.status == Status.REAL else 1
    found = []
    for place, look in enumerate(looks):
        less = _judge(looks[:place] + looks[place + 1 :], rule, people, moving)
        push = np.inf if less.score is None else sign * (before.score - less.score)
        if push > 0:
            found.append((float(push), place, look, less))
    found.sort(key=lambda each: (-each[0], each[1]))
    named = found[:count]
    gone = {place for _, place, _, _ in named}
    left = [look for place, look in enumerate(looks) if place not in gone]
    return Speaking(
        before.score,
        tuple(look for _, _, look, _ in named),
        tuple(less for _, _, _, less in named),
        _judge(left, rule, people, moving),
    )


def _judge(looks: Sequence[FaceVerdict], rule: Rule, people: int, moving: bool) -> Without:
    if not looks:
        return Without(None, None)
    networks = np.array([look.seen.scores for look in looks], dtype=np.float64)
    scores = rule.combine(networks)
    times, even = zip(*((look.time, look.seen.even) for look in looks), strict=True)
    series = Series(np.array(times), rule.margins(scores), np.array(even, dtype=bool))
    found = rule.video(series, people) if moving else rule.picture(scores[0], people)
    conflict = rule.disagreement(networks[series.counted], moving)[1]
    status = Status.UNCERTAIN if conflict else found.status
    stretch = found.stretch.score if found.stretch else 0.0
    return Without(max(found.score, stretch), status)
