"""One medium in, a folder with its face crops out: there whole, or not there at all."""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from ..faces.detect import Face, FaceDetector, create_face_detector
from ..faces.media import Frame, Frames, MediaError, Status
from ..faces.reader import open_media
from ..faces.track import choose_face
from ..pools.pool import Lost
from .extraction import Extraction, ExtractSettings, write_mark
from .masks import CutFace, cut_masks

BATCH_FRAMES: Final = 16
BATCH_BYTES: Final = 2**27


@dataclass(frozen=True)
class ExtractJob:
    """One medium and where its crops go."""

    path: str
    folder: str
    unfinished: str
    """Folder, on the same disk, for what is not complete yet."""
    settings: ExtractSettings
    mask: str = ""
    """Picture or video of what was forged in the medium, frame by frame; "" if there is none."""


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
        write_mark(aside, found, job.path, job.mask, job.settings.digest())
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside.rename(folder)
    except OutputError:
        raise
    except OSError as error:
        raise _cannot_write(folder, error) from None
    return found


def lose_medium(_: ExtractJob, how: Lost) -> Extraction:
    """What is said of a medium that took its process with it, or took too long."""
    if how.why == "timeout":
        reason = f"was not prepared within {how.cause}"
        return Extraction(str(Status.TIMEOUT), reason, "Leave it out, or take fewer of its frames")
    return Extraction(
        str(Status.UNREADABLE),
        "ended the process that read it (a crash in a decoder, or not enough memory)",
        "Leave it out, or try again with fewer workers",
    )


def _extract_or_explain(job: ExtractJob, folder: Path) -> Extraction:
    """A medium that cannot be read is a finding; a disk that cannot be written is not."""
    try:
        return _extract(job, folder)
    except MediaError as error:
        return Extraction(str(error.status), error.message, error.remedy)
    except OutputError:
        raise
    except Exception as error:  # one bad file must not stop the others
        reason = f"could not be processed ({type(error).__name__}: {error})"
        return Extraction(str(Status.UNREADABLE), reason, "Report this file as a defect")


def _extract(job: ExtractJob, folder: Path) -> Extraction:
    frames = open_media(job.path, job.settings.sampling)
    detector, found = _detector(), Extraction()
    previous: Face | None = None
    cuts: list[CutFace] = []
    for batch in in_batches(islice(frames, job.settings.limit)):
        for frame, faces in zip(batch, detector.detect([f.image for f in batch]), strict=True):
            chosen = [choose_face(faces, previous)] if faces else []
            if job.settings.faces == "all":
                chosen = faces  # the largest and surest first
            elif chosen:
                previous = chosen[0]
            found.with_face += bool(faces)
            for number, face in enumerate(chosen):
                suffix = f"_{number}" if job.settings.faces == "all" else ""
                found.faces.append(_write_crop(frame, face, suffix, job.settings, folder))
                cuts.append(CutFace(frame.index, face, frame.image.shape[:2]))
    found.read, found.lost = frames.read, frames.lost
    _explain(found, frames)
    if job.mask and cuts:
        _write_masks(job, found, cuts, folder)
    return found


def _explain(found: Extraction, frames: Frames) -> None:
    """Say what is wrong with a medium that gave no face or is damaged."""
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


@cache
def _detector() -> FaceDetector:
    return create_face_detector()


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


def _write_crop(
    frame: Frame, face: Face, suffix: str, settings: ExtractSettings, folder: Path
) -> dict[str, Any]:
    crop = settings.crop
    image = crop.cut(frame.image, face)
    square = crop.square(face, frame.image.shape[:2]) if crop.alignment == "box" else ()
    name = f"{frame.index:06d}{suffix}.png"
    _write(folder / name, encode_png(image))
    return {
        "file": name,
        "frame": int(frame.index),
        "time": round(float(frame.time), 6),
        "box": " ".join(f"{v:.2f}" for v in face.box),
        "landmarks": " ".join(f"{v:.2f}" for v in np.asarray(face.landmarks).ravel()),
        "square": " ".join(map(str, square)),
        "confidence": round(float(face.confidence), 6),
    }


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise _cannot_write(file, error) from None


def _cannot_write(path: Path, error: OSError) -> OutputError:
    """A matter of the disk, not of the medium."""
    return OutputError(
        f"the crops cannot be written ({error.strerror or error})",
        remedy="Make room or choose another folder, then run the same command again to go on.",
        path=path,
    )


def _write_masks(job: ExtractJob, found: Extraction, cuts: list[CutFace], folder: Path) -> None:
    """Cut the mask of every crop and name it beside the crop's file; tell of those without."""
    try:
        for number, mask in cut_masks(job.mask, cuts, job.settings.crop):
            entry = found.faces[number]
            name = f"{Path(entry['file']).stem}.mask.png"
            _write(folder / name, encode_png(mask))
            entry["mask"] = name
        reason = f"{job.mask} has no frame for {{}} of {len(cuts)} crops"
    except MediaError as error:
        reason = f"{error.path} {error.message} ({{}} of {len(cuts)} crops are without)"
    lacking = sum("mask" not in entry for entry in found.faces)
    if lacking and not found.status:
        found.status = str(Status.PARTIAL)
        found.reason = f"is read, but its mask is not whole: {reason.format(lacking)}"
        found.remedy = "Download the mask again, or leave it out of the manifest"


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """A picture, (H, W, 3) RGB or (H, W) grey, as PNG."""
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
