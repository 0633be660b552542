"""What a scan says of a face, of a person through a shot, and of a file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telltrace.faces.media import Status
from telltrace.inference.rule import Stretch
from telltrace.inference.timeline import Span

VERDICTS = (Status.FAKE, Status.REAL, Status.UNCERTAIN)


@dataclass(frozen=True, kw_only=True)
class FaceVerdict:
    """One face in one frame."""

    status: Status
    """FAKE, REAL or UNCERTAIN; FACE_TOO_SMALL where nothing can be said."""
    score: float | None
    """Probability that the face is forged; None where nothing can be said."""
    smoothed: float | None = None
    """The score smoothed over the looks at the same face before and after."""
    frame: int
    time: float
    """Seconds from the start; 0 in a picture."""
    box: tuple[float, float, float, float]
    """Left, top, right, bottom, in pixels."""
    confidence: float
    """Probability that this is a face at all."""
    quality: tuple[str, ...] = ()
    """What makes it hard to judge: small, blurred, dark, turned, cut, rotated."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, rounded to what is meaningful."""
        return {
            "status": str(self.status),
            "score": _rounded(self.score),
            "smoothed": _rounded(self.smoothed),
            "frame": self.frame,
            "time": round(self.time, 3),
            "box": [round(edge, 1) for edge in self.box],
            "confidence": round(self.confidence, 4),
            "quality": list(self.quality),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "FaceVerdict":
        left, top, right, bottom = values["box"]
        return cls(
            **{
                **values,
                "status": Status(values["status"]),
                "box": (left, top, right, bottom),
                "quality": tuple(values["quality"]),
            }
        )


@dataclass(frozen=True, kw_only=True)
class TrackVerdict:
    """One person through one shot."""

    status: Status
    score: float | None
    """Probability of forgery by the mean of all looks; None where no look gave a score."""
    scores: tuple[float, ...] = ()
    """The mean score of each detector of an ensemble."""
    throughout: Status | None = None
    """Whether the person is forged throughout, by ``score`` alone; None without a score."""
    stretch: Stretch | None = None
    """The most suspicious stretch of seconds, where it is suspicious; `status` says how much."""
    forged: tuple[Span, ...] = ()
    """The seconds in which the face looks forged."""
    quality: tuple[str, ...] = ()
    """What makes most of its looks hard to judge."""
    faces: tuple[FaceVerdict, ...]
    """In the order of time, one a frame at most."""

    @property
    def suspicion(self) -> float:
        """The score of the whole or of the stretch, whichever is higher."""
        return max(self.score or 0.0, self.stretch.score if self.stretch else 0.0)

    @property
    def start(self) -> float:
        """Seconds; the first look."""
        return self.faces[0].time

    @property
    def end(self) -> float:
        """Seconds; the last look."""
        return self.faces[-1].time

    def to_dict(self) -> dict[str, Any]:
        """Plain data in a stable order; ``start`` and ``end`` follow from the faces."""
        return {
            "status": str(self.status),
            "score": _rounded(self.score),
            "scores": [round(score, 6) for score in self.scores],
            "throughout": None if self.throughout is None else str(self.throughout),
            "stretch": self.stretch
            and {name: round(value, 6) for name, value in self.stretch._asdict().items()},
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "forged": [
                {name: round(value, 6) for name, value in span._asdict().items()}
                for span in self.forged
            ],
            "quality": list(self.quality),
            "faces": [face.to_dict() for face in self.faces],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrackVerdict":
        """Read back what :meth:`to_dict` wrote; older verdicts know of no stretch."""
        stretch, throughout = values.get("stretch"), values.get("throughout")
        return cls(
            throughout=None if throughout is None else Status(throughout),
            stretch=None if stretch is None else Stretch(**stretch),
            status=Status(values["status"]),
            score=values["score"],
            scores=tuple(values["scores"]),
            forged=tuple(Span(**span) for span in values["forged"]),
            quality=tuple(values["quality"]),
            faces=tuple(FaceVerdict.from_dict(face) for face in values["faces"]),
        )


@dataclass(frozen=True, kw_only=True)
class FileVerdict:
    """One file: what could be said of it, and on what grounds."""

    path: Path
    status: Status
    """The verdict, or why there is none; PARTIAL where the verdict rests on a part of the file."""
    verdict: Status | None = None
    """FAKE, REAL or UNCERTAIN; None where nothing could be judged."""
    score: float | None = None
    """The highest of all tracks; None without a verdict. A person forged for a stretch alone can
    decide the verdict with a low score: the stretch has its own."""
    kind: str | None = None
    """"image" or "video"."""
    duration: float = 0.0
    """Seconds; 0 for an image."""
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    tracks: tuple[TrackVerdict, ...] = ()
    """In the order in which they begin."""
    frames: int = 0
    """Frames looked at."""
    frames_with_face: int = 0
    dropped: int = 0
    """Tracks that were hardly faces, seen and not judged."""
    lost: int = 0
    """Packets or pictures that could not be decoded."""
    quality: tuple[str, ...] = ()
    """What makes the whole file hard to judge: compressed."""
    reason: str = ""
    remedy: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time spent: read, detect, score."""

    @property
    def faces(self) -> tuple[FaceVerdict, ...]:
        """All faces of all tracks, in the order of the frames."""
        faces = [face for track in self.tracks for face in track.faces]
        return tuple(sorted(faces, key=lambda face: face.frame))

    @property
    def worst(self) -> TrackVerdict | None:
        """The track that decides, and of equals the highest; None where none could be judged."""
        judged = [track for track in self.tracks if track.score is not None]
        order = (Status.REAL, Status.UNCERTAIN, Status.FAKE)
        return max(judged, key=lambda t: (order.index(t.status), t.suspicion), default=None)

    def to_dict(self) -> dict[str, Any]:
        """Plain data in a stable order, as the JSON schema in this package describes it."""
        return {
            "path": str(self.path),
            "status": str(self.status),
            "verdict": None if self.verdict is None else str(self.verdict),
            "score": _rounded(self.score),
            "kind": self.kind,
            "duration": round(self.duration, 3),
            "size": None if self.size is None else list(self.size),
            "frames": self.frames,
            "frames_with_face": self.frames_with_face,
            "dropped": self.dropped,
            "lost": self.lost,
            "quality": list(self.quality),
            "reason": self.reason,
            "remedy": self.remedy,
            "seconds": {stage: round(spent, 4) for stage, spent in self.seconds.items()},
            "tracks": [track.to_dict() for track in self.tracks],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "FileVerdict":
        """Read back what :meth:`to_dict` wrote, rounded as it is there."""
        verdict, size = values["verdict"], values["size"]
        parts = {
            "path": Path(values["path"]),
            "status": Status(values["status"]),
            "verdict": None if verdict is None else Status(verdict),
            "size": None if size is None else (size[0], size[1]),
            "quality": tuple(values["quality"]),
            "tracks": tuple(TrackVerdict.from_dict(track) for track in values["tracks"]),
        }
        return cls(**{**values, **parts})

    @classmethod
    def failed(cls, path: Path, status: Status, reason: str, remedy: str) -> "FileVerdict":
        """A file of which nothing can be said, and why."""
        return cls(path=path, status=status, reason=reason, remedy=remedy)


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 6)
