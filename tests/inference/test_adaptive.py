"""Which frames a scan looks at next, from looks whose scores are made up."""

from pathlib import Path

import numpy as np
import pytest

from telltrace.checkpoint import Calibration, VideoCalibration
from telltrace.evaluation import Sample
from telltrace.faces.detect import Face
from telltrace.faces.media import Frames, Status, at_moments, without
from telltrace.faces.track import LOOK, Sight
from telltrace.inference import Rule, ScanSettings
from telltrace.inference.adaptive import (
    CLOSE,
    MOMENTS,
    frames_at_edges,
    needs_more,
    suspicious_moments,
)
from telltrace.inference.observations import Look, Observations

PERSON, SHOT = (
    np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    for shape in ((LOOK, LOOK, 3), (18, 32, 3))
)


def look(index: int, score: float | None) -> Look:
    """A frame, 25 a second, with one face in it, or none."""
    face = Face((50, 50, 110, 130), np.zeros((5, 2), np.float32), 0.999)
    faces = () if score is None else (face,)
    sight = Sight(index, index / 25, faces, (PERSON,) * len(faces), SHOT)
    table = np.array([] if score is None else [score]).reshape(len(faces), 1)
    return Look(sight, table, ((),) * len(faces))


VIDEO = VideoCalibration(reals=Sample(200, -2.0, 0.4), windows=Sample(200, -2.0, 0.5))


def observe(
    scores: dict[int, float | None], total: int = 300, video: VideoCalibration | None = VIDEO
) -> Observations:
    rule = Rule(((Calibration(real_below=0.3, fake_from=0.7), video),))
    frames = Frames(Path("a.mp4"), "video", total, total / 25, lambda _: iter(()))
    found = Observations(frames, ScanSettings(), rule)
    found.add(look(index, score) for index, score in scores.items())
    return found


def moments(found: Observations, total: int = 300) -> list[int]:
    """Frames of the close looks."""
    wanted = without(found.looks, at_moments(suspicious_moments(found)))
    return wanted(np.arange(total) / 25, total / 25).tolist()


EVEN = range(12, 300, 25)


def test_agreement_needs_no_more_frames() -> None:
    found = observe(dict.fromkeys(EVEN, 0.1))
    assert not needs_more(found)
    assert suspicious_moments(found) == frames_at_edges(found) == ()


@pytest.mark.parametrize(
    ("scores", "video"),
    [
        (dict.fromkeys((0, 100, 200), 0.1), VIDEO),  # few
        (dict.fromkeys(EVEN), VIDEO),  # no face
        (dict.fromkeys(EVEN, 0.5), None),  # unsure, and no closer look can help
    ],
)
def test_what_may_change_needs_more(
    scores: dict[int, float | None], video: VideoCalibration | None
) -> None:
    assert needs_more(observe(scores, video=video))


def test_a_suspicious_moment_is_looked_at_closely() -> None:
    found = observe({i: 0.9 if i == 112 else 0.1 for i in EVEN})
    assert not needs_more(found)
    wanted = moments(found)
    assert len(wanted) == CLOSE
    assert all(abs(index - 112) <= 20 for index in wanted)
    assert max(wanted) - min(wanted) <= 25
    found.add((look(index, 0.1) for index in wanted), even=False)
    assert suspicious_moments(found) == ()  # nobody looks twice
    assert observe({**dict.fromkeys(EVEN, 0.1), 112: 0.9}, video=None).tracks()[0][0].forged == ()


def test_close_looks_are_few_and_go_to_the_worst_first() -> None:
    scores: dict[int, float | None] = {
        i: 0.1 if n < 8 else 0.3 + n / 100 for n, i in enumerate(EVEN)
    }
    found = observe(scores)
    assert 0 < len(moments(found)) <= MOMENTS * CLOSE
    assert min(moments(found)) > 200
    many = observe(scores)
    many.add(look(i, 0.1) for i in range(0, 300, 10))  # all that was asked for was looked at
    assert len(moments(many)) <= 2 * CLOSE


def test_close_looks_move_no_mean_and_show_a_stretch() -> None:
    found = observe({i: 0.9 if i == 112 else 0.1 for i in EVEN})
    [before] = found.tracks()[0]
    assert before.status == Status.REAL
    found.add((look(i, 0.9) for i in moments(found)), even=False)
    [track] = found.tracks()[0]
    assert (track.status, track.throughout) == (Status.FAKE, Status.REAL)
    assert track.score == before.score
    assert track.stretch is not None
    assert 3.5 <= track.stretch.start < track.stretch.end <= 5.5
    assert track.forged[0].start <= 112 / 25 <= track.forged[-1].end


def test_where_a_forged_stretch_ends_is_looked_at_until_it_is_known() -> None:
    forged = range(100, 130)

    def score(index: int) -> float:
        return 0.95 if index in forged else 0.1

    found = observe({i: score(i) for i in EVEN})
    found.add((look(i, score(i)) for i in moments(found)), even=False)
    for _ in range(2):
        found.add((look(i, score(i)) for i in frames_at_edges(found)), even=False)
    assert frames_at_edges(found) == ()
    [span] = found.tracks()[0][0].forged
    assert (span.start * 25, span.end * 25) == pytest.approx((100, 129))
    assert len(found.looks) <= 36


def test_a_frame_seen_before_stays_as_it_was() -> None:
    found = observe({5: 0.1})
    found.add([look(5, 0.9)])
    assert found.looks[5].scores.item() == 0.1
    assert found.looks.keys() == {5}
