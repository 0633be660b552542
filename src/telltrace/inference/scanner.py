"""From a file to a verdict: read, find faces, cut, score, conclude."""

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import torch

from telltrace.checkpoint import Detector, load_detector
from telltrace.faces.detect import Face, FaceDetector, create_face_detector
from telltrace.faces.follow import Follower
from telltrace.faces.media import (
    Choice,
    Frame,
    MediaError,
    Moments,
    Positions,
    Remaining,
    Sampling,
    Status,
)
from telltrace.faces.quality import face_flags, is_small
from telltrace.faces.reader import open_media
from telltrace.faces.track import look_at
from telltrace.faces.turned import find_turn, turn_frame
from telltrace.inference.ensemble import Ensemble
from telltrace.inference.evidence import Evidence, Look
from telltrace.inference.looking import frames_at_edges, needs_more, suspicious_moments
from telltrace.inference.rule import Rule
from telltrace.inference.settings import ScanSettings
from telltrace.inference.verdict import FileVerdict


@dataclass(frozen=True)
class ScanPlan:
    """All that it takes to make a `Scanner`: small, and ready to be sent to a worker process.

    Args:
        checkpoints: Detectors; by default the one in the package.
        device: Where to compute, as torch names it.
        threads: Processor threads; None leaves torch's own choice.
        settings: How to look.
    """

    checkpoints: tuple[Path, ...] = ()
    device: str = "cpu"
    threads: int | None = None
    settings: ScanSettings = field(default_factory=ScanSettings)

    def scanner(self) -> "Scanner":
        """Load the detectors.

        Raises:
            ValueError: If a checkpoint cannot be read.
        """
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        paths = self.checkpoints or (None,)
        precision = self.settings.precision
        judges = [load_detector(path, self.device, precision) for path in paths]
        return Scanner(judges, create_face_detector(self.device), self.settings)


class Scanner:
    """Judges one file after another with fixed detectors and fixed settings.

    Args:
        judges: The detector of forgeries, or several of which the mean counts.
        detector: The detector of faces.
        settings: How files are looked at.
    """

    def __init__(
        self,
        judges: Detector | Sequence[Detector],
        detector: FaceDetector,
        settings: ScanSettings | None = None,
    ) -> None:
        self.settings = settings or ScanSettings()
        self.judges = (judges,) if isinstance(judges, Detector) else tuple(judges)
        self.detector = detector
        self.ensemble = Ensemble(self.judges)
        cards = [judge.card for judge in self.judges]
        self._margin = max(card.preprocessing.crop.margin for card in cards)
        self.rule = Rule.of(cards, self.settings.strict, self.settings.window)

    def scan(self, path: Path) -> FileVerdict:
        """Judge a picture or a video; whatever is wrong with it becomes a status."""
        clock = _Clock(path, self.settings.time_limit)
        try:
            evidence = self._look(path, clock)
        except MediaError as error:
            return FileVerdict.failed(path, error.status, error.message, error.remedy)
        return evidence.conclude(dict(clock.spent))

    def _look(self, path: Path, clock: "_Clock") -> Evidence:
        """Read as many frames as it takes."""
        evidence = Evidence(path, self.settings, self.rule)
        self._read(evidence, self.settings.sampling(), clock)
        if not evidence.sees_upright_faces and (turn := self._find_turn(path, clock)):
            evidence = Evidence(path, self.settings, self.rule, turn)
            self._read(evidence, self.settings.sampling(), clock)
        assert evidence.frames is not None
        if self.settings.sample != "adaptive" or evidence.frames.kind == "image":
            return evidence
        if needs_more(evidence):
            rest = Remaining(self.settings.sampling(last=True), evidence.seen)
            self._read(evidence, rest, clock)
        if moments := suspicious_moments(evidence):
            self._read(evidence, Moments(moments, evidence.seen), clock, even=False)
        for _ in range(2):  # looks between two others show more nearly where an edge is
            if wanted := frames_at_edges(evidence):
                self._read(evidence, Positions(wanted), clock, even=False)
        return evidence

    def _find_turn(self, path: Path, clock: "_Clock") -> int:
        """Quarters by which the file's pictures must be turned, by what a few of them show."""
        with clock.stage("read"):
            few = list(open_media(path, Sampling("spread", 4), clock.check))
        with clock.stage("detect"):
            return find_turn(self.detector, few)

    def _read(self, evidence: Evidence, choice: Choice, clock: "_Clock", even: bool = True) -> None:
        """One pass over the file."""
        with clock.stage("read"):
            frames = open_media(evidence.path, choice, clock.check)
        evidence.frames = frames
        follower = Follower(self.detector, self.settings.search_every)
        for chunk in clock.reading(_chunks(frames, self.settings.batch_size)):
            clock.check()
            evidence.size = (chunk[0].image.shape[1], chunk[0].image.shape[0])
            upright = [turn_frame(frame, evidence.turn) for frame in chunk]
            with clock.stage("detect"):
                found = follower.find(upright)
            with clock.stage("score"):
                evidence.add(self._looks(upright, found), even)
        evidence.lost = max(evidence.lost, frames.lost)

    def _looks(self, frames: Sequence[Frame], found: Sequence[list[Face]]) -> Iterator[Look]:
        pairs = [
            (frame, face)
            for frame, faces in zip(frames, found, strict=True)
            for face in faces
            if not is_small(face, self.settings.min_face)
        ]
        scores = iter(self.ensemble.score(pairs, self.settings.batch_size))
        nothing = np.full(len(self.judges), np.nan)
        for frame, faces in zip(frames, found, strict=True):
            small = self.settings.min_face
            flags = [face_flags(frame.image, face, small, self._margin) for face in faces]
            mine = [nothing if "small" in flag else next(scores) for flag in flags]
            table = np.array(mine).reshape(len(faces), len(self.judges))
            yield Look(look_at(frame, faces), table, tuple(flags))


class _Clock:
    """Counts what each stage takes, and says when the time for a file is up."""

    def __init__(self, path: Path, limit: float | None) -> None:
        self.path, self.limit, self.start = path, limit, time.monotonic()
        self.spent = dict.fromkeys(("read", "detect", "score"), 0.0)

    def check(self) -> None:
        """Raise a MediaError when the time is up."""
        if self.limit is not None and time.monotonic() - self.start > self.limit:
            raise MediaError(
                self.path,
                f"was not judged within {self.limit:g} s",
                "Look at fewer frames with --frames, or allow more with --time-limit",
                Status.TIMEOUT,
            )

    def stage(self, name: str) -> "_Stage":
        """Add the time that a block takes to a stage."""
        return _Stage(self.spent, name)

    def reading(self, chunks: Iterator[list[Frame]]) -> Iterator[list[Frame]]:
        """The same chunks; the time they take to come counts as reading."""
        while True:
            with self.stage("read"):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk


@dataclass
class _Stage:
    spent: dict[str, float]
    name: str
    start: float = 0.0

    def __enter__(self) -> Self:
        self.start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.spent[self.name] += time.perf_counter() - self.start


def _chunks(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    iterator = iter(frames)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk
