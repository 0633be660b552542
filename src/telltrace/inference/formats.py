"""What a scan shows: a table to read; JSON, JSON lines and CSV to process; the count of it all."""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from telltrace.errors import printable
from telltrace.evaluation.calibration import Calibration
from telltrace.evaluation.combination import Combination
from telltrace.evaluation.text_tables import to_lines
from telltrace.evidence.findings import Finding
from telltrace.faces.media import Status
from telltrace.files.version import VERSION
from telltrace.inference.reasons import moment
from telltrace.inference.rule import VERDICTS
from telltrace.inference.scanner import Scanner
from telltrace.inference.verdict import TrackVerdict, Verdict

SCHEMA: Final = "telltrace-scan/3"
"""Changes when a field goes or changes its meaning; new fields may come without a new number."""

Format = Literal["text", "json", "jsonl", "csv"]

COLUMNS: Final = (
    *("path", "status", "verdict", "score", "kind", "duration", "frames", "frames_with_face"),
    *("lost", "tracks", "forged", "quality", "reason", "remedy", "warnings", "sha256"),
    "detectors",
)
"""Of CSV, one row a file; forged stretches are ``start-end`` in seconds, parted by spaces."""

COLOURS: Final = {Status.FAKE: "bold red", Status.REAL: "green", Status.UNCERTAIN: "yellow"}


def format_verdicts(verdicts: Sequence[Verdict], scanner: Scanner, form: Format) -> str:
    """The outcome in one of the four forms."""
    if form == "text":
        return to_text(verdicts, scanner)
    plain = [verdict.to_dict() for verdict in verdicts]
    if form == "jsonl":
        return "\n".join(map(json_line, plain))
    if form == "csv":
        return "\n".join([",".join(COLUMNS), *map(csv_line, plain)])
    tally = Tally()
    for verdict in verdicts:
        tally.add(verdict.status, verdict.verdict, verdict.seconds)
    return json.dumps({**about(scanner), "summary": tally.to_dict(), "files": plain}, indent=2)


def schema() -> dict[str, Any]:
    """The JSON schema of the document; a line of JSON lines is its ``file``."""
    text = files(__package__).joinpath("scan.schema.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def about(scanner: Scanner) -> dict[str, Any]:
    """What every verdict of a scan depends on."""
    single, video = (_thresholds(scanner.rule.zone(moving)) for moving in (False, True))
    return {
        "schema": SCHEMA,
        "telltrace": VERSION,
        "detectors": [
            {
                "name": detector.card.detector,
                "sha256": detector.sha256,
                "backend": detector.backend,
                **_thresholds(detector.card.calibration),
                "trained_on": str(detector.card.provenance.get("summary", "")),
                "terms": str(detector.card.provenance.get("terms", "")),
                **_members(detector.card.combination),
            }
            for detector in scanner.detectors
        ],
        "thresholds": {**single, "video": video},
        "settings": dict(vars(scanner.settings)),
    }


def _members(combination: Combination | None) -> dict[str, dict[str, float]]:
    """What each detector of an ensemble counts."""
    if combination is None:
        return {}
    return {"members": dict(zip(combination.names, combination.weights, strict=True))}


def _thresholds(zone: Calibration) -> dict[str, float]:
    return {"real_below": zone.real_below, "fake_from": zone.fake_from}


class Tally:
    """Counts verdicts, and what was measured with a clock, which no verdict holds."""

    def __init__(self) -> None:
        self.statuses, self.verdicts, self.seconds = (Counter[str]() for _ in range(3))

    def add(self, status: str, verdict: str | None, seconds: Mapping[str, float]) -> None:
        """Count a file."""
        self.statuses[str(status)] += 1
        self.verdicts[str(verdict or "")] += 1
        self.seconds.update(seconds)

    def to_dict(self) -> dict[str, Any]:
        """The summary of a scan that ends now."""
        return {
            "files": self.statuses.total(),
            "statuses": dict(sorted(self.statuses.items())),
            "verdicts": {name: n for name, n in sorted(self.verdicts.items()) if name},
            "seconds": {stage: round(spent, 3) for stage, spent in sorted(self.seconds.items())},
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def json_line(verdict: Mapping[str, Any]) -> str:
    """One file as a JSON document by itself."""
    return json.dumps({"schema": SCHEMA, **verdict})


def csv_line(verdict: Mapping[str, Any]) -> str:
    """The plain data of a file under `COLUMNS`, without a line break."""
    tracks = verdict.get("tracks", [])
    spans = sorted((span["start"], span["end"]) for track in tracks for span in track["forged"])
    words = {name: " ".join(verdict.get(name, ())) for name in ("quality", "warnings", "detectors")}
    forged = " ".join(f"{start:.3f}-{end:.3f}" for start, end in spans)
    values = {**verdict, **words, "tracks": len(tracks), "forged": forged}
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n").writerow(values)
    return text.getvalue().removesuffix("\n")


def to_text(verdicts: Sequence[Verdict], scanner: Scanner) -> str:
    """A table of one line a file, then what needs saying about those that are not simply real."""
    width = 60 + max(len(printable(verdict.path)) for verdict in verdicts)
    table = Table(box=None, pad_edge=False)
    for name in ("verdict", "score", "people", "frames", "file"):
        side: Literal["left", "right"] = "left" if name in ("verdict", "file") else "right"
        table.add_column(name, justify=side, no_wrap=True)
    for verdict in verdicts:
        table.add_row(
            Text(str(verdict.verdict or verdict.status), COLOURS.get(verdict.status, "")),
            "" if verdict.score is None else f"{verdict.score:.0%}",
            str(len(verdict.tracks)),
            f"{verdict.frames_with_face}/{verdict.frames}",
            Text(printable(verdict.path)),
        )
    lines = [to_lines([table], width, Console().is_terminal)]
    for verdict in verdicts:
        plain = verdict.status == Status.REAL and not any(t.disagreement for t in verdict.tracks)
        notes = [] if plain else [reason_and_remedy(verdict)]
        if len(verdict.tracks) > 1 or any(track.forged for track in verdict.tracks):
            notes += _people(verdict)
        elif verdict.worst is not None and (len(verdicts) == 1 or not plain):
            notes += filter(None, [verdict.worst.evidence])
        if flags := quality_flags(verdict):
            notes.append(f"Hard to judge: {', '.join(flags)}.")
        notes += verdict.warnings
        notes += [f"{one.meaning.title.capitalize()}: {one.said}." for one in notable(verdict)]
        if notes:
            lines += [f"\n{printable(verdict.path)}", *(f"  {note}" for note in notes)]
    return "\n".join([*lines, _about_detectors(scanner)])


def notable(verdict: Verdict) -> list[Finding]:
    """What the file says of its origin that even a hurried reader should know."""
    return [one for one in verdict.provenance if one.meaning.notable]


def quality_flags(verdict: Verdict) -> list[str]:
    """What makes the file or somebody in it hard to judge."""
    return sorted({flag for t in verdict.tracks for flag in t.quality} | {*verdict.quality})


def reason_and_remedy(verdict: Verdict) -> str:
    """Two sentences."""
    reason = verdict.reason if verdict.status in VERDICTS else f"the file {verdict.reason}"
    return f"{reason[:1].upper()}{reason[1:]}. {verdict.remedy}."


def _people(verdict: Verdict) -> list[str]:
    """A line for each person who is not simply real, and one for all others."""
    judged = [(n, track) for n, track in enumerate(verdict.tracks, 1) if track.score is not None]
    real = [track.score or 0.0 for _, track in judged if track.status == Status.REAL]
    moving, small = verdict.kind == "video", len(verdict.tracks) - len(judged)
    lines = [_person(n, track, moving) for n, track in judged if track.status != Status.REAL]
    lines += [f"{people(len(real))} REAL, {max(real):.0%} at most."] if real else []
    return lines + ([f"{people(small)} FACE_TOO_SMALL."] if small else [])


def people(number: int) -> str:
    """A person is one face through one shot."""
    return f"{number} {'person' if number == 1 else 'people'}"


def _person(number: int, track: TrackVerdict, moving: bool) -> str:
    parts = [f"Person {number}: {track.status} {track.score:.0%}"]
    if moving:
        parts[0] += f", seen from {track.start:.2f} to {track.end:.2f} s"
        if track.stretch is not None and track.throughout != Status.FAKE:
            start, end, score = track.stretch
            parts.append(f"suspicious{moment(start, end)} ({score:.0%})")
        parts += [
            f"looks forged{moment(span.start, span.end)} "
            f"(smoothed peak {span.peak:.0%} at {span.peak_time:.2f} s)"
            for span in track.forged
        ]
    said = "; ".join([*parts, *filter(None, [track.disagreement])]) + "."
    return " ".join(filter(None, [said, track.evidence]))


def _about_detectors(scanner: Scanner) -> str:
    zone = scanner.rule.zone()
    between = f"between {zone.real_below:.2f} and {zone.fake_from:.2f} nothing is claimed"
    if zone.real_below == zone.fake_from:
        between = f"fake from {zone.fake_from:.2f}"
    cards = [detector.card for detector in scanner.detectors]
    names = " and ".join(f"{one.card.detector} on {one.backend}" for one in scanner.detectors)
    trained = "; ".join(str(card.provenance.get("summary", "see its card")) for card in cards)
    terms = {str(card.provenance.get("terms", "")) for card in cards} - {""}
    said = [f"Trained on: {trained}", *(f"Terms of the weights: {term}" for term in sorted(terms))]
    return f"\nDetector {names} ({between}). {'. '.join(said)}."
