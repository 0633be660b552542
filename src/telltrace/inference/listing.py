"""What a scan shows: a table to read, JSON to process, marked pictures to look at."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from telltrace import __version__
from telltrace.faces.media import Frame, Sampling, Status
from telltrace.faces.reader import open_media
from telltrace.inference.scanner import Scanner
from telltrace.inference.verdict import SCHEMA, FaceVerdict, FileVerdict

COLOURS = {Status.FAKE: "bold red", Status.REAL: "green", Status.UNCERTAIN: "yellow"}


def to_json(verdicts: Sequence[FileVerdict], scanner: Scanner) -> str:
    """The whole outcome; the schema is named in it and described in docs/scan.md."""
    card = scanner.judge.card
    return json.dumps(
        {
            "schema": SCHEMA,
            "telltrace": __version__,
            "detector": card.detector,
            "thresholds": {
                "real_below": card.calibration.real_below,
                "fake_from": card.calibration.fake_from,
            },
            "files": [verdict.to_dict() for verdict in verdicts],
        },
        indent=2,
    )


def to_text(verdicts: Sequence[FileVerdict], scanner: Scanner) -> str:
    """A table of one line a file, then the reasons and remedies of those without a verdict."""
    console = Console(width=40 + max(len(str(verdict.path)) for verdict in verdicts))
    table = Table(box=None, pad_edge=False)
    for name, side in (("verdict", "left"), ("fake", "right"), ("faces", "right")):
        table.add_column(name, justify=side, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("frames", justify="right", no_wrap=True)
    table.add_column("file", no_wrap=True)
    for verdict in verdicts:
        table.add_row(
            Text(str(verdict.verdict or verdict.status), COLOURS.get(verdict.status, "")),
            "" if verdict.score is None else f"{verdict.score:.0%}",
            str(len(verdict.faces)),
            f"{verdict.frames_with_face}/{verdict.frames}",
            Text(str(verdict.path)),
        )
    with console.capture() as capture:
        console.print(table)
        for verdict in verdicts:
            if verdict.reason:
                line = f"{verdict.path}: {verdict.reason}. {verdict.remedy}."
                console.print(Text(line), soft_wrap=True)
        console.print(Text(_about(scanner)), soft_wrap=True)
    return capture.get().rstrip("\n")


def _about(scanner: Scanner) -> str:
    card = scanner.judge.card
    zone = card.calibration
    between = (
        f"between {zone.real_below:.2f} and {zone.fake_from:.2f} nothing is claimed"
        if zone.real_below < zone.fake_from
        else f"fake from {zone.fake_from:.2f}"
    )
    trained = card.provenance.get("summary", "see its card")
    return f"\nDetector {card.detector} ({between}). Trained on: {trained}."


def draw(verdicts: Sequence[FileVerdict], folder: Path) -> list[Path]:
    """Write one picture for each file that showed a face: its most suspicious frame, marked."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for number, verdict in enumerate(verdicts):
        if verdict.faces:
            written.append(_draw_file(verdict, folder / f"{number:04d}_{verdict.path.stem}.png"))
    return written


def _draw_file(verdict: FileVerdict, path: Path) -> Path:
    from telltrace.visualize import draw_boxes

    worst = max(verdict.faces, key=lambda face: -1.0 if face.score is None else face.score)
    here = [face for face in verdict.faces if face.frame == worst.frame]
    frame = _frame(verdict.path, worst)
    captions = [str(f.status) + ("" if f.score is None else f" {f.score:.0%}") for f in here]
    draw_boxes(frame.image, [face.box for face in here], captions).save(path)
    return path


def _frame(path: Path, face: FaceVerdict) -> Frame:
    """The frame again; scans keep no pictures, so that memory does not grow with the video."""
    frames = open_media(path, Sampling("all"))
    return next(frame for frame in frames if frame.index == face.frame)
