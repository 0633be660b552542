import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from telltrace.faces.media import Status
from telltrace.inference import FaceVerdict, TrackVerdict, Verdict
from telltrace.inference.reasons import file_status, give_reason
from telltrace.inference.timeline import Span, Stretch


def track(status: Status, score: float | None, *spans: Span) -> TrackVerdict:
    face = FaceVerdict(
        status=status, score=score, frame=0, time=0.0, box=(0, 0, 50, 50), confidence=1.0
    )
    return TrackVerdict(status=status, score=score, forged=spans, faces=(face,))


FAKE = track(Status.FAKE, 0.9, Span(1.0, 2.04, 0.9, 1.5), Span(4.0, 4.0, 0.8, 4.0))
REAL = track(Status.REAL, 0.1)
UNSURE = track(Status.UNCERTAIN, 0.5)
THROUGHOUT = replace(FAKE, throughout=Status.FAKE)
BLOCKY = replace(track(Status.UNCERTAIN, 0.1), throughout=Status.REAL)
DOUBTFUL = replace(
    track(Status.UNCERTAIN, 0.1), throughout=Status.REAL, stretch=Stretch(2.0, 3.0, 0.6)
)


def said(*tracks: TrackVerdict, truncated: bool = False, **known: Any) -> Verdict:
    known = {"kind": "video", "frames": 12, "frames_with_face": 9, "tracks": tracks, **known}
    found = Verdict(path=Path("a"), status=Status.NO_FACE, **known)
    worst = found.worst and found.worst.status
    status = file_status(worst, bool(tracks), bool(found.lost or truncated))
    found = replace(found, verdict=worst, status=status)
    reason, remedy = give_reason(found, truncated, 40.0)
    return replace(found, reason=reason, remedy=remedy)


@pytest.mark.parametrize(
    ("tracks", "status", "reason"),
    [
        ((REAL,), Status.REAL, "no face looks forged in 9 frames"),
        ((UNSURE,), Status.UNCERTAIN, "the scores of 9 frames lie where"),
        ((REAL, UNSURE), Status.UNCERTAIN, "the scores of person 2 lie where"),
        ((REAL, BLOCKY), Status.UNCERTAIN, "person 2 looks real, as more forgeries do"),
        ((FAKE,), Status.FAKE, "a face looks forged from 1.0 to 2.0 s and 1 more time"),
        ((REAL, FAKE), Status.FAKE, "person 2 looks forged from 1.0 to 2.0 s and 1 more time"),
        ((FAKE, FAKE), Status.FAKE, "person 1 looks .* and 1 more time, and so does another$"),
        ((FAKE,) * 4, Status.FAKE, "person 1 looks forged .*, and so do 3 others$"),
        ((THROUGHOUT,), Status.FAKE, "a face looks forged throughout, at 0.0 s$"),
        ((DOUBTFUL,), Status.UNCERTAIN, "a face looks suspicious from 2.0 to 3.0 s, and too"),
        ((REAL, DOUBTFUL), Status.UNCERTAIN, "person 2 looks suspicious from 2.0 to 3.0 s"),
        ((), Status.NO_FACE, "shows no face in 12 frames$"),
        (
            (track(Status.FACE_TOO_SMALL, None),),
            Status.FACE_TOO_SMALL,
            "shows only faces smaller than 40 pixels",
        ),
    ],
)
def test_reasons(tracks: tuple[TrackVerdict, ...], status: Status, reason: str) -> None:
    found = said(*tracks)
    assert found.status == status
    assert re.match(reason, found.reason)
    assert found.remedy


def test_a_picture_has_no_frames_to_look_at() -> None:
    doubt = said(UNSURE, kind="image")
    assert doubt.reason == "the score of the face lies where the detector is often wrong"
    nobody = said(kind="image")
    assert nobody.reason == "shows no face"
    for found in (doubt, nobody, said(FAKE, kind="image")):
        assert "frames" not in found.remedy


def test_no_remedy_names_what_there_is_not() -> None:
    for tracks in ((FAKE,), (UNSURE,), (DOUBTFUL,), (REAL,), ()):
        found = said(*tracks)
        assert "marked" not in found.remedy
        assert "another detector" not in found.remedy


def test_what_was_left_out_or_lost_is_said() -> None:
    assert said(dropped=2).reason.endswith("(2 doubtful ones were left out)")
    lost = said(FAKE, lost=1)
    assert lost.status == Status.PARTIAL
    assert lost.reason == "could be read only in part (1 packet damaged)"
    assert "it ends early" in said(REAL, truncated=True).reason
