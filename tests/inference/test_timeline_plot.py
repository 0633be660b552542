import numpy as np
import pytest

from telltrace.faces.media import Status
from telltrace.inference import FaceVerdict, TrackVerdict
from telltrace.inference.page import timeline_figure
from telltrace.inference.timeline import Span


def track(scores: list[float | None], *spans: Span) -> TrackVerdict:
    faces = tuple(
        FaceVerdict(
            status=Status.UNCERTAIN,
            score=score,
            smoothed=score,
            frame=i,
            time=float(i),
            box=(0, 0, 9, 9),
            confidence=1,
        )
        for i, score in enumerate(scores)
    )
    return TrackVerdict(status=Status.UNCERTAIN, score=0.5, forged=spans, faces=faces)


def test_each_person_has_a_strip_with_the_scores_that_there_are() -> None:
    people = {
        3: track([0.2, None, 0.9, 0.4], Span(2.0, 2.0, 0.9, 2.0)),
        1: track([0.1, 0.1, 0.1, 0.1]),
    }
    axes = timeline_figure(people, 5.0, 0.3, 0.7).axes
    assert [strip.get_ylabel() for strip in axes] == ["person 3", "person 1"]
    for line in axes[0].lines:
        np.testing.assert_array_equal(line.get_xdata(), [0, 2, 3])
        np.testing.assert_array_equal(line.get_ydata(), [0.2, 0.9, 0.4])
    assert axes[0].get_xlim() == (0, 5)
    assert [len(strip.patches) for strip in axes] == [2, 1]  # the zone, and what looks forged
    forged = axes[0].patches[0].get_extents().transformed(axes[0].transData.inverted())
    assert (forged.x0, forged.x1) == pytest.approx((1.95, 2.05))
