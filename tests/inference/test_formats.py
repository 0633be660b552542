"""What is printed says what was found, and holds to the schema that the package ships."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from telltrace.faces.media import Status
from telltrace.inference import FaceVerdict, Scanner, TrackVerdict, Verdict
from telltrace.inference.formats import SCHEMA, format_verdicts, schema
from telltrace.inference.places import PlaceMap
from telltrace.inference.timeline import Span

KINDS = {
    "boolean": bool,
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "null": type(None),
}


def faults(value: Any, rule: dict[str, Any], root: dict[str, Any], at: str = "$") -> list[str]:
    """Where a value breaks a JSON schema; knows the keywords that ours uses, and no others."""
    if "$ref" in rule:
        return faults(value, root["$defs"][rule["$ref"].rsplit("/", 1)[1]], root, at)
    known = {"type", "required", "additionalProperties", "properties", "items", "minItems"}
    known |= {"$schema", "$id", "$defs", "title", "const", "enum", "minimum", "maximum", "maxItems"}
    known |= {"description", "contentEncoding"}  # for who reads it
    assert set(rule) <= known, set(rule) - known
    kinds = rule.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(isinstance(value, KINDS[kind]) for kind in kinds):
        return [f"{at} is {value!r}, not {kinds}"]
    if "const" in rule and value != rule["const"]:
        return [f"{at} is {value!r}"]
    if "enum" in rule and value not in rule["enum"]:
        return [f"{at} is {value!r}"]
    if isinstance(value, dict):
        return _faults_inside(value, rule, root, at)
    if isinstance(value, list):
        found = [
            f for i, v in enumerate(value) for f in faults(v, rule["items"], root, f"{at}[{i}]")
        ]
        long = rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", len(value))
        return found + ([] if long else [f"{at} has {len(value)} items"])
    if isinstance(value, int | float):
        fits = rule.get("minimum", value) <= value <= rule.get("maximum", value)
        return [] if fits else [f"{at} is {value}"]
    return []


def _faults_inside(
    value: dict[str, Any], rule: dict[str, Any], root: dict[str, Any], at: str
) -> list[str]:
    properties, others = rule.get("properties", {}), rule.get("additionalProperties", True)
    found = [f"{at} lacks {name}" for name in rule.get("required", []) if name not in value]
    for name, inner in value.items():
        if name in properties:
            found += faults(inner, properties[name], root, f"{at}.{name}")
        elif others is False:
            found.append(f"{at} has {name}")
        elif isinstance(others, dict):
            found += faults(inner, others, root, f"{at}.{name}")
    return found


MAP = PlaceMap(2, 1, b"\0\xff", ((0, 1), (31, 1), (31, 42), (0, 42)))


def face(frame: int, score: float | None) -> FaceVerdict:
    return FaceVerdict(
        status=Status.FACE_TOO_SMALL if score is None else Status.FAKE,
        score=score,
        smoothed=score,
        frame=frame,
        time=frame / 25,
        box=(1.0, 2.0, 30.0, 41.5),
        confidence=0.998,
        quality=("small",) if score is None else (),
        map=None
        if score is None
        else PlaceMap(2, 1, b"\0\xff", ((0, 1), (31, 1), (31, 42), (0, 42))),
    )


@pytest.fixture
def verdicts(tmp_path: Path) -> list[Verdict]:
    """A forged clip of two people, one of them too small; a file that cannot be read."""
    forged = TrackVerdict(
        status=Status.FAKE,
        score=0.9,
        scores=(0.8,),
        forged=(Span(1.0, 1.96, 0.9, 1.4),),
        map=PlaceMap(2, 1, MAP.values),
        faces=(face(25, 0.9), face(49, 0.7)),
    )
    small = TrackVerdict(
        status=Status.FACE_TOO_SMALL, score=None, faces=(face(3, None),), quality=("small",)
    )
    clip = Verdict(
        path=tmp_path / "[odd], name.mp4",
        status=Status.FAKE,
        verdict=Status.FAKE,
        score=0.9,
        kind="video",
        duration=4.0,
        size=(640, 360),
        tracks=(forged, small),
        frames=32,
        frames_with_face=3,
        dropped=1,
        quality=("compressed",),
        reason="a face looks forged from 1.0 to 2.0 s",
        remedy="Look at the marked frames yourself",
        seconds={"read": 0.1},
    )
    bad = Verdict(
        path=tmp_path / "bad.png",
        status=Status.UNREADABLE,
        reason="is empty",
        remedy="Copy it again",
    )
    return [clip, bad]


def test_json_holds_to_the_schema(verdicts: list[Verdict], scanner: Scanner) -> None:
    document, rules = json.loads(format_verdicts(verdicts, scanner, "json")), schema()
    assert faults(document, rules, rules) == []
    assert document["schema"] == rules["$id"] == SCHEMA
    assert [Verdict.from_dict(entry) for entry in document["files"]] == verdicts


def test_each_line_of_json_lines_does_too(verdicts: list[Verdict], scanner: Scanner) -> None:
    lines, rules = format_verdicts(verdicts, scanner, "jsonl").splitlines(), schema()
    assert [json.loads(line)["path"] for line in lines] == [str(v.path) for v in verdicts]
    for line in lines:
        assert faults(json.loads(line), rules["$defs"]["file"], rules) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"status": "MAYBE"}, "$.status is 'MAYBE'"),
        ({"score": 1.5}, "$.score is 1.5"),
        ({"opinion": 1}, "$ has opinion"),
        ({"size": [1]}, "$.size has 1 items"),
        ({"kind": None, "frames": "3"}, "$.frames is '3', not ['integer']"),
    ],
)
def test_the_schema_refuses_what_is_wrong(
    verdicts: list[Verdict], change: dict[str, Any], fault: str
) -> None:
    rules = schema()
    assert faults({**verdicts[0].to_dict(), **change}, rules["$defs"]["file"], rules) == [fault]


def test_the_schema_knows_every_status() -> None:
    known = schema()["$defs"]["file"]["properties"]["status"]["enum"]
    assert set(known) == {str(status) for status in Status}


def test_csv_has_a_row_a_file(verdicts: list[Verdict], scanner: Scanner) -> None:
    rows = list(csv.DictReader(io.StringIO(format_verdicts(verdicts, scanner, "csv"))))
    assert [row["path"] for row in rows] == [str(verdict.path) for verdict in verdicts]
    assert rows[0]["forged"] == "1.000-1.960"
    assert (rows[0]["score"], rows[1]["score"]) == ("0.9", "")
    assert (rows[0]["tracks"], rows[0]["quality"]) == ("2", "compressed")
    assert rows[1]["remedy"] == "Copy it again"


def test_the_text_names_people_times_and_remedies(
    verdicts: list[Verdict], scanner: Scanner
) -> None:
    said = format_verdicts(verdicts, scanner, "text")
    assert "[odd], name.mp4" in said
    assert "Person 1: FAKE 90%, seen from 1.00 to 1.96 s; looks forged from 1.00 to 1.96 s" in said
    assert "1 person FACE_TOO_SMALL." in said
    assert "Hard to judge: compressed, small." in said
    assert "bad.png\n  The file is empty. Copy it again." in said
    assert "between 0.40 and 0.60 nothing is claimed" in said
