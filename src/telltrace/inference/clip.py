"""A short clip of a video: its faces boxed, and where the detector sees a paste drawn in."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from telltrace.errors import DependencyError
from telltrace.faces.media import at_moments
from telltrace.faces.reader import open_media
from telltrace.files import atomic_write
from telltrace.inference.pictures import draw_maps
from telltrace.inference.scanner import Scanner
from telltrace.inference.verdict import FaceVerdict, TrackVerdict, Verdict
from telltrace.visualization import draw_boxes, with_legend
from telltrace.visualization.heat import SEEN

Pixels = NDArray[np.uint8]

SECONDS: Final = 10.0
"""Length at most, around the most suspicious moment."""
LOOKS: Final = 12.5
"""A second; between two of them boxes and areas move evenly, further apart they do not."""
RATE: Final = 25
"""Frames a second, at most."""
SIDE: Final = 720
"""Pixels of the longer side, at most."""
LIMITS: Final = {"crf": "23", "maxrate": "2M", "bufsize": "4M"}
"""Of the encoder: 2.5 MB in ten seconds, about, at most."""


def write_clip(
    verdict: Verdict,
    scanner: Scanner,
    path: Path,
    progress: Callable[[int, int], object] | None = None,
) -> bool:
    """Write up to ten seconds of a video as MP4 (H.264), whole or not at all; say if there are any.

    Faces are looked at again, `LOOKS` times a second: the score beside a box is that of this look.
    A face that gets no score has its box alone. The words below are the verdict and the score of
    the whole or of the worst stretch, whichever is higher. A picture, or a video without a judged
    face, gives no clip.

    Args:
        verdict: Of a video file that is still there.
        scanner: What gave it.
        path: Where to write to.
        progress: Is called with the number of frames written and how many there will be, about.

    Raises:
        MediaError: If the file is gone.
        DependencyError: If PyAV comes without an encoder of H.264.
    """
    if verdict.kind != "video" or verdict.worst is None:
        return False
    if "libx264" not in av.codecs_available:
        raise DependencyError("PyAV has no encoder of H.264", remedy="Run: pip install --force av")
    middle = verdict.worst.peak.time
    start = max(0.0, min(middle - SECONDS / 2, verdict.duration - SECONDS))
    end = min(start + SECONDS, max(verdict.duration, start + 1 / RATE))
    close = scanner.scan(verdict.path, moments=np.arange(start, end, 1 / LOOKS).tolist())
    said = f"{verdict.verdict} {verdict.worst.suspicion:.0%}"
    moments = np.arange(start, end, 1 / RATE)
    with atomic_write(path) as partial:
        frames = _drawn(verdict.path, moments.tolist(), close.tracks, said)
        _encode(frames, partial, lambda done: progress and progress(done, len(moments)))
    return True


def _drawn(
    path: Path, moments: Sequence[float], tracks: Sequence[TrackVerdict], said: str
) -> Iterator[tuple[float, Pixels]]:
    """The seconds and the picture of each frame, with the words and any map's legend below it."""
    mapped = any(face.map for track in tracks for face in track.faces)
    words = f"{SEEN} · {said}" if mapped else said
    for frame in open_media(path, at_moments(moments)):
        scale = min(1.0, SIDE / max(frame.image.shape))
        image = cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        each = [_face_at(track.faces, frame.time) for track in tracks]
        here = [_scaled(face, scale) for face in each if face is not None]
        scores = ["" if face.score is None else f"{face.score:.0%}" for face in here]
        drawn = draw_maps(np.asarray(image, np.uint8), here)
        boxed = draw_boxes(drawn, [face.box for face in here], scores)
        yield frame.time, np.asarray(with_legend(boxed, words, bar=mapped))


def _face_at(faces: Sequence[FaceVerdict], time: float) -> FaceVerdict | None:
    """Somebody at a moment: the last look, moved towards the next one if that follows soon."""
    place = bisect_right(faces, time + 1e-6, key=lambda face: face.time)
    before = faces[place - 1] if place else None
    if before is None or time - before.time > 1.5 / LOOKS:
        return None
    after = faces[place] if place < len(faces) else before
    apart = after.time - before.time
    if not 0 < apart <= 3 / LOOKS:
        return before
    share = (time - before.time) / apart
    left, top, right, bottom = _between(before.box, after.box, share).tolist()
    found = replace(before, box=(left, top, right, bottom))
    if found.map is None or after.map is None:
        return found
    corners = _between(found.map.corners, after.map.corners, share).tolist()
    return replace(found, map=replace(found.map, corners=tuple((x, y) for x, y in corners)))


def _between(one: object, other: object, share: float) -> NDArray[np.float64]:
    return (1 - share) * np.array(one, np.float64) + share * np.array(other, np.float64)


def _scaled(face: FaceVerdict, scale: float) -> FaceVerdict:
    """The face in a frame of another size."""
    left, top, right, bottom = (side * scale for side in face.box)
    found = replace(face, box=(left, top, right, bottom))
    if face.map is None:
        return found
    corners = tuple((x * scale, y * scale) for x, y in face.map.corners)
    return replace(found, map=replace(face.map, corners=corners))


def _encode(
    frames: Iterator[tuple[float, Pixels]], path: Path, tell: Callable[[int], object]
) -> None:
    """Write pictures of one size at their seconds, of which the first begins the file."""
    options = {"movflags": "+faststart"}
    with av.open(str(path), "w", format="mp4", options=options) as out:
        stream, first = None, 0.0
        for number, (time, picture) in enumerate(frames, 1):
            height, width = (side // 2 * 2 for side in picture.shape[:2])
            if stream is None:
                stream, first = out.add_stream("libx264", rate=RATE, options=LIMITS), time
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.codec_context.time_base = Fraction(1, 1000)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]))
            frame.pts, frame.time_base = round((time - first) * 1000), Fraction(1, 1000)
            out.mux(stream.encode(frame))
            tell(number)
        if stream is not None:
            out.mux(stream.encode())
