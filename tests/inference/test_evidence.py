"""Which frames a scan looks at next, from looks whose scores are made up."""

from pathlib import Path

import numpy as np
import pytest

from telltrace.checkpoint import Calibration
from telltrace.faces.detect import Face
from telltrace.faces.media import Frames
from telltrace.faces.track import LOOK, Sight
from telltrace.inference import ScanSettings
from telltrace.inference.evidence import Evidence, Look

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


def evidence(scores: dict[int, float | None], total: int = 300) -> Evidence:
    calibration = Calibration(real_below=0.3, fake_from=0.7)
    found = Evidence(Path("a.mp4"), ScanSettings(window=0.5), calibration)
    found.frames = Frames(Path("a.mp4"), "video", total, total / 25, lambda _: iter(()))
    found.add(look(index, score) for index, score in scores.items())
    return found


def test_agreement_needs_no_more_frames() -> None:
    found = evidence(dict.fromkeys(range(0, 300, 25), 0.0))
    assert not found.disagrees()
    assert found.wanted() == ()


@pytest.mark.parametrize(
    "scores",
    [
        {i: 0.9 if i == 100 else 0.0 for i in range(0, 300, 25)},  # one look says otherwise
        dict.fromkeys(range(0, 300, 25), 0.5),  # all say that they do not know
        dict.fromkeys((0, 100, 200), 0.1),  # few
        dict.fromkeys(range(0, 300, 25)),  # no face
    ],
)
def test_disagreement_does(scores: dict[int, float | None]) -> None:
    assert evidence(scores).disagrees()


def test_every_frame_at_an_edge_of_a_forged_stretch_is_wanted() -> None:
    forged = range(100, 200)
    found = evidence({i: 0.9 if i in forged else 0.1 for i in range(0, 300, 10)})
    assert found.wanted() == (*range(91, 100), *range(191, 200))
    found.add(look(i, 0.9 if i in forged else 0.1) for i in found.wanted())
    assert found.wanted() == ()
    [span] = found.tracks()[0][0].forged
    assert (span.start * 25, span.end * 25) == pytest.approx((100, 199))


def test_a_suspicion_that_rests_on_little_is_looked_at_longer() -> None:
    found = evidence({0: None, 60: None, 120: 0.9, 180: None, 240: None})
    wanted = found.wanted()
    assert len(wanted) == 10
    assert (min(wanted), max(wanted)) == (61, 179)
    assert evidence({0: None, 120: 0.1, 240: None}).wanted() == ()


def test_the_last_shot_ends_with_the_file() -> None:
    assert max(evidence({0: None, 240: 0.9}, total=250).wanted()) == 249


def test_a_frame_seen_before_stays_as_it_was() -> None:
    found = evidence({5: 0.1})
    found.add([look(5, 0.9)])
    assert found.looks[5].scores.item() == 0.1
    assert found.seen == {5}
