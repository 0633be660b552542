"""When a person is called forged: throughout, or for a stretch of seconds. Two questions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from telltrace.evaluation.calibration import Calibration, VideoCalibration, margins
from telltrace.evaluation.combination import Combination
from telltrace.evaluation.odds import expit
from telltrace.evidence.likelihood import Likelihood, state
from telltrace.evidence.quality import QualityBin, Verdict, worst_bin
from telltrace.faces.media import Status
from telltrace.inference.timeline import Stretch, windows

Floats = NDArray[np.float64]

VERDICTS: Final = (Status.REAL, Status.UNCERTAIN, Status.FAKE)
"""From the least to the most suspicious."""

FEW: Final = 3
"""A person of fewer looks must look forged by a picture's rule too; such a window says nothing."""

BRIEF: Final = 2.0
"""Somebody seen for fewer windows than this is judged as a window is."""

SUSPICIOUS: Final = 4.0
"""A stretch leaves doubt where it would be called forged at so many times the rate."""


@dataclass(frozen=True, eq=False)
class Series:
    """What each look at one person gave."""

    times: Floats
    """Seconds, ascending, (N,)."""
    margins: Floats
    """Fake logit less real logit of each detector, (N, detectors)."""
    even: NDArray[np.bool_]
    """Whether a look is one of those spread evenly, and not about a suspicious moment, (N,)."""

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Which looks count for the whole: even ones, so that looking closely moves nothing."""
        return self.even if self.even.any() else np.ones_like(self.even)

    @property
    def looks(self) -> Floats:
        """Margins of the looks that count, (n, detectors)."""
        return np.asarray(self.margins[self.counted])


class Finding(NamedTuple):
    """What is said of one person."""

    status: Status
    throughout: Status
    """The answer to the first question alone."""
    score: float
    """Probability of forgery by the mean of all looks."""
    scores: tuple[float, ...]
    """That of each detector."""
    suspicious: tuple[Stretch, ...] = ()
    """Windows that are forged, or suspicious where none is forged."""
    stretch: Stretch | None = None
    """The one about the worst of these."""


@dataclass(frozen=True)
class Rule:
    """Thresholds of one detector, or of several that answer with the mean of their probabilities.

    Each has calibrations for single looks and for videos. A stretch that is tested lasts ``window``
    seconds; cards are calibrated on 1. See docs/decisions/0002-score-of-a-file.md.
    """

    members: tuple[tuple[Calibration, VideoCalibration | None], ...]
    strict: bool = False
    window: float = 1.0
    combinations: tuple[Combination | None, ...] = ()
    """How the networks of each member that is an ensemble become one; empty where none is."""
    quality: tuple[QualityBin, ...] = ()
    """What was measured of the only detector on files that are hard to judge."""

    @property
    def knows_stretches(self) -> bool:
        """Whether all cards say how high single seconds of real videos score."""
        return all(video is not None and video.windows is not None for _, video in self.members)

    def combine(self, scores: Floats) -> Floats:
        """Each detector's scores of single looks, (N, detectors), by those of all networks."""
        found = [
            scores[:, 0] if one is None else still.probability(one.margins(scores))
            for one, still, scores in self._blocks(scores)
        ]
        return np.stack(found, axis=1)

    def disagreement(self, scores: Floats, moving: bool) -> tuple[str, bool]:
        """Who says what of one person where an ensemble disagrees, by (looks, networks) scores.

        The words are empty where all take the same side; beside them, whether they conflict beyond
        what was measured.
        """
        blocks = self._blocks(scores)
        said = [one.disagreement(block, moving) for one, _, block in blocks if one is not None]
        return "; ".join(filter(None, (words for words, _ in said))), any(far for _, far in said)

    def voices(self, scores: Floats) -> tuple[float, ...]:
        """What each network says of one person, by (looks, networks) scores; () if none is part of
        an ensemble."""
        known = any(self.combinations)
        return tuple(expit(margins(scores).mean(axis=0)).tolist()) if known else ()

    def _blocks(self, scores: Floats) -> list[tuple[Combination | None, Calibration, Floats]]:
        """Each detector's combination, calibration and columns."""
        ways = self.combinations or (None,) * len(self.members)
        ends = np.cumsum([1 if one is None else len(one.weights) for one in ways])
        blocks = np.split(scores, ends[:-1], axis=1)
        stills = [still for still, _ in self.members]
        return list(zip(ways, stills, blocks, strict=True))

    def margins(self, scores: Floats) -> Floats:
        """Margins of single looks, (N, detectors) to the same."""
        pairs = zip(self.members, scores.T, strict=True)
        return np.stack([still.margins(column) for (still, _), column in pairs], axis=1)

    def scores(self, margins: Floats, moving: bool) -> Floats:
        """Each detector's probability for its (mean) margin, (detectors,) to the same."""
        curves = [video if moving and video else still for still, video in self.members]
        return np.array([float(c.probability(m)) for c, m in zip(curves, margins, strict=True)])

    def likelihood(
        self, score: float, moving: bool, prior: float | None = None
    ) -> Likelihood | None:
        """What a person's score says as evidence, to a reader of this ``prior``.

        None where the card does not know how far its scores are supported, and of several
        detectors, since the mean of their probabilities was not calibrated.
        """
        (still, video), *others = self.members
        curve = video if moving else still
        bounds = None if others or curve is None else curve.lr_bounds
        return None if bounds is None else state(score, bounds, prior)

    def errors(self, status: Status, moving: bool, kinds: Sequence[str]) -> tuple[str, bool]:
        """How often validation files of these kinds got a verdict wrongly, and if too often.

        Of UNCERTAIN it is how often real ones were called FAKE. The words are empty where nothing
        was measured, and of FAKE by strict thresholds, which were not.
        """
        verdict: Verdict = "REAL" if status == Status.REAL else "FAKE"
        found = worst_bin(self.quality, "video" if moving else "image", kinds, verdict)
        if found is None:
            return "", False
        broken = found.breaks_promise(verdict) and status == verdict
        said = "" if self.strict and verdict == "FAKE" else found.sentence(verdict)
        return said, broken

    def zone(self, moving: bool = False, people: int = 1, brief: bool = False) -> Calibration:
        """The two thresholds of a person's score, one of so many in the file; the members' means.

        Where these would cross, both become their middle, which keeps both promises.
        """
        pairs = [
            (video.real_below, video.fake(self.strict, people, brief))
            if moving and video
            else (still.real_below, still.fake(self.strict, people))
            for still, video in self.members
        ]
        lower, upper = (float(np.mean(each)) for each in zip(*pairs, strict=True))
        if lower > upper:
            lower = upper = halfway(lower, upper)
        return Calibration(real_below=lower, fake_from=upper)

    def stretch_score(self, margins: Floats) -> float:
        """Probability of forgery of one window, by its mean margins."""
        return float(self.scores(margins, moving=True).mean())

    def stretch_from(self, count: int, people: int = 1, times: float = 1.0) -> float:
        """The score from which one of a person's windows is forged, at ``times`` the rate."""
        known = [video for _, video in self.members if video]
        return float(np.mean([v.stretch(count, self.strict, people, times) for v in known]))

    def picture(self, scores: Floats, people: int = 1) -> Finding:
        """Judge a face, one of so many in a picture, by each detector's score, (detectors,)."""
        score = float(scores.mean())
        status = judge_score(score, self.zone(False, people))
        return Finding(status, status, score, tuple(scores.tolist()))

    def video(self, person: Series, people: int = 1) -> Finding:
        """Judge a person of at least one look; thresholds rise with the people and the seconds."""
        brief = float(np.ptp(person.times)) < BRIEF * self.window
        zone = self.zone(True, people, brief)
        pairs = zip(self.members, person.looks.T, strict=True)
        pooled = np.array([still.pool(looks) for (still, _), looks in pairs])
        scores = self.scores(pooled, moving=True)
        score = float(scores.mean())
        throughout = judge_score(score, zone)
        if len(person.times) < FEW and throughout == Status.FAKE:
            single = self.scores(pooled, moving=False).mean()
            if judge_score(float(single), self.zone()) != Status.FAKE:
                throughout = Status.UNCERTAIN
        found = Finding(throughout, throughout, score, tuple(scores.tolist()))
        tested, count = self._windows(person)
        if not tested:
            return found
        top = max(window.score for window in tested)
        forged, doubtful = (self.stretch_from(count, people, t) for t in (1.0, SUSPICIOUS))
        if top < doubtful:
            return found
        level, status = forged, Status.FAKE
        if top < forged:
            level, status = doubtful, max(Status.UNCERTAIN, throughout, key=VERDICTS.index)
        high = tuple(window for window in tested if window.score >= level)
        return found._replace(status=status, suspicious=high, stretch=_about_worst(high))

    def _windows(self, person: Series) -> tuple[list[Stretch], int]:
        """The windows of a person that have enough looks, and the number of all."""
        every = windows(person.times, self.window) if self.knows_stretches else []
        full = [(person.times[w].tolist(), person.margins[w].mean(axis=0)) for w in every]
        scored = [(t, self.stretch_score(mean)) for t, mean in full if len(t) >= FEW]
        return [Stretch(times[0], times[-1], score) for times, score in scored], len(every)


def _about_worst(high: tuple[Stretch, ...]) -> Stretch:
    """The stretch about the worst of these windows, with those that overlap it."""
    worst = max(high, key=lambda window: window.score)
    start, end = worst[:2]
    for window in sorted(high, key=lambda window: abs(window.start - worst.start)):
        if window.start <= end and window.end >= start:
            start, end = min(start, window.start), max(end, window.end)
    return Stretch(start, end, worst.score)


def judge_score(score: float, calibration: Calibration) -> Status:
    """FAKE, REAL, or UNCERTAIN between the two thresholds."""
    if score >= calibration.fake_from:
        return Status.FAKE
    return Status.REAL if score < calibration.real_below else Status.UNCERTAIN


def halfway(a: float, b: float) -> float:
    """The probability in the middle of two on the scale of log odds."""
    odds = [np.log(p / (1 - p)) for p in np.clip([a, b], 1e-12, 1 - 1e-12)]
    return float(1 / (1 + np.exp(-np.mean(odds))))
