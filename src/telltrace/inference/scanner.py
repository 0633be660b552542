"""From a file to a verdict: read, find faces, cut, score, conclude."""

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from telltrace.checkpoint import Judge
from telltrace.faces.detect import Face, FaceDetector
from telltrace.faces.media import Frame, Frames, MediaError, Sampling, Status
from telltrace.faces.reader import open_media
from telltrace.inference.verdict import FaceVerdict, FileVerdict, file_score, judge_score


@dataclass
class Scanner:
    """Judges one file after another with a fixed detector and fixed settings."""

    judge: Judge
    detector: FaceDetector
    sampling: Sampling = field(default_factory=Sampling)
    batch_size: int = 16
    """Frames that are held in memory and processed together."""
    min_face: float = 40.0
    """Faces whose box is narrower or lower than this many pixels get no score."""

    def scan(self, path: Path) -> FileVerdict:
        """Judge a picture or a video; whatever is wrong with it becomes a status."""
        clock = dict.fromkeys(("read", "detect", "score"), 0.0)
        try:
            frames = open_media(path, self.sampling)
            faces: list[FaceVerdict] = []
            with_face = 0
            for chunk in _timed(_chunks(frames, self.batch_size), clock):
                found = self._faces(chunk, clock)
                with_face += len({face.frame for face in found})
                faces += found
        except MediaError as error:
            return FileVerdict(
                path=path, status=error.status, reason=error.reason, remedy=error.remedy
            )
        return self._conclude(path, frames, tuple(faces), with_face, clock)

    def _faces(self, frames: Sequence[Frame], clock: dict[str, float]) -> list[FaceVerdict]:
        start = time.perf_counter()
        found = self.detector.detect([frame.image for frame in frames])
        clock["detect"] += time.perf_counter() - start
        start = time.perf_counter()
        pairs = [
            (frame, face) for frame, faces in zip(frames, found, strict=True) for face in faces
        ]
        scores = self._scores([pair for pair in pairs if self._is_large(pair[1])])
        verdicts = [
            self._verdict(frame, face, next(scores) if self._is_large(face) else None)
            for frame, face in pairs
        ]
        clock["score"] += time.perf_counter() - start
        return verdicts

    def _is_large(self, face: Face) -> bool:
        left, top, right, bottom = face.box
        return min(right - left, bottom - top) >= self.min_face

    def _scores(self, pairs: Sequence[tuple[Frame, Face]]) -> Iterator[float]:
        crop = self.judge.card.preprocessing.crop
        for start in range(0, len(pairs), self.batch_size):
            batch = pairs[start : start + self.batch_size]
            crops = np.stack([crop.cut(frame.image, face) for frame, face in batch])
            yield from self.judge.score(crops).tolist()

    def _verdict(self, frame: Frame, face: Face, score: float | None) -> FaceVerdict:
        calibration = self.judge.card.calibration
        status = Status.FACE_TOO_SMALL if score is None else judge_score(score, calibration)
        return FaceVerdict(
            status=status,
            score=score,
            frame=frame.index,
            time=frame.time,
            box=face.box,
            confidence=face.confidence,
        )

    def _conclude(
        self,
        path: Path,
        frames: Frames,
        faces: tuple[FaceVerdict, ...],
        with_face: int,
        clock: dict[str, float],
    ) -> FileVerdict:
        score = file_score(faces)
        verdict = None if score is None else judge_score(score, self.judge.card.calibration)
        status, reason, remedy = self._status(verdict, frames, faces)
        return FileVerdict(
            path=path,
            status=status,
            verdict=verdict,
            score=score,
            kind=frames.kind,
            faces=faces,
            frames=frames.read,
            frames_with_face=with_face,
            lost=frames.lost,
            reason=reason,
            remedy=remedy,
            seconds=clock,
        )

    def _status(
        self, verdict: Status | None, frames: Frames, faces: tuple[FaceVerdict, ...]
    ) -> tuple[Status, str, str]:
        if verdict is None and faces:
            return (
                Status.FACE_TOO_SMALL,
                f"shows only faces smaller than {self.min_face:g} pixels",
                "Give a larger picture, or lower --min-face at the price of reliability",
            )
        if verdict is None:
            return (
                Status.NO_FACE,
                f"shows no face in {frames.read} frame{'s' * (frames.read != 1)}",
                "Check that a face is visible and upright, or look at more frames with --frames",
            )
        if frames.lost or frames.truncated:
            what = "it ends early" if frames.truncated else f"{frames.lost} packets are damaged"
            return (
                Status.PARTIAL,
                f"could be read only in part ({what})",
                "Get an undamaged copy to judge the rest",
            )
        return verdict, "", ""


def find_media(paths: Iterable[Path]) -> list[Path]:
    """Files as they are named, folders as all files below them in a fixed order.

    Raises:
        ValueError: If a path does not exist, or a folder holds no file; the message names it.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if not p.is_dir() and not _hidden(p, path))
            if not inside:
                raise ValueError(f"{path}: the folder holds no file. Name a folder with media.")
            found += inside
        elif path.exists() or path.is_symlink():
            found.append(path)
        else:
            raise ValueError(f"{path}: no such file or folder. Check the spelling.")
    return found


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _chunks(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    iterator = iter(frames)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


def _timed(chunks: Iterator[list[Frame]], clock: dict[str, float]) -> Iterator[list[Frame]]:
    """The same chunks; the time they take to come is added to ``clock["read"]``."""
    while True:
        start = time.perf_counter()
        chunk = next(chunks, None)
        clock["read"] += time.perf_counter() - start
        if chunk is None:
            return
        yield chunk
