"""From a picture or video to a verdict: read, find faces, cut, score, conclude."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from telltrace.backends import choose_device
from telltrace.checkpoint import BUNDLED, Card, Detector, load_detector
from telltrace.errors import OptionError
from telltrace.evidence.provenance import read_provenance
from telltrace.faces import media
from telltrace.faces.detect import Face, FaceDetector, create_face_detector
from telltrace.faces.follow import follow_faces
from telltrace.faces.quality import Flag, blockiness, face_flags, is_small
from telltrace.faces.track import look_at
from telltrace.faces.turned import UPRIGHT, find_turn, turn_frame
from telltrace.inference.adaptive import (
    frames_at_edges,
    later_looks,
    needs_more,
    suspicious_moments,
)
from telltrace.inference.observations import Look, Observations
from telltrace.inference.places import PlaceMap
from telltrace.inference.reasons import file_status, give_reason
from telltrace.inference.rule import VERDICTS, Rule
from telltrace.inference.settings import ScanSettings
from telltrace.inference.source import Medium, Source, opened_source
from telltrace.inference.stopwatch import Stopwatch
from telltrace.inference.verdict import Verdict
from telltrace.jobs.threads import limit_threads

AnyDetector = str | PathLike[str] | Detector
"""A checkpoint, or one that was loaded."""

AT_CHANCE: Final = 0.55
"""Area under the ROC curve on its own validation below which a detector knows next to nothing."""


def scan(
    source: Source,
    *,
    times: Iterable[float] | None = None,
    detector: AnyDetector | Sequence[AnyDetector] | None = None,
    device: str = "auto",
    **settings: Any,
) -> Verdict:
    """Judge a picture or a video: is a face in it forged?

    Whatever is wrong with the medium becomes a status of the verdict; what is wrong with the
    call raises. To judge several, make one `Scanner`, which keeps its models loaded.

    Args:
        source: A path; the bytes of a file; an open binary file; a PIL image; an array (H, W, 3)
            of uint8 RGB; or frames of a video as a sequence or iterator of pictures. Sequences
            are sampled as video files are; of an iterator every frame is looked at.
        times: Seconds of each frame, ascending, where the source is frames; else 25 a second.
        detector: A checkpoint or a loaded one, or several, of which the mean counts; by default
            the one in the package.
        device: "auto", "cpu" or "cuda".
        settings: Those of `ScanSettings`, such as ``frames=72`` or ``strict=True``.

    Raises:
        TelltraceError: If a checkpoint cannot be read, a setting is out of range, or the source
            is of a type that cannot be scanned.

    Examples:
        >>> from skimage.data import astronaut
        >>> verdict = scan(astronaut())
        >>> verdict.kind, len(verdict.tracks)
        ('image', 1)
    """
    return Scanner(detector, device=device, **settings).scan(source, times=times)


class Scanner:
    """Judges one file after another, with the models kept loaded.

    Several threads may call one scanner at the same time without a lock, with the same verdicts as
    one after the other. Memory grows by the frames of one batch for each thread, those decoded
    ahead and at most 256 MiB that are kept, and in OpenVINO by a second graph after 256 faces. A
    checkpoint that cannot be read, or a setting out of range, is a TelltraceError.

    Args:
        detector: The detector of forgeries, or several of which the mean counts: checkpoints or
            loaded ones; by default the one in the package.
        face_detector: The detector of faces; by default one with the published weights.
        device: Where to compute: "auto", "cpu" or "cuda".
        threads: Processor threads of this process; None leaves torch's own choice.
        settings: Those of `ScanSettings`.
    """

    def __init__(
        self,
        detector: AnyDetector | Sequence[AnyDetector] | None = None,
        *,
        face_detector: FaceDetector | None = None,
        device: str = "auto",
        threads: int | None = None,
        **settings: Any,
    ) -> None:
        self.settings = ScanSettings(**settings)
        if threads is not None:
            limit_threads(threads)
        device = choose_device(device, self.settings.backend)
        chosen = BUNDLED if detector is None else detector
        several = isinstance(chosen, Sequence) and not isinstance(chosen, str)
        given: list[Any] = [*chosen] if several else [chosen]  # type: ignore[misc]
        if not given:
            raise OptionError("A scan needs at least one detector, got none.")
        computed = self.settings.precision, self.settings.backend
        self.detectors = tuple(
            one if isinstance(one, Detector) else load_detector(one, device, *computed)
            for one in given
        )
        self.hashes = tuple(detector.sha256 for detector in self.detectors if detector.sha256)
        """SHA-256 of the checkpoints."""
        self.face_detector = face_detector or create_face_detector(device, self.settings.backend)
        cards = [detector.card for detector in self.detectors]
        members = tuple((card.calibration, card.video) for card in cards)
        ways = tuple(card.combination for card in cards)
        quality = cards[0].quality if len(cards) == 1 else ()
        self.rule = Rule(members, self.settings.strict, self.settings.window, ways, quality)
        self.networks = [network for detector in self.detectors for network in detector.members]
        self.warnings: tuple[str, ...] = tuple(filter(None, map(_warn_of_chance, cards)))
        self._margin = max(network.crop.margin for network in self.networks)

    def scan(
        self,
        source: Source,
        *,
        times: Iterable[float] | None = None,
        moments: Sequence[float] | None = None,
        progress: Callable[[int, int], object] | None = None,
        stages: Callable[[str], object] | None = None,
    ) -> Verdict:
        """Judge a picture or a video as `telltrace.scan` does.

        ``moments`` are the seconds at which to look, and nowhere else, in place of the setting
        ``sample``. ``progress`` is called with the number of frames read and how many there will
        be, about; ``stages`` with "read", "detect" or "score" when such work begins.
        """
        with opened_source(source, times) as medium:
            watch = Stopwatch(medium.name, self.settings.time_limit, progress, stages)
            with watch.stage("read"):
                found = read_provenance(medium.file, self.settings.trust) if medium.file else ()
            verdict = partial(
                Verdict,
                path=medium.name,
                sha256=medium.sha256,
                detectors=self.hashes,
                warnings=self.warnings,
                provenance=found,
            )
            try:
                seen = self._look(medium, watch, moments)
                return self._conclude(partial(verdict, seconds=watch.spent), seen)
            except media.MediaError as e:
                return verdict(status=e.status, reason=e.message, remedy=e.remedy)

    def scan_many(self, sources: Iterable[Source]) -> Iterator[Verdict]:
        """Judge one source after the other, as the verdicts are asked for."""
        return (self.scan(source) for source in sources)

    def _look(
        self, medium: Medium, watch: Stopwatch, moments: Sequence[float] | None
    ) -> Observations:
        """Read as many frames as it takes, or those at given moments."""
        first = self.settings.sampling() if moments is None else media.at_moments(moments)
        with watch.stage("read"):
            later = later_looks(self.settings, self.rule) if moments is None else ()
            frames = medium.open(first, watch.check, later)
        seen = Observations(frames, self.settings, self.rule)
        self._read(seen, watch)
        again = frames.again
        if again is None:
            return seen
        faces = (face for look in seen.looks.values() for face in look.sight.faces)
        if not any(face.confidence >= UPRIGHT for face in faces):
            with watch.stage("read"):
                few = list(again(media.Sampling("spread", 4)))
            with watch.stage("detect"):
                turn = find_turn(self.face_detector, few)
            if turn:
                seen = Observations(again(first), self.settings, self.rule, turn)
                self._read(seen, watch)
        if self.settings.sample != "adaptive" or seen.is_still or moments is not None:
            return seen

        def look_again(choice: media.Choice, even: bool) -> None:
            seen.frames = again(media.without(seen.looks, choice))
            self._read(seen, watch, even)

        if needs_more(seen):
            look_again(self.settings.sampling(last=True), even=True)
        if moments := suspicious_moments(seen):
            look_again(media.at_moments(moments), even=False)
        for _ in range(2):  # looks between two others show more nearly where an edge is
            if wanted := frames_at_edges(seen):
                look_again(media.at_positions(wanted), even=False)
        return seen

    def _read(self, seen: Observations, watch: Stopwatch, even: bool = True) -> None:
        """One pass over the file."""
        expected = int(self.settings.frames)
        for chunk in watch.chunks(seen.frames, self.settings.batch_size, expected):
            watch.check()
            seen.size = (chunk[0].image.shape[1], chunk[0].image.shape[0])
            if seen.is_still:
                seen.blockiness = blockiness(chunk[0].image)
            upright = [turn_frame(frame, seen.turn) for frame in chunk]
            with watch.stage("detect"):
                found = follow_faces(self.face_detector, upright, self.settings.search_every)
            with watch.stage("score"):
                seen.add(self._looks(upright, found, seen), even)
        seen.lost = max(seen.lost, seen.frames.lost)

    def _looks(
        self, frames: Sequence[media.Frame], found: Sequence[list[Face]], seen: Observations
    ) -> Iterator[Look]:
        limit, rotated = self.settings.min_face, list[Flag](["rotated"] if seen.turn else [])
        pairs = [(f, face) for f, theirs in zip(frames, found, strict=True) for face in theirs]
        large = np.array([not is_small(face, limit) for _, face in pairs], dtype=bool)
        scores = np.full((len(pairs), len(self.networks)), np.nan)
        maps = np.full(len(pairs), None, dtype=object)
        scores[large], maps[large] = self._score([pairs[i] for i in np.flatnonzero(large)])
        ends = np.cumsum([len(faces) for faces in found])[:-1]
        parts = frames, found, np.split(scores, ends), np.split(maps, ends)
        for frame, faces, theirs, shown in zip(*parts, strict=True):
            flags = [face_flags(frame.image, face, limit, self._margin) for face in faces]
            sight = look_at(frame, faces, alone=seen.is_still)
            quality = tuple((*each, *rotated) for each in flags)
            yield Look(sight, theirs, quality, tuple(shown))

    def _score(
        self, pairs: Sequence[tuple[media.Frame, Face]]
    ) -> tuple[NDArray[np.float64], list[PlaceMap | None]]:
        """Probabilities of forgery of N faces, each with its frame, (N, networks), and maps."""
        scores, maps = [np.zeros((0, len(self.networks)))], list[PlaceMap | None]()
        for start in range(0, len(pairs), self.settings.batch_size):
            batch = pairs[start : start + self.settings.batch_size]
            crops = {  # a cut that several detectors share is made once
                crop: np.stack([crop.cut(frame.image, face) for frame, face in batch])
                for crop in {network.crop for network in self.networks}
            }
            judged = [network.judge(crops[network.crop]) for network in self.networks]
            scores.append(np.stack([column for column, _ in judged], axis=1))
            maps += self._maps(batch, [places for _, places in judged])
        return np.concatenate(scores), maps

    def _maps(
        self,
        batch: Sequence[tuple[media.Frame, Face]],
        places: Sequence[NDArray[np.float32] | None],
    ) -> list[PlaceMap | None]:
        """The map of each face, by the first network that has maps, (N, h, w)."""
        for network, tables in zip(self.networks, places, strict=True):
            if tables is not None:
                areas = [network.crop.corners(face, f.image.shape[:2]) for f, face in batch]
                pairs = zip(tables, areas, strict=True)
                return [PlaceMap.of(table, area.tolist()) for table, area in pairs]
        return [None] * len(batch)

    def _conclude(self, verdict: Callable[..., Verdict], seen: Observations) -> Verdict:
        """The verdict on the file: forged if anybody is, real only if everybody is."""
        tracks, dropped = seen.tracks()
        judged = [track.status for track in tracks if track.score is not None]
        worst = max(judged, key=VERDICTS.index, default=None)
        found = verdict(
            status=file_status(worst, bool(tracks), bool(seen.lost or seen.frames.truncated)),
            verdict=worst,
            score=max((track.score for track in tracks if track.score is not None), default=None),
            kind=seen.frames.kind,
            duration=seen.frames.duration,
            size=seen.size,
            turn=seen.turn,
            frames=len(seen.looks),
            frames_with_face=len({face.frame for track in tracks for face in track.faces}),
            dropped=dropped,
            lost=seen.lost,
            quality=seen.quality,
            tracks=tuple(tracks),
        )
        reason, remedy = give_reason(found, seen.frames.truncated, self.settings.min_face)
        return replace(found, reason=reason, remedy=remedy)


def _warn_of_chance(card: Card) -> str:
    """A sentence about a detector that is no better than a coin on its own validation split."""
    validation = card.metrics.get("validation")
    area = validation.get("val_auc") if isinstance(validation, dict) else None
    if not isinstance(area, int | float) or area >= AT_CHANCE:
        return ""
    what = f"is at chance on its own validation split (AUC {area:.2f}): its scores say nothing"
    return f"The detector {card.detector} {what}."
