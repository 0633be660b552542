"""What a scan says of a face, of a person through a shot, and of a file."""

from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from telltrace.evidence.findings import Finding
from telltrace.evidence.likelihood import Likelihood
from telltrace.faces.media import Status
from telltrace.files.plain import from_plain
from telltrace.inference.places import PlaceMap
from telltrace.inference.rule import VERDICTS
from telltrace.inference.timeline import Span, Stretch

if TYPE_CHECKING:
    from telltrace.faces.detect import Face


class Seen(NamedTuple):
    """What a look rests on: enough to cut the same face again, and to judge without the look."""

    face: "Face"
    """In the upright frame, which is the file's turned to the left by ``Verdict.turn`` quarters."""
    scores: tuple[float, ...]
    """The score of every network, before those of an ensemble become one."""
    even: bool
    """Whether it is one of the looks spread evenly, which count for the whole."""


@dataclass(frozen=True, kw_only=True)
class FaceVerdict:
    """One face in one frame."""

    status: Status
    """FAKE, REAL or UNCERTAIN; FACE_TOO_SMALL where nothing can be said."""
    score: float | None
    """The probability of forgery if one face in two were forged; None where nothing can be said."""
    smoothed: float | None = None
    """The score smoothed over the looks before and after."""
    frame: int
    time: float = field(metadata={"digits": 3})
    """Seconds from the start; 0 in a picture."""
    box: tuple[float, float, float, float] = field(metadata={"digits": 1})
    """Left, top, right, bottom, in pixels."""
    confidence: float = field(metadata={"digits": 4})
    """Probability that this is a face at all."""
    quality: tuple[str, ...] = ()
    """What makes it hard to judge: small, blurred, dark, turned, cut, rotated."""
    map: PlaceMap | None = None
    """Where the detector sees a paste; None of one that has no map, and without a score."""
    seen: Any = field(default=None, compare=False, repr=False, metadata={"plain": 0})
    """A `Seen` right after a scan; no part of the plain data, so None in what is read back."""

    @property
    def side(self) -> float:
        """The longer side of the box, in pixels."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    @property
    def suspicion(self) -> float:
        """High where the face itself looks forged, and those before and after it do."""
        return -1.0 if self.score is None else self.score + (self.smoothed or 0.0)


@dataclass(frozen=True, kw_only=True)
class TrackVerdict:
    """One person through one shot."""

    status: Status
    score: float | None
    """That of the mean of all looks; None where no look gave a score."""
    scores: tuple[float, ...] = ()
    """The mean score of each detector, where there are several."""
    likelihood: Likelihood | None = None
    """What ``score`` says as evidence; None where the card does not know it, and where something
    else than the score decided: a stretch, a conflict, heavy compression."""
    errors: str = ""
    """How often such a verdict was wrong on validation files like this one; "" if not measured."""
    disagreement: str = ""
    """Who says what, where the detectors of an ensemble take different sides."""
    conflict: bool = False
    """Whether they are further apart than was measured: ``status`` is then UNCERTAIN."""
    throughout: Status | None = None
    """Whether the person is forged throughout, by ``score`` alone; None without a score."""
    stretch: Stretch | None = None
    """The most suspicious stretch of seconds, where it is suspicious; `status` says how much."""
    start: float = field(init=False, metadata={"digits": 3})
    end: float = field(init=False, metadata={"digits": 3})
    """Seconds of the first and the last look."""
    forged: tuple[Span, ...] = ()
    """The seconds in which the face looks forged."""
    quality: tuple[str, ...] = ()
    """What makes most of its looks hard to judge."""
    map: PlaceMap | None = None
    """The mean of the maps of all looks."""
    faces: tuple[FaceVerdict, ...]
    """In the order of time, one a frame at most."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", self.faces[0].time)
        object.__setattr__(self, "end", self.faces[-1].time)

    @property
    def suspicion(self) -> float:
        """The score of the whole or of the stretch, whichever is higher."""
        return max(self.score or 0.0, self.stretch.score if self.stretch else 0.0)

    @property
    def evidence(self) -> str:
        """What the score says, and how often validation files like this one were misjudged."""
        said = self.likelihood.sentence if self.likelihood else ""
        return " ".join(filter(None, [said, self.errors]))

    @property
    def peak(self) -> FaceVerdict:
        """The most suspicious look."""
        return max(self.faces, key=lambda face: face.suspicion)


@dataclass(frozen=True, kw_only=True, repr=False)
class Verdict:
    """One file: what could be said of it, and on what grounds."""

    path: Path
    """The file; a name in angle brackets for what was given in memory."""
    status: Status
    """The verdict, or why there is none; PARTIAL where the verdict rests on a part of the file."""
    verdict: Status | None = None
    """FAKE, REAL or UNCERTAIN; None where nothing could be judged."""
    score: float | None = None
    """The highest of all tracks; None without a verdict. A person forged for a stretch alone can
    decide the verdict with a low score: the stretch has its own."""
    kind: str | None = None
    """"image" or "video"."""
    duration: float = field(default=0.0, metadata={"digits": 3})
    """Seconds; 0 for an image."""
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    turn: int = field(default=0, compare=False, metadata={"plain": 0})
    """Quarters by which its frames were turned to the left; no part of the plain data."""
    frames: int = 0
    frames_with_face: int = 0
    """Of those looked at."""
    dropped: int = 0
    """Tracks that were hardly faces, seen and not judged."""
    lost: int = 0
    """Packets or pictures that could not be decoded."""
    quality: tuple[str, ...] = ()
    """What makes the whole file hard to judge: compressed."""
    reason: str = ""
    remedy: str = ""
    warnings: tuple[str, ...] = ()
    """What speaks against the detectors themselves, such as being at chance on their validation."""
    sha256: str | None = None
    """Of the file; None where there is none that can be read."""
    detectors: tuple[str, ...] = ()
    """SHA-256 of each detector's checkpoint; empty for one that was made in memory."""
    tracks: tuple[TrackVerdict, ...] = ()
    """In the order in which they begin."""
    provenance: tuple[Finding, ...] = ()
    """What the file says of its origin, beside its pixels. No part of any score."""
    seconds: dict[str, float] = field(default_factory=dict, compare=False, metadata={"plain": 0})
    """Time spent: read, detect, score. No part of the plain data, which stay the same bytes."""

    def __repr__(self) -> str:
        said = [] if self.verdict in (self.status, None) else [str(self.verdict)]
        said += [] if self.score is None else [f"score {self.score:.3f}"]
        said += [f"{len(self.tracks)} tracks in {self.frames} frames"] if self.frames else []
        return f"Verdict({str(self.path)!r}: {', '.join([str(self.status), *said])}; {self.reason})"

    @property
    def faces(self) -> tuple[FaceVerdict, ...]:
        """All faces of all tracks, in the order of the frames."""
        faces = [face for track in self.tracks for face in track.faces]
        return tuple(sorted(faces, key=lambda face: face.frame))

    @property
    def worst(self) -> TrackVerdict | None:
        """The track that decides, the most suspicious; None where none could be judged."""
        judged = [track for track in self.tracks if track.score is not None]
        return max(judged, key=lambda t: (VERDICTS.index(t.status), t.suspicion), default=None)

    def to_dict(self) -> dict[str, Any]:
        """Plain data in a stable order, as the JSON schema in this package describes it.

        The same file, settings, detectors and processor give the same data.
        """
        return dict(_plain(self))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Verdict":
        """Read back plain data, rounded as they are; fields that older ones lack stay empty."""
        known = {part.name for part in fields(cls)}
        return from_plain(cls, {k: v for k, v in values.items() if k in known})


def _plain(value: Any, digits: int = 6) -> Any:
    """Lists and dictionaries for tuples and dataclasses; numbers rounded to what is meaningful."""
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, PlaceMap):
        return value.to_dict()
    if isinstance(value, Status | Path):
        return str(value)
    if isinstance(value, Span | Stretch):
        return {name: round(number, digits) for name, number in value._asdict().items()}
    if isinstance(value, tuple):
        return [_plain(item, digits) for item in value]
    if is_dataclass(value):
        shown = [part for part in fields(value) if part.metadata.get("plain", True)]
        return {f.name: _plain(getattr(value, f.name), f.metadata.get("digits", 6)) for f in shown}
    return value
