"""A page about one file: what was found, when, in whose face, and all that the finding rests on."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from telltrace.explanation.graded import grades_in_words
from telltrace.faces.media import Status
from telltrace.files import write_bytes
from telltrace.inference.formats import people, quality_flags, reason_and_remedy
from telltrace.inference.grounds import (
    detector_facts,
    method_facts,
    provenance_facts,
    seal_facts,
)
from telltrace.inference.pictures import (
    draw_maps,
    key_faces,
    read_frames,
    thumbnail,
    worst_frame,
)
from telltrace.inference.scanner import Scanner
from telltrace.inference.verdict import FaceVerdict, TrackVerdict, Verdict
from telltrace.inference.where import track_in_words
from telltrace.visualization import heat_bar
from telltrace.visualization import page as html
from telltrace.visualization.heat import SEEN
from telltrace.visualization.pdf import page_to_pdf

TONES: Final = {Status.FAKE: "bad", Status.REAL: "good", Status.UNCERTAIN: "unsure"}
INK, FORGED, ZONE = "#3566B0", "#D9412B", "#888888"
HEAT: Final = (
    f"The colours beside a face say {SEEN}, from 0 at the left to 1: how probable it finds a paste "
    "at each place. The score may rest on them in part, and can be high where they show little."
)
SCORE: Final = (
    "A score is a measurement by a detector with known weaknesses: the probability of forgery if "
    "one face in two were forged. How probable it is here depends on all else that is known."
)
MOST: Final = 12
"""People who are drawn: the most suspicious; the table has them all."""


def write_page(
    path: Path,
    verdict: Verdict,
    scanner: Scanner,
    name: str = "",
    sealed: dict[str, Any] | None = None,
) -> None:
    """Write the page, as PDF if its name says so; the same call gives the same bytes.

    ``sealed`` is the sealed report on the file, if there is one. A judged file that is gone is a
    MediaError.
    """
    paper = path.suffix.lower() == ".pdf"
    text = scan_page(verdict, scanner, name, sealed, paper=paper)
    data = page_to_pdf(text) if paper else text.encode("utf-8", "backslashreplace")
    write_bytes(data, path)


def write_index(path: Path, pages: Iterable[tuple[Verdict, Path]]) -> None:
    """Write a page that leads to the pages about single files, wherever there is one."""
    rows: list[list[object]] = []
    for verdict, there in pages:
        name: object = str(verdict.path)
        if there.exists():
            name = html.Link(str(verdict.path), there.relative_to(path.parent).as_posix())
        score = "" if verdict.score is None else f"{verdict.score:.1%}"
        rows.append([name, verdict.status, verdict.verdict or "", score, verdict.reason])
    columns = ["file", "status", "verdict", "score", "reason"]
    listed = html.table(columns, rows, texts=5)
    text = html.page(f"Scan of {len(rows):,} files", [("Files", listed)])
    write_bytes(text.encode("utf-8", "backslashreplace"), path)


def scan_page(
    verdict: Verdict,
    scanner: Scanner,
    name: str = "",
    sealed: dict[str, Any] | None = None,
    *,
    paper: bool = False,
) -> str:
    """The page as HTML: no date and no time that anything took is in it.

    The file is called ``name``, by default as it is. On ``paper`` drawings are pictures.
    """
    name = name or verdict.path.name
    sections = [("Finding", _finding(verdict))]
    if verdict.tracks:
        if verdict.kind == "video" and verdict.worst is not None:
            sections.append(("Timeline", _timeline(verdict, scanner, paper)))
        sections.append(("People", _people(verdict, scanner)))
    sections.append(("The file", _file(verdict, name)))
    if verdict.provenance:
        sections.append(("Provenance", provenance_facts(verdict)))
    if sealed is not None:
        sections.append(("Seal", seal_facts(sealed)))
    sections += [(f"Detector {d.card.detector}", detector_facts(d)) for d in scanner.detectors]
    sections.append(("How it was judged", method_facts(scanner)))
    return html.page(f"Scan of {name}", sections, lead=_headline(verdict))


def _headline(verdict: Verdict) -> str:
    """The verdict, why, and what to do: all that a hurried reader needs."""
    said, worst = str(verdict.verdict or verdict.status), verdict.worst
    if verdict.score is not None:
        said += f" · score {verdict.score:.1%}"
        if worst and worst.stretch and worst.throughout != Status.FAKE:
            said += f", {worst.stretch.score:.1%} of a stretch"
    if verdict.status not in (verdict.verdict, said):
        said += f" · {verdict.status}"
    tone = TONES.get(verdict.verdict or verdict.status, "soft")
    headline = f'<p class="{tone}" style="font-size: 1.5rem"><strong>{escape(said)}</strong></p>'
    parts = [headline, html.paragraph(reason_and_remedy(verdict))]
    if worst is not None and worst.evidence:
        parts.append(html.paragraph(worst.evidence))
    parts += map(html.note, verdict.warnings)
    if verdict.verdict is not None:
        parts.append(html.note(SCORE))
    return "\n".join(parts)


def _finding(verdict: Verdict) -> str:
    found = html.facts(
        {
            "Status": verdict.status,
            "Frames looked at": verdict.frames,
            "Frames with a face": verdict.frames_with_face,
            "Faces followed": len(verdict.tracks),
            "Doubtful boxes left out": verdict.dropped,
            "Hard to judge": ", ".join(quality_flags(verdict)) or "nothing",
        }
    )
    if not verdict.tracks:
        return found
    face, picture = worst_frame(verdict)
    picture.thumbnail((960, 960))
    when = f" at {face.time:.2f} s" if verdict.kind == "video" else ""
    caption = f"The most suspicious frame{when}, with the raw score of this frame alone."
    marked = html.embed_png(picture, alt="Faces marked in a frame")
    return f"{found}\n{html.figure(marked, caption)}"


def _shown(verdict: Verdict) -> dict[int, TrackVerdict]:
    """The most suspicious people by their numbers, the worst first."""
    judged = [(n, track) for n, track in enumerate(verdict.tracks, 1) if track.score is not None]
    return dict(sorted(judged, key=lambda pair: -pair[1].suspicion)[:MOST])


def _timeline(verdict: Verdict, scanner: Scanner, paper: bool) -> str:
    zone, shown = scanner.rule.zone(), _shown(verdict)
    drawing = timeline_figure(shown, verdict.duration, zone.real_below, zone.fake_from)
    caption = (
        "Scores over time: a point for the raw score of each look, a line for the smoothed ones. "
        "The grey zone lies between the thresholds of a single look; red are the "
        "seconds that look forged. The worst comes first."
    )
    left = sum(track.score is not None for track in verdict.tracks) - len(shown)
    more = f" Not drawn: {people(left)} with lower scores." if left else ""
    draw = html.drawn_png if paper else html.svg
    return html.figure(draw(drawing, alt="Scores of each person over time"), caption + more)


def timeline_figure(
    tracks: Mapping[int, TrackVerdict], duration: float, real_below: float, fake_from: float
) -> Figure:
    """One strip a person, by number and all over the same seconds, grey between the thresholds."""
    drawing = Figure(figsize=(5, 0.9 + 1.1 * len(tracks)), layout="constrained")
    strips = drawing.subplots(len(tracks), sharex=True, squeeze=False)[:, 0]
    for axes, (number, track) in zip(strips, tracks.items(), strict=True):
        faces = [face for face in track.faces if face.score is not None]
        times = [face.time for face in faces]
        axes.plot(times, [face.score or 0.0 for face in faces], ".", color=INK, ms=4, alpha=0.45)
        axes.plot(times, [face.smoothed or 0.0 for face in faces], color=INK, lw=1.6)
        for span in track.forged:
            middle, half = (span.start + span.end) / 2, max(span.end - span.start, 0.1) / 2
            axes.axvspan(middle - half, middle + half, color=FORGED, alpha=0.15, lw=0.8)
        axes.axhspan(real_below, fake_from, color=ZONE, alpha=0.12, lw=0)
        axes.set(xlim=(0, max(duration, 1e-3)), ylim=(-0.04, 1.04), yticks=(0, 0.5, 1))
        axes.set_ylabel(f"person {number}", fontsize="medium")
        axes.tick_params(labelsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
    strips[-1].set_xlabel("seconds")
    return drawing


def _people(verdict: Verdict, scanner: Scanner) -> str:
    moving = verdict.kind == "video"
    score = "score of all looks" if moving else "score"
    columns = ["person", "status", "hard to judge", "evidence", score]
    columns += ["from s", "to s", "looks", "forged s"]
    rows: list[list[object]] = []
    for number, track in enumerate(verdict.tracks, 1):
        said = "" if track.score is None else f"{track.score:.1%}"
        spans = ", ".join(f"{span.start:.2f} to {span.end:.2f}" for span in track.forged)
        seconds = f"{track.start:.2f}", f"{track.end:.2f}"
        quality = ", ".join(track.quality)
        words = track.likelihood.words if track.likelihood else ""
        about = [number, track.status, quality, words, said]
        rows.append([*about, *seconds, len(track.faces), spans])
    parts = [html.table(columns, rows, texts=4)]
    explained = (
        "A person's score is that of all looks together. Below a face stands its raw score, of "
        "this frame alone, and the smoothed one, of the second around it."
    )
    parts += [html.note(explained)] if moving else []
    shown = _shown(verdict) or dict(list(enumerate(verdict.tracks, 1))[:MOST])
    wanted = {face.frame for track in shown.values() for face in key_faces(track)}
    frames = read_frames(verdict.path, wanted)
    if any(track.map for track in shown.values()):
        trust = " ".join(grades_in_words(detector, "map") for detector in scanner.detectors)
        bar = html.embed_png(heat_bar(160, 12), alt="From 0 to 1")
        parts.append(html.figure(bar, f"{HEAT} {trust}"))
    for number, track in shown.items():
        said = "" if track.score is None else f" {track.score:.1%}"
        parts.append(f"<h3>Person {number}: {track.status}{said}</h3>")
        looks = "".join(_look(face, frames[face.frame], moving) for face in key_faces(track))
        looks += _mean(track, frames[track.peak.frame])
        parts.append(f'<div class="pictures">{looks}</div>')
        if len(scanner.detectors) == 1 and verdict.size:
            width, height = verdict.size[:: -1 if verdict.turn % 2 else 1]
            where = track_in_words(track, scanner.detectors[0].crop, (height, width))
            parts += [html.note(where)] if where else []
    return "\n".join(parts)


def _mean(track: TrackVerdict, frame: Any) -> str:
    """The mean map of a person who was looked at more than once, over the peak."""
    known, peak = sum(face.score is not None for face in track.faces), track.peak
    if track.map is None or peak.map is None or known < 2:
        return ""
    mean = replace(peak, map=replace(track.map, corners=peak.map.corners))
    picture = html.embed_png(thumbnail(draw_maps(frame, [mean]), peak), alt="Mean map")
    return html.figure(picture, f"mean map of {known} looks, over that at {peak.time:.2f} s")


def _look(face: FaceVerdict, frame: Any, moving: bool) -> str:
    said = [f"{face.time:.2f} s"] if moving else []
    if face.score is not None:
        said.append(f"raw {face.score:.0%}" if moving else f"{face.score:.0%}")
    if moving and face.smoothed is not None:
        said.append(f"smoothed {face.smoothed:.0%}")
    shown, alt = thumbnail(frame, face), f"Face in frame {face.frame}"
    if face.map is not None:
        shown = np.hstack([shown, thumbnail(draw_maps(frame, [face]), face)])
        alt += f", and {SEEN}"
    return html.figure(html.embed_png(shown, alt=alt), " · ".join([*said, *face.quality]))


def _file(verdict: Verdict, name: str) -> str:
    size = "unknown" if verdict.size is None else f"{verdict.size[0]} x {verdict.size[1]} pixels"
    digest = verdict.sha256 or "none: not a file that can be read"
    about = {"Name": name, "SHA-256": digest}
    if verdict.kind is not None:
        about |= {"Kind": verdict.kind, "Size": size, "Damaged packets": str(verdict.lost)}
    if verdict.kind == "video":
        about["Duration"] = f"{verdict.duration:.2f} s"
    return html.facts(about)
