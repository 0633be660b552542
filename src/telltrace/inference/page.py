"""A page about one file: what was found, when, in whose face, and all that the finding rests on."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from telltrace import __version__
from telltrace.checkpoint import Card
from telltrace.inference.listing import SCHEMA
from telltrace.inference.pictures import key_faces, mark, peak_face, read_frames, thumbnail
from telltrace.inference.scanner import Scanner
from telltrace.inference.verdict import FileVerdict, TrackVerdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#3566B0", "#D9412B", "#1E8E5A", "#C98A00", "#7A4FA3", "#2A8C93", "#8C5A2B", "#B0407F")
"""Of the people, in the order in which they appear."""


def write_report(path: Path, verdict: FileVerdict, scanner: Scanner) -> None:
    """Write the page; the same file, settings and detectors give the same bytes.

    Raises:
        OSError: If it cannot be written, or the judged file is gone.
    """
    text = report_page(verdict, scanner)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def report_page(verdict: FileVerdict, scanner: Scanner) -> str:
    """The page as HTML: no date and no time that anything took is in it."""
    from telltrace.visualize.page import note, page

    sections = [("Finding", _finding(verdict))]
    if verdict.tracks:
        if verdict.kind == "video" and verdict.worst is not None:
            sections.append(("Timeline", _timeline(verdict, scanner)))
        sections.append(("People", _people(verdict)))
    sections.append(("The file", _file(verdict)))
    sections += [
        (f"Detector {judge.card.detector}", _detector(judge.card)) for judge in scanner.judges
    ]
    sections.append(("How it was judged", _method(scanner)))
    warning = "A score is a measurement by a detector with known weaknesses, and no proof."
    return page(f"Scan of {verdict.path.name}", sections, lead=note(warning))


def _finding(verdict: FileVerdict) -> str:
    from telltrace.visualize.page import embed_png, facts, figure, paragraph

    score = "none" if verdict.score is None else f"{verdict.score:.1%}"
    parts = [
        facts(
            {
                "Status": verdict.status,
                "Verdict": verdict.verdict or "none",
                "Probability of forgery": score,
                "Frames looked at": verdict.frames,
                "Frames with a face": verdict.frames_with_face,
                "Doubtful boxes left out": verdict.dropped,
                "Hard to judge": ", ".join(verdict.quality) or "no flag for the whole file",
            }
        )
    ]
    if verdict.reason:
        parts.append(paragraph(f"{verdict.reason[0].upper()}{verdict.reason[1:]}."))
        parts.append(paragraph(f"{verdict.remedy}."))
    if verdict.tracks:
        frame = peak_face(verdict.worst or verdict.tracks[0])
        picture = mark(verdict, frame.frame, read_frames(verdict.path, [frame.frame])[frame.frame])
        picture.thumbnail((960, 960))
        when = f" at {frame.time:.2f} s" if verdict.kind == "video" else ""
        caption = f"The most suspicious frame{when}."
        parts.append(figure(embed_png(picture, alt="Faces marked in a frame"), caption))
    return "\n".join(parts)


def _timeline(verdict: FileVerdict, scanner: Scanner) -> str:
    from telltrace.visualize.page import figure, svg

    zone = scanner.ensemble.calibration
    drawing = timeline_figure(verdict.tracks, zone.real_below, zone.fake_from)
    caption = (
        "Probability of forgery over time: a point for each look, a line for what smoothing makes "
        "of them. Above the upper dashed line a face is called forged, below the lower one real."
    )
    return figure(svg(drawing, alt="Scores of each person over time"), caption)


def timeline_figure(
    tracks: Sequence[TrackVerdict], real_below: float, fake_from: float
) -> "Figure":
    """Scores and smoothed scores of each person over time, forged stretches shaded."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(9, 3), layout="constrained")
    axes = drawing.add_subplot()
    for number, track in enumerate(tracks):
        faces = [face for face in track.faces if face.score is not None]
        colour, times = COLOURS[number % len(COLOURS)], [face.time for face in faces]
        label = f"person {number + 1}"
        smoothed = [face.smoothed or 0.0 for face in faces]
        axes.plot(times, smoothed, color=colour, lw=1.6, label=label)
        axes.plot(times, [face.score or 0.0 for face in faces], ".", color=colour, ms=4, alpha=0.5)
        for span in track.forged:
            axes.axvspan(span.start, span.end, color=colour, alpha=0.15, lw=0)
    for level in {real_below, fake_from}:
        axes.axhline(level, color="#888888", ls="--", lw=0.8)
    axes.set(xlabel="seconds", ylabel="probability of forgery", ylim=(-0.02, 1.02))
    axes.spines[["top", "right"]].set_visible(False)
    if len(tracks) > 1:
        axes.legend(frameon=False, fontsize="small", loc="upper right")
    return drawing


def _people(verdict: FileVerdict) -> str:
    from telltrace.visualize.page import embed_png, figure, table

    rows = [_row(number, track) for number, track in enumerate(verdict.tracks, 1)]
    columns = ["person", "status", "hard to judge", "score", "from s", "to s", "looks", "forged s"]
    parts = [table(columns, rows, texts=3)]
    wanted = {face.frame for track in verdict.tracks for face in key_faces(track)}
    frames = read_frames(verdict.path, wanted)
    for number, track in enumerate(verdict.tracks, 1):
        faces = [face for face in key_faces(track) if face.frame in frames]
        pictures = "".join(
            embed_png(thumbnail(frames[face.frame], face), alt=f"person {number}") for face in faces
        )
        said = " · ".join(
            f"{face.time:.2f} s" + ("" if face.score is None else f": {face.score:.0%}")
            for face in faces
        )
        parts.append(figure(pictures, f"Person {number}: {said}"))
    return "\n".join(parts)


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
    from telltrace.visualize.page import facts

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
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _detector(card: Card) -> str:
    from telltrace.visualize.page import facts

    zone, crop = card.calibration, card.preprocessing.crop
    return facts(
        {
            "Trained on": card.provenance.get("summary", "not said in its card"),
            "Real below": zone.real_below,
            "Fake from": zone.fake_from,
            "Temperature and bias": f"{zone.temperature:g}, {zone.bias:g}",
            "Face crop": f"{crop.alignment}, margin {crop.margin:g}, {crop.size} pixels",
            "Network's input": f"{card.preprocessing.image_size} pixels",
            "Options": json.dumps(card.options, sort_keys=True),
            "Measured": json.dumps(card.metrics, sort_keys=True),
            "Provenance": json.dumps(card.provenance, sort_keys=True),
        }
    )


def _method(scanner: Scanner) -> str:
    from telltrace.visualize.page import facts

    versions = {"telltrace": __version__, "torch": torch.__version__, "schema": SCHEMA}
    return facts({**scanner.settings.to_dict(), **versions})
