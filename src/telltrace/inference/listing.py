"""What a scan shows: a table to read, JSON, JSON lines and CSV to process."""

import csv
import io
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from telltrace import __version__
from telltrace.faces.media import Status
from telltrace.inference.scanner import Scanner
from telltrace.inference.timeline import Span
from telltrace.inference.verdict import VERDICTS, FileVerdict, TrackVerdict
from telltrace.inference.wording import moment

SCHEMA: Final = "telltrace-scan/2"
"""Changes when a field goes or changes its meaning; new fields may come without a new number."""

Format = Literal["text", "json", "jsonl", "csv"]
"""How the outcome of a scan is written."""

COLOURS = {Status.FAKE: "bold red", Status.REAL: "green", Status.UNCERTAIN: "yellow"}

CSV_COLUMNS: Final = (
    *("path", "status", "verdict", "score", "kind", "duration", "frames", "frames_with_face"),
    *("tracks", "forged", "quality", "reason", "remedy"),
)


def listing(verdicts: Sequence[FileVerdict], scanner: Scanner, form: Format) -> str:
    """The outcome in one of the four forms."""
    if form == "text":
        return to_text(verdicts, scanner)
    if form == "json":
        return to_json(verdicts, scanner)
    return to_jsonl(verdicts) if form == "jsonl" else to_csv(verdicts)


def schema() -> dict[str, Any]:
    """The JSON schema of what :func:`to_json` gives; a line of JSON lines is its ``file``."""
    text = files(__package__).joinpath("scan.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def about(scanner: Scanner) -> dict[str, Any]:
    """What every verdict of a scan depends on."""
    single, video = scanner.rule.calibration, scanner.rule.zone(moving=True)
    return {
        "schema": SCHEMA,
        "telltrace": __version__,
        "detectors": [
            {
                "name": judge.card.detector,
                "real_below": judge.card.calibration.real_below,
                "fake_from": judge.card.calibration.fake_from,
                "trained_on": str(judge.card.provenance.get("summary", "")),
                "terms": str(judge.card.provenance.get("terms", "")),
            }
            for judge in scanner.judges
        ],
        "thresholds": {
            "real_below": single.real_below,
            "fake_from": single.fake_from,
            "video": {"real_below": video.real_below, "fake_from": video.fake_from},
        },
        "settings": scanner.settings.to_dict(),
    }


def to_json(verdicts: Sequence[FileVerdict], scanner: Scanner) -> str:
    """The whole outcome as one document."""
    entries = [verdict.to_dict() for verdict in verdicts]
    return json.dumps({**about(scanner), "files": entries}, indent=2)


def to_jsonl(verdicts: Sequence[FileVerdict]) -> str:
    """One line a file, each by itself a JSON document."""
    return "\n".join(json.dumps({"schema": SCHEMA, **v.to_dict()}) for v in verdicts)


def to_csv(verdicts: Sequence[FileVerdict]) -> str:
    """One row a file; forged stretches as ``start-end`` in seconds, parted by spaces."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for verdict in verdicts:
        row = verdict.to_dict()
        spans = [span for track in verdict.tracks for span in track.forged]
        row["tracks"] = len(verdict.tracks)
        row["forged"] = " ".join(f"{span.start:.3f}-{span.end:.3f}" for span in sorted(spans))
        row["quality"] = " ".join(row["quality"])
        writer.writerow(row)
    return text.getvalue().rstrip("\n")


def to_text(verdicts: Sequence[FileVerdict], scanner: Scanner) -> str:
    """A table of one line a file, then what needs saying about those that are not simply real."""
    console = Console(width=60 + max(len(str(verdict.path)) for verdict in verdicts))
    table = Table(box=None, pad_edge=False)
    table.add_column("verdict", no_wrap=True)
    for name in ("fake", "people", "frames"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("file", no_wrap=True)
    for verdict in verdicts:
        table.add_row(
            Text(str(verdict.verdict or verdict.status), COLOURS.get(verdict.status, "")),
            "" if verdict.score is None else f"{verdict.score:.0%}",
            str(len(verdict.tracks)),
            f"{verdict.frames_with_face}/{verdict.frames}",
            Text(str(verdict.path)),
        )
    with console.capture() as capture:
        console.print(table)
        for verdict in verdicts:
            if notes := _notes(verdict):
                console.print(Text(f"\n{verdict.path}"), soft_wrap=True)
                for note in notes:
                    console.print(Text(f"  {note}"), soft_wrap=True)
        console.print(Text(_about(scanner)), soft_wrap=True)
    return capture.get().rstrip("\n")


def _notes(verdict: FileVerdict) -> list[str]:
    """What the table cannot say of a file."""
    notes = []
    if verdict.status != Status.REAL:
        notes.append(why(verdict))
    if len(verdict.tracks) > 1 or any(track.forged for track in verdict.tracks):
        notes += _people(verdict)
    flags = sorted(
        {flag for track in verdict.tracks for flag in track.quality} | {*verdict.quality}
    )
    if flags:
        notes.append(f"Hard to judge: {', '.join(flags)}.")
    return notes


def why(verdict: FileVerdict) -> str:
    """Reason and remedy as two sentences.

    Examples:
        >>> from pathlib import Path
        >>> bad = FileVerdict.failed(Path("a"), Status.UNREADABLE, "is empty", "Copy it again")
        >>> why(bad)
        'The file is empty. Copy it again.'
    """
    reason = verdict.reason if verdict.status in VERDICTS else f"the file {verdict.reason}"
    return f"{reason[:1].upper()}{reason[1:]}. {verdict.remedy}."


def _people(verdict: FileVerdict) -> list[str]:
    """A line for each person who is not simply real, and one for all others."""
    lines, highest, small = [], [], 0
    for number, track in enumerate(verdict.tracks, 1):
        if track.score is None:
            small += 1
        elif track.status == Status.REAL:
            highest.append(track.score)
        else:
            lines.append(_person(number, track, verdict.kind == "video"))
    if highest:
        lines.append(f"{people(len(highest))} REAL, {max(highest):.0%} at most.")
    if small:
        lines.append(f"{people(small)} FACE_TOO_SMALL.")
    return lines


def people(number: int) -> str:
    """A person is one face through one shot."""
    return f"{number} {'person' if number == 1 else 'people'}"


def _person(number: int, track: TrackVerdict, moving: bool) -> str:
    said = f"Person {number}: {track.status} {track.score:.0%}"
    if not moving:
        return f"{said}."
    spans = "; ".join(
        f"looks forged{moment(span)} (peak {span.peak:.0%} at {span.peak_time:.2f} s)"
        for span in track.forged
    )
    parts = [f"{said}, seen from {track.start:.2f} to {track.end:.2f} s"]
    if track.stretch is not None and track.throughout != Status.FAKE:
        stretch = Span(track.stretch.start, track.stretch.end, track.stretch.score, 0.0)
        parts.append(f"suspicious{moment(stretch)} ({stretch.peak:.0%})")
    return "; ".join([*parts, spans] if spans else parts) + "."


def _about(scanner: Scanner) -> str:
    zone = scanner.rule.calibration
    between = (
        f"between {zone.real_below:.2f} and {zone.fake_from:.2f} nothing is claimed"
        if zone.real_below < zone.fake_from
        else f"fake from {zone.fake_from:.2f}"
    )
    names = " and ".join(judge.card.detector for judge in scanner.judges)
    trained = "; ".join(
        str(judge.card.provenance.get("summary", "see its card")) for judge in scanner.judges
    )
    terms = {str(judge.card.provenance.get("terms", "")) for judge in scanner.judges} - {""}
    said = [f"Trained on: {trained}", *(f"Terms of the weights: {term}" for term in sorted(terms))]
    return f"\nDetector {names} ({between}). {'. '.join(said)}."
