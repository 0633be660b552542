"""Faces made up of a box, a look and a confidence, so that who is who is known."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from telltrace.faces.detect import Face
from telltrace.faces.media import Frame
from telltrace.faces.track import LOOK, Linking, Sight, Track, link, look_at

SHOTS = [np.random.default_rng(s).integers(0, 255, (18, 32, 3), np.uint8) for s in (10, 11)]


def person(number: int) -> NDArray[np.uint8]:
    """What one person looks like, and nobody else."""
    return np.random.default_rng(number).integers(0, 255, (LOOK, LOOK, 3), np.uint8)


def face(x: float, confidence: float = 0.999, side: float = 40) -> Face:
    return Face((x, 50, x + side, 50 + side), np.zeros((5, 2), np.float32), confidence)


def sight(index: int, *seen: tuple[int, Face], shot: int = 0) -> Sight:
    """A frame, ten a second, in which people with known looks have known faces."""
    looks = tuple(person(who) for who, _ in seen)
    return Sight(index, index / 10, tuple(f for _, f in seen), looks, SHOTS[shot])


def whose(track: Track, people: Sequence[Sequence[int]]) -> set[int]:
    """The people whose faces a track holds."""
    return {people[s][p] for s, p in track.seen}


def test_two_who_cross_keep_their_tracks() -> None:
    rng = np.random.default_rng(0)
    sights, people = [], []
    for index in range(21):
        order = rng.permutation(2)  # the detector gives the largest first: any order
        places = [100 + 10 * index, 300 - 10 * index]
        sights.append(sight(index, *[(int(who), face(places[who])) for who in order]))
        people.append([int(who) for who in order])
    kept, dropped = link(sights)
    assert dropped == []
    assert [whose(track, people) for track in kept] in ([{0}, {1}], [{1}, {0}])
    assert [len(track.seen) for track in kept] == [21, 21]


def test_no_track_has_two_faces_of_one_frame() -> None:
    sights = [sight(i, *[(0, face(100 + 5 * k)) for k in range(3)]) for i in range(6)]
    kept, _ = link(sights)
    assert len(kept) == 3
    for track in kept:
        assert len({number for number, _ in track.seen}) == len(track.seen)


@pytest.mark.parametrize(("away", "tracks"), [(3, 1), (4, 2)])
def test_a_face_may_be_out_of_sight_for_so_many_frames(away: int, tracks: int) -> None:
    frames = [[(0, face(100))]] + [[]] * away + [[(0, face(104))]] * 2
    kept, _ = link([sight(i, *seen) for i, seen in enumerate(frames)])
    assert len(kept) == tracks


def test_a_cut_ends_every_track() -> None:
    sights = [sight(i, (0, face(100)), shot=i // 5) for i in range(10)]
    assert [len(track.seen) for track in link(sights)[0]] == [5, 5]


def test_another_person_in_the_same_place_is_another_track() -> None:
    sights = [sight(i, (i // 5, face(100))) for i in range(10)]
    assert [len(track.seen) for track in link(sights)[0]] == [5, 5]


def test_what_is_hardly_a_face_is_background() -> None:
    necklace = (0.99, 0.87, 0.85, 0.88)
    sights = [sight(i, (0, face(100)), (1, face(300, c))) for i, c in enumerate(necklace)]
    kept, dropped = link(sights)
    assert [{place for _, place in track.seen} for track in kept] == [{0}]
    assert [{place for _, place in track.seen} for track in dropped] == [{1}]


@pytest.mark.parametrize(("looks", "kept"), [(5, 1), (6, 2)])
def test_a_brief_track_must_be_sure(looks: int, kept: int) -> None:
    flicker = [(1, face(300, 0.99 if i == 0 else 0.96)) for i in range(looks)]
    sights = [sight(i, (0, face(100)), seen) for i, seen in enumerate(flicker)]
    assert len(link(sights)[0]) == kept


def test_a_doubtful_face_is_kept_where_there_is_no_other() -> None:
    profile = [sight(i, (0, face(100, c))) for i, c in enumerate((0.99, 0.9, 0.88, 0.92))]
    assert len(link(profile)[0]) == 1
    assert link(profile, Linking(doubtful=0.95))[0] == []
    poster = [sight(i, (0, face(100, 0.97))) for i in range(4)]
    assert link(poster)[0] == []  # never sure


def test_nothing_in_nothing_out() -> None:
    assert link([]) == ([], [])
    assert link([sight(0), sight(1)]) == ([], [])


def test_a_look_is_small_whatever_the_frame() -> None:
    image = np.random.default_rng(0).integers(0, 255, (720, 1280, 3), np.uint8)
    seen = look_at(Frame(image, 7, 0.28), [face(-10), face(1260)])
    assert (seen.index, seen.time) == (7, 0.28)
    assert [look.shape for look in seen.looks] == [(LOOK, LOOK, 3)] * 2
    assert seen.picture.nbytes + sum(look.nbytes for look in seen.looks) < 4096
