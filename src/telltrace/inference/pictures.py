"""What a scan saw, to look at: frames with their faces marked, and faces cut out of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from telltrace.faces.align import FaceCrop
from telltrace.faces.detect import Face
from telltrace.faces.media import Positions
from telltrace.faces.reader import open_media
from telltrace.inference.verdict import FaceVerdict, FileVerdict, TrackVerdict

Pixels = NDArray[np.uint8]

THUMBNAIL = FaceCrop(size=112, margin=1.5)
"""How a face is cut to be looked at."""


def read_frames(path: Path, indices: Iterable[int]) -> dict[int, Pixels]:
    """Frames of a file again, by their places in it: a scan keeps no pictures of its own.

    Raises:
        MediaError: If the file is gone or has changed for the worse.
    """
    return {f.index: f.image for f in open_media(path, Positions(tuple(indices)))}


def key_faces(track: TrackVerdict, count: int = 5) -> list[FaceVerdict]:
    """The most suspicious look at a person and others spread over the time, in order."""
    peak = max(range(len(track.faces)), key=lambda i: _suspicion(track.faces[i]))
    places = np.linspace(0, len(track.faces) - 1, min(count, len(track.faces)))
    chosen = {round(place) for place in places.tolist()}
    if peak not in chosen:
        chosen.discard(min(chosen, key=lambda i: abs(i - peak)))
        chosen.add(peak)
    return [track.faces[i] for i in sorted(chosen)]


def peak_face(track: TrackVerdict) -> FaceVerdict:
    """The look at a person that is most suspicious."""
    return max(track.faces, key=_suspicion)


def thumbnail(image: Pixels, face: FaceVerdict) -> Pixels:
    """One face with a little of what surrounds it, (112, 112, 3)."""
    return THUMBNAIL.cut(image, Face(face.box, np.zeros((5, 2), np.float32), face.confidence))


def draw(verdicts: Sequence[FileVerdict], folder: Path) -> list[Path]:
    """Write one picture for each file that showed a face: its most suspicious frame, marked."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for number, verdict in enumerate(verdicts):
        if verdict.tracks:
            written.append(_draw_file(verdict, folder / f"{number:04d}_{verdict.path.stem}.png"))
    return written


def _draw_file(verdict: FileVerdict, path: Path) -> Path:
    frame = peak_face(verdict.worst or verdict.tracks[0]).frame
    mark(verdict, frame, read_frames(verdict.path, [frame])[frame]).save(path)
    return path


def mark(verdict: FileVerdict, frame: int, image: Pixels) -> Image.Image:
    """A frame with a box around each face that was judged in it."""
    from telltrace.visualization import draw_boxes

    here = [
        (number, face)
        for number, track in enumerate(verdict.tracks, 1)
        for face in track.faces
        if face.frame == frame
    ]
    here.sort(key=lambda pair: _suspicion(pair[1]))  # the worst is drawn last, over the others
    several = len(verdict.tracks) > 1
    captions = [
        str(face.status) * (face.score is not None)
        + (f" {face.score:.0%}" if (number, face) == here[-1] and face.score is not None else "")
        + (f" #{number}" if several else "")
        for number, face in here
    ]
    return draw_boxes(image, [face.box for _, face in here], captions)


def _suspicion(face: FaceVerdict) -> float:
    """High where a face itself looks forged, and those before and after it do."""
    unknown = face.smoothed is None or face.score is None
    return -1.0 if unknown else (face.smoothed or 0.0) + (face.score or 0.0)
