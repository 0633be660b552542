"""What is kept of an upload for who looks at its verdict: judged frames, and the report."""

import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from telltrace.errors import MediaError
from telltrace.faces.media import Frame, at_positions
from telltrace.faces.reader import open_media
from telltrace.files import write_bytes, write_json
from telltrace.inference import Scanner, Verdict
from telltrace.inference.pictures import draw_maps, key_faces, mark_people, people_in

REPORT: Final = "report.html"
PICTURES: Final = "pictures.json"
MOST: Final = 48
"""Frames that are kept."""
SIDE: Final = 960
"""Pixels of the longer side of a kept frame, at most."""


def draw_results(verdict: Verdict, scanner: Scanner, folder: Path, name: str) -> None:
    """Write the report and the pictures of a file that was just judged, called ``name``."""
    from telltrace.inference.page import write_page  # imports matplotlib

    with suppress(MediaError, KeyError):  # a damaged file may give other frames the second time
        write_page(folder / REPORT, verdict, scanner, name)
    kept: list[dict[str, Any]] = []
    with suppress(MediaError):
        for frame in open_media(verdict.path, at_positions(_chosen(verdict))):
            kept.append(_keep(frame, verdict, folder, len(kept)))
    write_json(kept, folder / PICTURES)


def zip_marked(folder: Path) -> bytes:
    """The marked pictures of a job as one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:  # they are compressed already
        for entry in json.loads((folder / PICTURES).read_text()):
            name = f"{entry['index']:02d}.jpg"
            when = zipfile.ZipInfo(name)  # no time, so that the same pictures are the same bytes
            file.writestr(when, (folder / file_name(entry["index"], "marked")).read_bytes())
    return packed.getvalue()


def file_name(index: int, view: str) -> str:
    """The name of a picture within the folder of a job."""
    return f"{index}.{view}.jpg"


def _chosen(verdict: Verdict) -> list[int]:
    """Frames to keep: those that the report shows, and others spread over the time."""
    seen = sorted({face.frame for track in verdict.tracks for face in track.faces})
    if not seen:
        return [0] if verdict.kind == "image" else []
    shown = {face.frame for track in verdict.tracks for face in key_faces(track)}
    wanted = sorted(shown)[:MOST]
    others = [frame for frame in seen if frame not in wanted]
    places = np.linspace(0, len(others) - 1, min(MOST - len(wanted), len(others)))
    return sorted({*wanted, *(others[round(place)] for place in places.tolist())})


def _keep(frame: Frame, verdict: Verdict, folder: Path, index: int) -> dict[str, Any]:
    """Write the views of a frame; its entry in the list of pictures."""
    here = people_in(verdict, frame.index)
    faces = [face for *_, face in here]
    picture = _save(frame.image, folder / file_name(index, "frame"))
    _save(
        np.asarray(mark_people(frame.image, verdict, frame.index)),
        folder / file_name(index, "marked"),
    )
    has_map = any(face.map is not None for face in faces)
    if has_map:
        _save(draw_maps(frame.image, faces), folder / file_name(index, "map"))
    scale = picture[0] / frame.image.shape[1]
    return {
        "index": index,
        "time": frame.time if verdict.kind == "video" else None,
        "size": picture,
        "faces": [
            {
                "person": number,
                "box": [round(side * scale, 1) for side in face.box],
                "score": None if face.score is None else round(face.score, 6),
            }
            for number, _, face in here
        ],
        "map": has_map,
    }


def _save(image: NDArray[np.uint8], path: Path) -> tuple[int, int]:
    """Write a picture, shrunk if need be; its width and height."""
    picture, packed = Image.fromarray(np.ascontiguousarray(image)), io.BytesIO()
    picture.thumbnail((SIDE, SIDE))
    picture.save(packed, "JPEG", quality=88)
    write_bytes(packed.getvalue(), path)
    return picture.size
