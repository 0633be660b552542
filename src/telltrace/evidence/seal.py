"""Seals: a statement in parts, each hashed, so that a change of any of them shows."""

import json
from pathlib import Path
from types import NoneType
from typing import Any, Final, NamedTuple

from telltrace.errors import OptionError
from telltrace.files import json_sha256

SCHEMA: Final = "telltrace-seal/1"
PARTS: Final = {
    "file": dict,
    "frames": list,
    "verdict": dict,
    "detectors": list,
    "settings": dict,
    "versions": dict,
}
"""What a sealed report states, and of which type each part is."""


class Check(NamedTuple):
    """One comparison of what a report states with what is there."""

    name: str
    agrees: bool | None
    """None where it could not be checked."""
    said: str


def seal(parts: dict[str, Any]) -> dict[str, Any]:
    """A report with the hash of each part, and one over them all.

    Plain values, as JSON holds them; `PARTS` names them all.
    """
    assert parts.keys() == PARTS.keys()
    hashes = {name: json_sha256(part) for name, part in parts.items()}
    return {"schema": SCHEMA, **parts, "hashes": hashes, "seal": json_sha256([SCHEMA, hashes])}


def read_report(path: Path) -> dict[str, Any]:
    """A sealed report, whether or not its seal holds; an OptionError if it is none."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        sound = _is_sound(report)
    except (ValueError, KeyError, TypeError, RecursionError):
        sound = False
    if not sound:
        remedy = "Give the JSON file that `telltrace scan --seal` wrote."
        raise OptionError(f"is no report of {SCHEMA}", remedy=remedy, path=path)
    return dict(report)


def _is_sound(report: dict[str, Any]) -> bool:
    """Whether all that will be compared is of its type; a KeyError or TypeError says no, too."""
    sound = report["schema"] == SCHEMA and isinstance(report["hashes"], dict)
    sound &= isinstance(report["seal"], str)
    sound &= all(isinstance(report[name], kind) for name, kind in PARTS.items())
    indices = [frame["index"] for frame in report["frames"]]
    sound &= all(isinstance(index, int) and 0 <= index < 2**31 for index in indices)
    sound &= all(isinstance(one, dict) for one in report["detectors"])
    sound &= all(isinstance(one["kind"], str) for one in report["verdict"].get("provenance", ()))
    return sound and isinstance(report["verdict"].get("score"), int | float | NoneType)


def check_seal(report: dict[str, Any]) -> list[Check]:
    """Whether each part is as it was sealed, and the hashes are those under the seal."""
    checks = []
    hashes = report["hashes"]
    for name in PARTS:
        same = hashes.get(name) == json_sha256(report[name])
        said = "as it was sealed" if same else "was changed after it was sealed"
        checks.append(Check(f"report: {name}", same, said))
    extra = sorted(report.keys() - PARTS.keys() - {"schema", "hashes", "seal"})
    if extra:
        checks.append(Check("report", False, f"states what is not sealed: {', '.join(extra)}"))
    same = report["seal"] == json_sha256([SCHEMA, hashes])
    said = report["seal"] if same else "does not fit the hashes under it"
    return [*checks, Check("seal", same, said)]
