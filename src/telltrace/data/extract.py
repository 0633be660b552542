"""One medium in, a folder with its face crops out: there whole, or not there at all."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ..faces.align import FaceCrop
from ..faces.detect import Face, FaceDetector, create_face_detector
from ..faces.media import Frame, MediaError, Sampling, Status
from ..faces.reader import open_media

MARK: Final = "faces.json"
"""The file that says what a folder of crops holds. It comes into being with the folder."""
BATCH_FRAMES: Final = 16
BATCH_BYTES: Final = 2**27
FORMAT_VERSION: Final = 1


@dataclass(frozen=True)
class ExtractSettings:
    """Everything that decides which crops come out of a medium."""

    crop: FaceCrop = field(default_factory=FaceCrop)
    sampling: Sampling = field(default_factory=Sampling)
    faces: Literal["one", "all"] = "one"
    """The one person that the video follows, or everybody in every frame."""
    jpeg_quality: int | None = None
    """None writes PNG, which keeps every pixel; 1 to 100 writes JPEG."""

    def __post_init__(self) -> None:
        if self.faces not in ("one", "all"):
            raise ValueError(f'faces must be "one" or "all", got {self.faces!r}.')
        if self.jpeg_quality is not None and not 1 <= self.jpeg_quality <= 100:
            raise ValueError(f"jpeg_quality must be 1 to 100, got {self.jpeg_quality}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        crop, sampling = self.crop.to_dict(), asdict(self.sampling)
        return {
            "crop": crop,
            "sampling": sampling,
            "faces": self.faces,
            "jpeg_quality": self.jpeg_quality,
        }

    def digest(self) -> str:
        """Changes whenever the crops would."""
        text = json.dumps([FORMAT_VERSION, self.to_dict()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass
class Extraction:
    """What came out of one medium, and why if nothing did."""

    status: str = ""
    """A ``Status``; "" if all went well."""
    reason: str = ""
    remedy: str = ""
    read: int = 0
    """Frames that were looked at."""
    with_face: int = 0
    lost: int = 0
    """Packets that could not be decoded."""
    faces: list[dict[str, Any]] = field(default_factory=list)
    """file, frame, time, box, landmarks and confidence of every crop."""


class OutputError(RuntimeError):
    """The crops cannot be written: a matter of the disk, not of the medium."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(path, error)  # both, so that it can be pickled
        self.path, self.error = path, error

    def __str__(self) -> str:
        return (
            f"{self.path}: the crops cannot be written ({self.error.strerror or self.error}). "
            "Make room or choose another folder, then run the same command again to go on."
        )


@dataclass(frozen=True)
class ExtractJob:
    """One medium and where its crops go."""

    path: str
    folder: str
    unfinished: str
    """Folder, on the same disk, for what is not complete yet."""
    settings: ExtractSettings
    device: str = "cpu"


def run_extract(job: ExtractJob) -> Extraction:
    """Do one job: write the crops aside, then move them into place in one step.

    Raises:
        OutputError: If the disk does not take them.
    """
    aside = Path(job.unfinished) / f"{os.getpid()}-{Path(job.folder).name[:80]}"
    folder = Path(job.folder)
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        found = _extract_or_explain(job, aside)
        mark = {"settings": job.settings.digest(), "source": fingerprint(job.path)}
        (aside / MARK).write_text(json.dumps(mark | asdict(found)), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside.rename(folder)
    except OSError as error:
        raise OutputError(folder, error) from None
    return found


def read_mark(folder: Path, path: str, settings: ExtractSettings) -> Extraction | None:
    """What an earlier run left in ``folder``, if it still holds; None if it must be done again.

    It holds if the settings and the medium are what they were, and every crop is there. Media
    that could not be read are tried again.
    """
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
        present = {entry.name for entry in os.scandir(folder)}
    except (OSError, ValueError):
        return None
    same = mark.pop("settings", None) == settings.digest()
    same &= mark.pop("source", None) == fingerprint(path)
    found = Extraction(**mark) if same else None
    if found is None or not present.issuperset(face["file"] for face in found.faces):
        return None
    return found if found.faces or found.status == Status.NO_FACE else None


def fingerprint(path: str) -> list[int] | None:
    """Size in bytes and time of change of a file; None if there is none."""
    try:
        stat = Path(path).stat()
    except (OSError, ValueError):
        return None
    return [stat.st_size, stat.st_mtime_ns]


def _extract_or_explain(job: ExtractJob, folder: Path) -> Extraction:
    """A medium that cannot be read is a finding; a disk that cannot be written is not."""
    try:
        return _extract(job, folder)
    except MediaError as error:
        return Extraction(str(error.status), error.reason, error.remedy)
    except OutputError:
        raise
    except Exception as error:  # one bad file must not stop the others
        reason = f"could not be processed ({type(error).__name__}: {error})"
        return Extraction(str(Status.UNREADABLE), reason, "Report this file as a defect")


def _extract(job: ExtractJob, folder: Path) -> Extraction:
    frames = open_media(job.path, job.settings.sampling)
    detector, found = _detector(job.device), Extraction()
    previous: Face | None = None
    for batch in in_batches(frames):
        for frame, faces in zip(batch, detector.detect([f.image for f in batch]), strict=True):
            chosen = [choose_face(faces, previous)] if faces else []
            if job.settings.faces == "all":
                chosen = sorted(faces, key=weight, reverse=True)
            elif chosen:
                previous = chosen[0]
            found.with_face += bool(faces)
            for number, face in enumerate(chosen):
                suffix = f"_{number}" if job.settings.faces == "all" else ""
                found.faces.append(_write_crop(frame, face, suffix, job.settings, folder))
    found.read, found.lost = frames.read, frames.lost
    if not found.faces:
        found.status = str(Status.NO_FACE)
        many = found.read > 1
        found.reason = f"shows no face in {found.read} frames" if many else "shows no face"
        found.remedy = f"Leave it out, or {'look at more frames' if many else 'enlarge it'}"
    elif frames.lost or frames.truncated:
        found.status = str(Status.PARTIAL)
        cut = "it ends early, " if frames.truncated else ""
        found.reason = (
            f"is damaged ({cut}{frames.lost} packets lost); {found.read} frames were read"
        )
        found.remedy = "Copy or download it again, or keep what could be read"
    return found


@cache
def _detector(device: str) -> FaceDetector:
    return create_face_detector(device=device)


def in_batches(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    """Group frames so that a batch is neither long nor large."""
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == BATCH_FRAMES or len(batch) * frame.image.nbytes >= BATCH_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def weight(face: Face) -> float:
    """Area times confidence: a large face that is surely one."""
    left, top, right, bottom = face.box
    return float((right - left) * (bottom - top) * face.confidence)


def choose_face(faces: list[Face], previous: Face | None = None) -> Face:
    """The face that a video follows.

    Of the faces that overlap the one chosen in the frame before, the largest; it is given up for
    a stranger only if that one is more than twice as large.
    """
    best = max(faces, key=weight)
    if previous is None:
        return best
    same = [face for face in faces if overlap(face, previous) >= 0.3]
    kept = max(same, key=weight, default=best)
    return kept if 2 * weight(kept) >= weight(best) else best


def overlap(a: Face, b: Face) -> float:
    """Intersection over union of two boxes."""
    width = min(a.box[2], b.box[2]) - max(a.box[0], b.box[0])
    height = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(f.box[2] - f.box[0]) * (f.box[3] - f.box[1]) for f in (a, b)]
    return float(shared / max(sum(areas) - shared, 1e-9))


def _write_crop(
    frame: Frame, face: Face, suffix: str, settings: ExtractSettings, folder: Path
) -> dict[str, Any]:
    image = settings.crop.cut(frame.image, face)
    name = f"{frame.index:06d}{suffix}.{'png' if settings.jpeg_quality is None else 'jpg'}"
    try:
        (folder / name).write_bytes(encode(image, settings.jpeg_quality))
    except OSError as error:
        raise OutputError(folder / name, error) from None
    return {
        "file": name,
        "frame": int(frame.index),
        "time": round(float(frame.time), 6),
        "box": " ".join(f"{v:.2f}" for v in face.box),
        "landmarks": " ".join(f"{v:.2f}" for v in np.asarray(face.landmarks).ravel()),
        "confidence": round(float(face.confidence), 6),
    }


def encode(image: NDArray[np.uint8], jpeg_quality: int | None) -> bytes:
    """A picture as a PNG file, or as a JPEG file of this quality."""
    kind, options = ".png", [cv2.IMWRITE_PNG_COMPRESSION, 1]
    if jpeg_quality is not None:
        kind, options = ".jpg", [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality]
    _, data = cv2.imencode(kind, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    return data.tobytes()
