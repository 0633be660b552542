"""The two questions, from looks whose margins are made up."""

from dataclasses import replace

import numpy as np
import pytest

from telltrace.evaluation import Sample
from telltrace.evaluation.calibration import Calibration, VideoCalibration
from telltrace.faces.media import Status
from telltrace.inference import Rule
from telltrace.inference.rule import Series

STILL = Calibration(real_below=0.4, fake_from=0.7, fake_from_strict=0.9)
VIDEO = VideoCalibration(
    real_below=0.25, reals=Sample(300, -2.0, 0.5), windows=Sample(300, -2.0, 0.7)
)
RULE = Rule(((STILL, VIDEO),))
STRICT = replace(RULE, strict=True)


def person(margins: np.ndarray, rate: float = 6, even: np.ndarray | None = None) -> Series:
    n = len(margins)
    times = np.arange(n) / rate
    return Series(times, margins[:, None], np.ones(n, dtype=bool) if even is None else even)


def drawn(rng: np.random.Generator, clips: int, people: int) -> list[list[Series]]:
    """Real videos of ten seconds as the calibration saw them."""
    return [
        [
            person(rng.normal(-2, 0.5) + np.repeat(rng.normal(0, 0.45, 10), 6) + noise)
            for noise in rng.normal(0, 0.2, (people, 60))
        ]
        for _ in range(clips)
    ]


@pytest.mark.parametrize("people", [1, 5])
@pytest.mark.parametrize(("rule", "rate"), [(RULE, 0.05), (STRICT, 0.01)])
def test_false_alarms_are_as_rare_as_promised_for_any_number_of_people(
    rule: Rule, rate: float, people: int
) -> None:
    videos = drawn(np.random.default_rng(people), 600, people)
    fake = [any(rule.video(one, people).status == Status.FAKE for one in video) for video in videos]
    assert np.mean(fake) <= rate * 1.3 + 0.005


@pytest.mark.parametrize("people", [1, 4])
def test_seconds_that_share_the_level_of_their_clip_are_not_counted_as_strangers(
    people: int,
) -> None:
    rng = np.random.default_rng(people)
    level = rng.normal(-2, 1.2, (4000, people, 1))
    highest = (level + rng.normal(0, 0.3, (4000, people, 10))).max(axis=(1, 2))
    apart = VideoCalibration(reals=Sample(300, -2.0, 1.2), windows=Sample(300, -2.0, 1.24))
    together = replace(apart, within=0.3)
    rates = [
        float(np.mean(video.probability(highest) >= video.stretch(10, people=people)))
        for video in (apart, together)
    ]
    assert rates[0] < 0.5 * rates[1]
    assert rates[1] == pytest.approx(0.025, abs=0.007)  # half of five per cent


def test_the_worst_second_alone_would_raise_many() -> None:
    videos = drawn(np.random.default_rng(1), 200, 1)
    single = RULE.stretch_from(1)
    tested = [max(w.score for w in RULE._windows(video[0])[0]) for video in videos]
    assert np.mean(np.array(tested) >= single) > 0.1


@pytest.mark.parametrize("rate", [6, 25])
def test_a_forged_second_is_found_however_many_looks_there_are(rate: int) -> None:
    margins = np.full(10 * rate, -2.0)
    margins[4 * rate : 5 * rate] = 2.0
    found = RULE.video(person(margins, rate))
    assert (found.status, found.stretch is not None) == (Status.FAKE, True)
    assert found.throughout != Status.FAKE
    whole = RULE.video(person(np.full(10 * rate, 2.0), rate))
    assert (whole.status, whole.throughout) == (Status.FAKE, Status.FAKE)


@pytest.mark.parametrize(("looks", "found"), [(2, False), (3, True)])
def test_a_window_of_fewer_than_three_looks_is_not_judged(looks: int, found: bool) -> None:
    times = np.arange(0, 40, 2.0)
    times = np.sort(np.append(times, 20 + 0.2 * np.arange(1, looks)))  # so many within a second
    margins = np.where((times >= 20) & (times < 21), 3.0, -2.0)
    series = Series(times, margins[:, None], np.ones(len(times), dtype=bool))
    assert bool(RULE._windows(series)[0]) == found
    assert (RULE.video(series).stretch is not None) == found


def test_between_the_thresholds_of_a_stretch_is_doubt() -> None:
    margins = np.full(60, -2.0)
    level = [RULE.stretch_from(19, times=times) for times in (4.0, 1.0)]
    assert level[0] < level[1]
    middle = np.mean([np.log(p / (1 - p)) for p in level])
    margins[24:30] = middle
    found = RULE.video(person(margins))
    assert (found.status, found.throughout) == (Status.UNCERTAIN, Status.REAL)
    assert found.stretch is not None
    assert level[0] <= found.stretch.score < level[1]


def test_more_people_and_more_seconds_ask_for_more() -> None:
    froms = [RULE.zone(True, people).fake_from for people in (1, 2, 10)]
    assert froms == sorted(froms)
    assert froms[0] < froms[2]
    assert RULE.stretch_from(5) < RULE.stretch_from(50) < RULE.stretch_from(50, people=3)
    assert RULE.zone(True).fake_from < STRICT.zone(True).fake_from
    assert (RULE.zone().fake_from, STRICT.zone().fake_from) == (0.7, 0.9)


def test_many_faces_in_a_picture_share_the_rate() -> None:
    known = Rule(((replace(STILL, reals=Sample(1000, -2.0, 1.0)), None),))
    assert known.picture(np.array([0.75]), 1).status == Status.FAKE
    assert known.picture(np.array([0.75]), 100).status == Status.UNCERTAIN
    assert RULE.picture(np.array([0.75]), 100).status == Status.FAKE  # nothing to count with


def test_two_looks_are_judged_as_pictures_are_too() -> None:
    enough = RULE.zone(True).fake_from
    margin = np.log(enough / (1 - enough)) + 0.1
    assert 1 / (1 + np.exp(-margin)) < 0.7
    few, some = (
        RULE.video(person(np.full(n, margin), rate)).throughout for n, rate in ((2, 0.2), (12, 2))
    )
    assert (few, some) == (Status.UNCERTAIN, Status.FAKE)


def test_somebody_seen_for_a_second_is_judged_as_a_second_is() -> None:
    margin = (VIDEO.reals.threshold(0.02) + VIDEO.windows.threshold(0.02)) / 2  # type: ignore[union-attr]
    brief, long = (RULE.video(person(np.full(n, margin))).throughout for n in (6, 60))
    assert (brief, long) == (Status.UNCERTAIN, Status.FAKE)


def test_close_looks_count_for_no_mean() -> None:
    even = np.zeros(60, dtype=bool)
    even[::6] = True
    margins = np.where(even, -2.0, 0.5)
    found = RULE.video(person(margins, even=even))
    assert found.score == pytest.approx(1 / (1 + np.exp(2.0)))


def test_two_detectors_answer_with_the_mean_of_their_probabilities() -> None:
    other = VideoCalibration(temperature=2.0, bias=1.0, reals=Sample(50, -1.0, 0.3))
    both = Rule(((STILL, VIDEO), (STILL, other)))
    assert not both.knows_stretches
    series = Series(np.arange(4.0), np.tile([1.0, 2.0], (4, 1)), np.ones(4, dtype=bool))
    found = both.video(series)
    expected = [1 / (1 + np.exp(-1.0)), 1 / (1 + np.exp(-2.0))]
    assert found.scores == pytest.approx(expected)
    assert found.score == pytest.approx(np.mean(expected))
    upper = both.zone(True).fake_from
    assert upper == pytest.approx(np.mean([VIDEO.fake(), other.fake()]))


def test_thresholds_that_would_cross_meet_in_the_middle() -> None:
    apart = Rule(((STILL, replace(VIDEO, real_below=0.9)),))
    zone = apart.zone(True)
    assert VIDEO.fake() < zone.real_below == zone.fake_from < 0.9


@pytest.mark.parametrize(("frames", "score"), [("logits", 0.5), ("mean", 0.5), ("confident", 0.9)])
def test_a_persons_looks_become_one_as_the_card_says(frames: str, score: float) -> None:
    """Of 24 looks 12 are sure of fake, as many as little sure of real."""
    margins = np.tile(np.log([9.0, 1 / 9]), 12)
    still = replace(STILL, frames=frames)  # type: ignore[arg-type]
    assert Rule(((still, None),)).video(person(margins)).score == pytest.approx(score)
