"""A page about one file: what was found, when, in whose face, and all that the finding rests on."""

from html import escape
from pathlib import Path
from typing import Any, Final

from telltrace.faces.media import Status
from telltrace.files import file_sha256, write_bytes
from telltrace.inference.grounds import detector_facts, method_facts
from telltrace.inference.listing import people, why
from telltrace.inference.pictures import key_faces, mark, peak_face, read_frames, thumbnail
from telltrace.inference.scanner import Scanner
from telltrace.inference.timeline_plot import timeline_figure
from telltrace.inference.verdict import FaceVerdict, FileVerdict, TrackVerdict

TONES: Final = {Status.FAKE: "bad", Status.REAL: "good", Status.UNCERTAIN: "unsure"}
MOST: Final = 12
"""People who are drawn: the most suspicious; the table has them all."""


def write_report(path: Path, verdict: FileVerdict, scanner: Scanner) -> None:
    """Write the page; the same file, settings and detectors give the same bytes.

    Raises:
        OSError: If it cannot be written, or the judged file is gone.
    """
    text = report_page(verdict, scanner)
    write_bytes(text.encode(), path)


def report_page(verdict: FileVerdict, scanner: Scanner) -> str:
    """The page as HTML: no date and no time that anything took is in it."""
    from telltrace.visualization.page import page

    sections = [("Finding", _finding(verdict))]
    if verdict.tracks:
        if verdict.kind == "video" and verdict.worst is not None:
            sections.append(("Timeline", _timeline(verdict, scanner)))
        sections.append(("People", _people(verdict)))
    sections.append(("The file", _file(verdict)))
    sections += [(f"Detector {j.card.detector}", detector_facts(j)) for j in scanner.judges]
    sections.append(("How it was judged", method_facts(scanner)))
    return page(f"Scan of {verdict.path.name}", sections, lead=_headline(verdict))


def _headline(verdict: FileVerdict) -> str:
    """The verdict, why, and what to do: all that a hurried reader needs."""
    from telltrace.visualization.page import note, paragraph

    said = str(verdict.verdict or verdict.status)
    if verdict.score is not None:
        said += f" · {verdict.score:.1%} probability of forgery"
        worst = verdict.worst
        if worst and worst.stretch and worst.throughout != Status.FAKE:
            said += f", {worst.stretch.score:.1%} of a stretch"
    if verdict.status not in (verdict.verdict, said):
        said += f" · {verdict.status}"
    tone = TONES.get(verdict.verdict or verdict.status, "soft")
    headline = f'<p class="{tone}" style="font-size: 1.5rem"><strong>{escape(said)}</strong></p>'
    parts = [headline, paragraph(why(verdict))]
    if verdict.verdict is not None:
        parts.append(note("A score is a measurement by a detector with known weaknesses."))
    return "\n".join(parts)


def _finding(verdict: FileVerdict) -> str:
    from telltrace.visualization.page import embed_png, facts, figure

    flags = sorted({*verdict.quality, *(flag for t in verdict.tracks for flag in t.quality)})
    about = {
        "Status": verdict.status,
        "Frames looked at": verdict.frames,
        "Frames with a face": verdict.frames_with_face,
        "Faces followed": len(verdict.tracks),
        "Doubtful boxes left out": verdict.dropped,
        "Hard to judge": ", ".join(flags) or "nothing",
    }
    parts = [facts(about)]
    if verdict.tracks:
        frame = peak_face(verdict.worst or verdict.tracks[0])
        picture = mark(verdict, frame.frame, read_frames(verdict.path, [frame.frame])[frame.frame])
        picture.thumbnail((960, 960))
        when = f" at {frame.time:.2f} s" if verdict.kind == "video" else ""
        caption = f"The most suspicious frame{when}."
        parts.append(figure(embed_png(picture, alt="Faces marked in a frame"), caption))
    return "\n".join(parts)


def _shown(verdict: FileVerdict) -> dict[int, TrackVerdict]:
    """The most suspicious people by their numbers, the worst first."""
    judged = [(n, track) for n, track in enumerate(verdict.tracks, 1) if track.score is not None]
    return dict(sorted(judged, key=lambda pair: -pair[1].suspicion)[:MOST])


def _timeline(verdict: FileVerdict, scanner: Scanner) -> str:
    from telltrace.visualization.page import figure, svg

    zone, shown = scanner.rule.calibration, _shown(verdict)
    drawing = timeline_figure(shown, verdict.duration, zone.real_below, zone.fake_from)
    caption = (
        "Probability of forgery over time: a point for each look, a line for what smoothing makes "
        "of them. The grey zone lies between the thresholds of a single look; red are the seconds "
        "that look forged. The worst comes first."
    )
    left = sum(track.score is not None for track in verdict.tracks) - len(shown)
    more = f" Not drawn: {people(left)} with lower scores." if left else ""
    return figure(svg(drawing, alt="Scores of each person over time"), caption + more)


def _people(verdict: FileVerdict) -> str:
    from telltrace.visualization.page import table

    moving = verdict.kind == "video"
    columns = ["person", "status", "hard to judge", "score", "from s", "to s", "looks", "forged s"]
    rows = [_row(number, track) for number, track in enumerate(verdict.tracks, 1)]
    parts = [table(columns, rows, texts=3)]
    shown = _shown(verdict) or dict(list(enumerate(verdict.tracks, 1))[:MOST])
    wanted = {face.frame for track in shown.values() for face in key_faces(track)}
    frames = read_frames(verdict.path, wanted)
    for number, track in shown.items():
        score = "" if track.score is None else f" {track.score:.1%}"
        parts.append(f"<h3>Person {number}: {track.status}{score}</h3>")
        looks = "".join(_look(face, frames[face.frame], moving) for face in key_faces(track))
        parts.append(f'<div class="pictures">{looks}</div>')
    return "\n".join(parts)


def _look(face: FaceVerdict, frame: Any, moving: bool) -> str:
    from telltrace.visualization.page import embed_png, figure

    said = [f"{face.time:.2f} s"] if moving else []
    said += [] if face.score is None else [f"{face.score:.0%}"]
    alt = f"Face in frame {face.frame}"
    return figure(embed_png(thumbnail(frame, face), alt=alt), " · ".join([*said, *face.quality]))


def _row(number: int, track: TrackVerdict) -> list[object]:
    spans = ", ".join(f"{span.start:.2f} to {span.end:.2f}" for span in track.forged)
    return [
        number,
        track.status,
        ", ".join(track.quality),
        "" if track.score is None else f"{track.score:.1%}",
        f"{track.start:.2f}",
        f"{track.end:.2f}",
        len(track.faces),
        spans,
    ]


def _file(verdict: FileVerdict) -> str:
    from telltrace.visualization.page import facts

    size = "unknown" if verdict.size is None else f"{verdict.size[0]} x {verdict.size[1]} pixels"
    about = {"Name": verdict.path.name, "SHA-256": _digest(verdict.path)}
    if verdict.kind is not None:
        about |= {"Kind": verdict.kind, "Size": size, "Damaged packets": str(verdict.lost)}
    if verdict.kind == "video":
        about["Duration"] = f"{verdict.duration:.2f} s"
    return facts(about)


def _digest(path: Path) -> str:
    if not path.is_file():
        return "none: not a file that can be read"
    return file_sha256(path)
