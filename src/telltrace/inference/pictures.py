"""What a scan saw, to look at: frames with their faces marked, and faces cut out of them."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from telltrace.faces.align import FaceCrop
from telltrace.faces.detect import Face
from telltrace.faces.media import at_positions
from telltrace.faces.reader import open_media
from telltrace.files import atomic_write
from telltrace.inference.verdict import FaceVerdict, TrackVerdict, Verdict

Pixels = NDArray[np.uint8]

THUMBNAIL = FaceCrop(size=112, margin=1.5)
"""How a face is cut to be looked at."""


def read_frames(path: Path, indices: Collection[int]) -> dict[int, Pixels]:
    """Frames of a file again, by their places in it, or a MediaError if the file is gone."""
    return {frame.index: frame.image for frame in open_media(path, at_positions(indices))}


def key_faces(track: TrackVerdict, count: int = 5) -> list[FaceVerdict]:
    """The most suspicious look at a person and others spread over the time, in order."""
    peak = track.faces.index(track.peak)
    places = np.linspace(0, len(track.faces) - 1, min(count, len(track.faces)))
    chosen = {round(place) for place in places.tolist()}
    if peak not in chosen:
        chosen.discard(min(chosen, key=lambda i: abs(i - peak)))
        chosen.add(peak)
    return [track.faces[i] for i in sorted(chosen)]


def thumbnail(image: Pixels, face: FaceVerdict) -> Pixels:
    """One face with a little of what surrounds it, (112, 112, 3)."""
    return THUMBNAIL.cut(image, Face(face.box, np.zeros((5, 2), np.float32), face.confidence))


def save_picture(verdict: Verdict, path: Path) -> None:
    """Write the most suspicious frame of a file with faces; one that is gone is a MediaError."""
    with atomic_write(path) as partial:
        worst_frame(verdict)[1].save(partial, format="PNG")


def worst_frame(verdict: Verdict) -> tuple[FaceVerdict, Image.Image]:
    """The most suspicious look, and its frame with each face boxed and its person's verdict."""
    from telltrace.visualization import with_legend

    peak = (verdict.worst or verdict.tracks[0]).peak
    image = read_frames(verdict.path, [peak.frame])[peak.frame]
    faces = [face for _, _, face in people_in(verdict, peak.frame)]
    marked = mark_people(draw_maps(image, faces), verdict, peak.frame)
    return peak, with_legend(marked) if any(face.map for face in faces) else marked


def people_in(verdict: Verdict, frame: int) -> list[tuple[int, TrackVerdict, FaceVerdict]]:
    """Who is seen in a frame, each with the number of the person; the most suspicious is last."""
    here = [
        (number, track, face)
        for number, track in enumerate(verdict.tracks, 1)
        for face in track.faces
        if face.frame == frame
    ]
    return sorted(here, key=lambda each: each[2].suspicion)


def mark_people(image: Pixels, verdict: Verdict, frame: int) -> Image.Image:
    """A copy of a frame with each face boxed and its person's verdict beside the box."""
    from telltrace.visualization import draw_boxes

    here, captions = people_in(verdict, frame), []
    for number, track, face in here:
        known = face.score is not None
        words = [str(track.status)] if known else []
        words += [f"{face.score:.0%}"] if known and face is here[-1][2] else []
        words += [f"#{number}"] if len(verdict.tracks) > 1 else []
        captions.append(" ".join(words))
    return draw_boxes(image, [face.box for *_, face in here], captions)


def draw_maps(image: Pixels, faces: Iterable[FaceVerdict]) -> Pixels:
    """A copy of a frame with where the detector sees a paste drawn over its faces, where known."""
    from telltrace.visualization import draw_heat

    maps = [face.map for face in faces if face.map is not None]
    return draw_heat(image, [(one.places, one.corners) for one in maps])


def keep_shown_maps(verdict: Verdict) -> Verdict:
    """The verdict with the maps of those faces alone that pages and pictures show."""
    if not verdict.tracks:
        return verdict
    marked = (verdict.worst or verdict.tracks[0]).peak.frame
    tracks = []
    for track in verdict.tracks:
        shown = {marked, *(face.frame for face in key_faces(track))}
        faces = (f if f.frame in shown else replace(f, map=None) for f in track.faces)
        tracks.append(replace(track, faces=tuple(faces)))
    return replace(verdict, tracks=tuple(tracks))
