"""What a scan says of a face and of a file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telltrace.checkpoint import Calibration
from telltrace.faces.media import Status

SCHEMA = "telltrace-scan/1"
VERDICTS = (Status.FAKE, Status.REAL, Status.UNCERTAIN)


@dataclass(frozen=True, kw_only=True)
class FaceVerdict:
    """One face in one frame."""

    status: Status
    """FAKE, REAL or UNCERTAIN; FACE_TOO_SMALL where nothing can be said."""
    score: float | None
    """Probability that the face is forged; None where nothing can be said."""
    frame: int
    time: float
    """Seconds from the start; 0 in a picture."""
    box: tuple[float, float, float, float]
    """Left, top, right, bottom, in pixels."""
    confidence: float
    """Probability that this is a face at all."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, rounded to what is meaningful."""
        return {
            "status": str(self.status),
            "score": None if self.score is None else round(self.score, 6),
            "frame": self.frame,
            "time": round(self.time, 3),
            "box": [round(edge, 1) for edge in self.box],
            "confidence": round(self.confidence, 4),
        }


@dataclass(frozen=True, kw_only=True)
class FileVerdict:
    """One file: what could be said of it, and on what grounds."""

    path: Path
    status: Status
    """The verdict, or why there is none; PARTIAL where the verdict rests on a part of the file."""
    verdict: Status | None = None
    """FAKE, REAL or UNCERTAIN; None where nothing could be judged."""
    score: float | None = None
    """Mean over the frames of the most suspicious face in each; None without a verdict."""
    kind: str | None = None
    """"image" or "video"."""
    faces: tuple[FaceVerdict, ...] = ()
    frames: int = 0
    """Frames looked at."""
    frames_with_face: int = 0
    lost: int = 0
    """Packets or pictures that could not be decoded."""
    reason: str = ""
    remedy: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    """Time spent: read, detect, score."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data in a stable order."""
        return {
            "path": str(self.path),
            "status": str(self.status),
            "verdict": None if self.verdict is None else str(self.verdict),
            "score": None if self.score is None else round(self.score, 6),
            "kind": self.kind,
            "frames": self.frames,
            "frames_with_face": self.frames_with_face,
            "lost": self.lost,
            "reason": self.reason,
            "remedy": self.remedy,
            "seconds": {stage: round(spent, 4) for stage, spent in self.seconds.items()},
            "faces": [face.to_dict() for face in self.faces],
        }


def judge_score(score: float, calibration: Calibration) -> Status:
    """FAKE, REAL, or UNCERTAIN between the two thresholds.

    Examples:
        >>> str(judge_score(0.7, Calibration(real_below=0.4, fake_from=0.6)))
        'FAKE'
    """
    if score >= calibration.fake_from:
        return Status.FAKE
    return Status.REAL if score < calibration.real_below else Status.UNCERTAIN


def file_score(faces: Sequence[FaceVerdict]) -> float | None:
    """Mean over the frames of the highest score in each; None when no face was scored.

    One forged face in a picture of several makes the picture forged, hence the maximum within
    a frame; one odd frame makes no forged video, hence the mean over frames.
    """
    worst: dict[int, float] = {}
    for face in faces:
        if face.score is not None:
            worst[face.frame] = max(face.score, worst.get(face.frame, 0.0))
    return sum(worst.values()) / len(worst) if worst else None
