"""Where and why: maps over faces and frames, the frames that speak, and regions, in one folder."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from telltrace.checkpoint import Detector
from telltrace.errors import DependencyError, MediaError, OptionError, OutputError
from telltrace.explanation.graded import best_method, grades_in_words, grades_of
from telltrace.explanation.methods import METHODS, check_method, explain_crops
from telltrace.explanation.regions import Maps, Share, mean_shares
from telltrace.faces.media import at_positions
from telltrace.faces.reader import open_media
from telltrace.faces.turned import turn_frame
from telltrace.files import atomic_write, write_json
from telltrace.inference.clip import write_clip
from telltrace.inference.scanner import Scanner
from telltrace.inference.speaking import Without, speaking_frames
from telltrace.inference.verdict import FaceVerdict, TrackVerdict, Verdict
from telltrace.inference.where import crop_regions, say_where
from telltrace.visualization import draw_heat

Pixels = NDArray[np.uint8]

SCHEMA: Final = "telltrace-explanation/1"
ACCOUNT: Final = "explanation.json"
CLIP: Final = "clip.mp4"


class Look(NamedTuple):
    """One judged face of one frame, with its map."""

    person: int
    """From 1."""
    face: FaceVerdict
    crop: Pixels
    """As the detector sees it, (S, S, 3)."""
    map: Maps
    """(h, w) in [0, 1]."""
    regions: dict[str, Share]
    """Empty where a published crop says nothing of where the landmarks lie."""


def explain_file(
    path: str | Path, scanner: Scanner, out: Path, method: str | None = None
) -> dict[str, Any]:
    """Scan a file, and write maps of its judged faces and which frames speak into a folder.

    The folder gets ``explanation.json``, which is returned too, ``frames/`` with whole frames, and
    for each person a folder with each cut face and their average. A video whose method is the
    detector's own map gets ``clip.mp4``, or the account says in ``no_clip`` why not. Faces without
    a score are not drawn; a file without any has its status, reason and remedy alone. What an
    earlier call wrote there is removed.

    Args:
        path: A picture or video.
        scanner: One with a single detector that is no ensemble.
        out: Folder to write to.
        method: A name of :data:`~telltrace.explanation.METHODS`; by default the one that grades
            best for the detector.

    Raises:
        OptionError: If the detector does not have the method.
        OutputError: If the file is one that would be replaced.
        MediaError: If the file is gone after the scan.
    """
    detector, *more = scanner.detectors
    if more:
        raise OptionError("Maps are of one detector", remedy="Give a single --checkpoint.")
    method = method or best_method(detector)
    check_method(detector, method)
    verdict = scanner.scan(path)
    _clear(out, verdict.path)
    looks = _draw(verdict, detector, method, out)
    story = _story(verdict, scanner, method)
    story["people"] = [
        _person(n, each, verdict, scanner, method) for n, each in sorted(looks.items())
    ]
    write_json(story, out / ACCOUNT)
    if method == "map" and (made := _clip(verdict, scanner, out / CLIP)):
        story |= made
        write_json(story, out / ACCOUNT)
    return story


def _clear(out: Path, path: Path) -> None:
    """Remove what an earlier call wrote, so that no picture stands beside an account of others."""
    old = [out / ACCOUNT, out / CLIP, *out.glob("frames/frame-*.png")]
    old += [*out.glob("person-*/frame-*.png"), *out.glob("person-*/average.png")]
    if path.resolve() in (one.resolve() for one in old):
        raise OutputError("is in the folder to write to", remedy="Give another --out.", path=path)
    for one in old:
        one.unlink(missing_ok=True)


def _draw(verdict: Verdict, detector: Detector, method: str, out: Path) -> dict[int, list[Look]]:
    """Write the pictures; the looks of each person."""
    looks: dict[int, list[Look]] = defaultdict(list)
    for frame, seen in explained_frames(verdict, detector, method):
        shape = frame.shape[:2]
        placed = [(one.map, detector.crop.corners(one.face.seen.face, shape)) for one in seen]
        _save(draw_heat(frame, placed), out / _frame_name(seen[0]))
        for one in seen:
            _save(_beside(one.crop, one.map), out / _face_name(one))
            looks[one.person].append(one)
    for number, each in looks.items():
        peak = max(each, key=lambda one: one.face.suspicion)
        mean = np.asarray(np.mean([one.map for one in each], axis=0), np.float32)
        _save(_beside(peak.crop, mean), out / f"person-{number}" / "average.png")
    return looks


def _clip(verdict: Verdict, scanner: Scanner, path: Path) -> dict[str, str]:
    """The name of the clip, or why there is none; {} where none is to be expected."""
    try:
        return {"clip": path.name} if write_clip(verdict, scanner, path) else {}
    except (MediaError, DependencyError) as error:
        return {"no_clip": str(error)}


def explained_frames(
    verdict: Verdict, detector: Detector, method: str
) -> Iterator[tuple[Pixels, list[Look]]]:
    """Each upright frame, (H, W, 3), of a verdict that has judged faces, with these and their maps.

    The verdict is one that a scan has just given, of a file that is still there.
    """
    there: dict[int, list[tuple[int, FaceVerdict]]] = defaultdict(list)
    for number, track in enumerate(verdict.tracks, 1):
        for face in track.faces:
            if face.score is not None:
                there[face.frame].append((number, face))
    if not there:
        return
    for frame in open_media(verdict.path, at_positions(there)):
        here = there.get(frame.index)
        if here is None:  # a damaged file may give another frame in its place
            continue
        image = turn_frame(frame, verdict.turn).image
        crops = [detector.crop.cut(image, face.seen.face) for _, face in here]
        maps = explain_crops(detector, crops, method)
        looks = []
        for one, crop, found in zip(here, crops, maps, strict=True):
            regions = crop_regions(found, detector.crop, one[1].seen.face, image.shape[:2])
            looks.append(Look(*one, crop, found, regions))
        yield image, looks


def _story(verdict: Verdict, scanner: Scanner, method: str) -> dict[str, Any]:
    """What is said of the file, and what its maps are worth."""
    (detector,) = scanner.detectors
    plain = verdict.to_dict()
    kept = ("path", "status", "verdict", "score", "reason", "remedy", "warnings", "sha256")
    return {
        "schema": SCHEMA,
        **{name: plain[name] for name in kept},
        "detector": {"name": detector.card.detector, "sha256": detector.sha256},
        "method": method,
        "meaning": f"High: {METHODS[method].meaning}.",
        "trust": grades_in_words(detector, method),
        "grades": {name: dict(grades) for name, grades in grades_of(detector, method).items()},
    }


def _person(
    number: int, looks: list[Look], verdict: Verdict, scanner: Scanner, method: str
) -> dict[str, Any]:
    """What the maps of one person add up to, and which frames speak."""
    track: TrackVerdict = verdict.tracks[number - 1]
    shares = mean_shares([look.regions for look in looks if look.regions])
    highest = max(float(look.map.max()) for look in looks)
    return {
        "person": number,
        "status": str(track.status),
        "score": track.score and round(track.score, 6),
        "average": f"person-{number}/average.png",
        "regions": _rounded(shares),
        "where": say_where(shares, highest, METHODS[method].is_probability),
        "highest": round(highest, 4),
        "speaking": _speaking(track, verdict, scanner),
        "looks": [
            {
                "frame": look.face.frame,
                "time": round(look.face.time, 3),
                "score": look.face.score and round(look.face.score, 6),
                "face": str(_face_name(look)),
                "picture": str(_frame_name(look)),
                "regions": _rounded(look.regions),
            }
            for look in looks
        ],
    }


def _speaking(track: TrackVerdict, verdict: Verdict, scanner: Scanner) -> dict[str, Any]:
    people = sum(one.score is not None for one in verdict.tracks)
    moving = verdict.kind == "video"
    found = speaking_frames(track, scanner.rule, people=people, moving=moving)
    return {
        "score": round(found.score, 6),
        "frames": [
            {"frame": face.frame, "time": round(face.time, 3), "without": _without(less)}
            for face, less in zip(found.faces, found.each, strict=True)
        ],
        "without_all": _without(found.together),
    }


def _without(less: Without) -> dict[str, Any] | None:
    if less.score is None:
        return None
    return {"score": round(less.score, 6), "status": str(less.status)}


def _rounded(shares: dict[str, Share]) -> dict[str, dict[str, float]]:
    return {
        name: {"evidence": round(share.evidence, 4), "area": round(share.area, 4)}
        for name, share in shares.items()
    }


def _face_name(look: Look) -> Path:
    return Path(f"person-{look.person}", f"frame-{look.face.frame:06d}.png")


def _frame_name(look: Look) -> Path:
    return Path("frames", f"frame-{look.face.frame:06d}.png")


def _beside(crop: Pixels, found: Maps) -> Pixels:
    """The face as it is, and with its map."""
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * len(crop)
    return np.hstack([crop, draw_heat(crop, [(found, corners)])])


def _save(picture: Pixels, path: Path) -> None:
    with atomic_write(path) as partial:
        Image.fromarray(picture).save(partial, format="PNG")
