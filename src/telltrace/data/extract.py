"""One medium in, a folder with its face crops out: there whole, or not there at all."""

import math
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from ..faces.align import FaceCrop
from ..faces.detect import Face, create_face_detector
from ..faces.media import Frame, Frames, MediaError, Sampling, Status
from ..faces.reader import open_media
from ..faces.track import choose_face
from ..jobs.pool import Lost
from .extraction import Extraction, ExtractJob, ExtractSettings, write_mark

BATCH_FRAMES: Final = 16
BATCH_BYTES: Final = 2**27


class CutFace(NamedTuple):
    """One crop of a medium: frame, face in it, and the frame's height and width in pixels."""

    frame: int
    face: Face
    size: tuple[int, int]


def run_extract(job: ExtractJob) -> Extraction:
    """Write the crops of one medium aside, then move them into place in one step."""
    aside = Path(job.unfinished) / f"{os.getpid()}-{Path(job.folder).name[:80]}"
    folder = Path(job.folder)
    with _writing(folder):
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        try:
            found = _extract(job, aside)
        except MediaError as error:
            found = Extraction(str(error.status), error.message, error.remedy)
        except OutputError:
            raise
        except Exception as error:  # one bad file must not stop the others
            reason = f"could not be processed ({type(error).__name__}: {error})"
            found = Extraction(str(Status.UNREADABLE), reason, "Report this file as a defect")
        write_mark(aside, job, found)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside.rename(folder)
    return found


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """What fails here is the disk's fault, not the medium's."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        reason = f"the crops cannot be written ({error.strerror or error})"
        remedy = "Make room or choose another folder, then run the same command again to go on."
        raise OutputError(reason, remedy=remedy, path=path) from None


def lose_medium(_: ExtractJob, how: Lost) -> Extraction:
    """What is said of a medium that took its process with it, or took too long."""
    if how.why == "timeout":
        reason = f"was not prepared within {how.cause}"
        return Extraction(str(Status.TIMEOUT), reason, "Leave it out, or take fewer of its frames")
    reason = "ended the process that read it (a crash in a decoder, or not enough memory)"
    return Extraction(str(Status.UNREADABLE), reason, "Leave it out, or try with fewer workers")


def _extract(job: ExtractJob, folder: Path) -> Extraction:
    frames = open_media(job.path, job.settings.sampling)
    found = Extraction()
    previous: Face | None = None
    cuts: list[CutFace] = []
    whole = job.settings.crop.alignment == "whole"
    for batch in in_batches(islice(frames, job.settings.limit)):
        images = [frame.image for frame in batch]
        looked = [[_picture(one)] for one in images] if whole else _detector().detect(images)
        for frame, faces in zip(batch, looked, strict=True):
            chosen = [choose_face(faces, previous)] if faces else []
            if job.settings.faces == "all":
                chosen = faces  # the largest and surest first
            elif chosen:
                previous = chosen[0]
            found.with_face += bool(faces) and not whole
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
        how = "it ends early, " * frames.truncated + f"{frames.lost} packets lost"
        found.reason = f"is damaged ({how}); {found.read} frames were read"
        found.remedy = "Copy or download it again, or keep what could be read"


_detector = cache(create_face_detector)


def _picture(image: NDArray[np.uint8]) -> Face:
    """A whole picture, in which no face is looked for."""
    height, width = image.shape[:2]
    return Face((0.0, 0.0, float(width), float(height)), np.full((5, 2), np.nan, np.float32), 1.0)


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
    crop, name = settings.crop, f"{frame.index:06d}{suffix}.png"
    square = crop.square(face, frame.image.shape[:2]) if crop.alignment == "box" else ()
    _write_png(folder / name, crop.cut(frame.image, face))
    about = {"file": name, "frame": int(frame.index), "time": round(float(frame.time), 6)}
    if crop.alignment == "whole":
        return about
    return about | {
        "box": " ".join(f"{v:.2f}" for v in face.box),
        "landmarks": " ".join(f"{v:.2f}" for v in np.asarray(face.landmarks).ravel()),
        "square": " ".join(map(str, square)),
        "confidence": round(float(face.confidence), 6),
    }


def _write_masks(job: ExtractJob, found: Extraction, cuts: list[CutFace], folder: Path) -> None:
    """Cut the mask of every crop and name it beside the crop's file; tell of those without."""
    try:
        for number, mask in cut_masks(job.mask, cuts, job.settings.crop):
            entry = found.faces[number]
            entry["mask"] = f"{Path(entry['file']).stem}.mask.png"
            _write_png(folder / entry["mask"], mask)
        reason = f"{job.mask} has no frame for {{}} of {len(cuts)} crops"
    except MediaError as error:
        reason = f"{error.path} {error.message} ({{}} of {len(cuts)} crops are without)"
    lacking = sum("mask" not in entry for entry in found.faces)
    if lacking and not found.status:
        found.status = str(Status.PARTIAL)
        found.reason = f"is read, but its mask is not whole: {reason.format(lacking)}"
        found.remedy = "Download the mask again, or leave it out of the manifest"


def _write_png(file: Path, image: NDArray[np.uint8]) -> None:
    """A picture, (H, W, 3) RGB or (H, W) grey."""
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)
    content = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    with _writing(file):
        file.write_bytes(content)


def cut_masks(
    path: str, cuts: Sequence[CutFace], crop: FaceCrop
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Read a mask once and cut from it what was cut from its medium, in the order of the frames.

    Values stay as they are, 0 untouched to 255 forged. Each crop, (size, size), comes with its
    position in ``cuts``, unless the mask has no such frame. A mask that cannot be read, or has
    another shape than the medium, is a MediaError.
    """
    wanted: dict[int, list[int]] = defaultdict(list)
    for number, cut in enumerate(cuts):
        wanted[cut.frame].append(number)
    last = max(wanted, default=-1)
    for frame in open_media(path, Sampling("all")):
        for number in wanted.get(frame.index, ()):
            picture, (height, width) = frame.image, cuts[number].size
            own = picture.shape[0] / picture.shape[1]
            if not math.isclose(own, height / width, rel_tol=0.01):  # it lies on something else
                shape = f"{picture.shape[1]}x{picture.shape[0]}"
                reason = f"is {shape} pixels where its medium is {width}x{height}"
                raise MediaError(path, reason, "Give the mask at the size of the medium")
            if picture.shape[:2] != (height, width):
                fitted = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
                picture = fitted.astype(np.uint8, copy=False)
            cut_out = crop.cut(picture, cuts[number].face)
            yield number, cv2.cvtColor(cut_out, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
        if frame.index >= last:
            break
