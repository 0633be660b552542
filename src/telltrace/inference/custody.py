"""Sealed reports of scans: what was judged, with what, and whether it still is what it was."""

from collections.abc import Callable
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any, Final

from telltrace.errors import MediaError, OptionError, TelltraceError
from telltrace.evidence.frames import frame_hashes
from telltrace.evidence.seal import Check, check_seal, read_report, seal
from telltrace.files import file_sha256, json_sha256
from telltrace.files.version import VERSION
from telltrace.inference.formats import SCHEMA, about
from telltrace.inference.scanner import Scanner
from telltrace.inference.settings import ScanSettings
from telltrace.inference.verdict import Verdict

PACKAGES: Final = (
    *("torch", "onnxruntime", "openvino", "numpy", "opencv-python-headless", "av", "pillow"),
    "c2pa-python",
)
NEAR: Final = 0.005
"""How far a score may lie from the sealed one: processors round differently."""
OF_PEOPLE: Final = ("status", "score", "likelihood", "errors", "forged", "quality")
"""What is compared of each person."""

Build = Callable[..., Scanner]
"""Makes a scanner with the given settings."""


def versions() -> dict[str, str]:
    """What computed, with its version; packages that are not installed are left out."""
    found = {"telltrace": VERSION, "schema": SCHEMA, "Python": python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def seal_scan(verdict: Verdict, scanner: Scanner) -> dict[str, Any]:
    """A sealed report on a file that was just judged; nothing in it depends on the machine's paths.

    The file is read once more. One that has changed since, or is gone, is a MediaError.
    """
    path = verdict.path
    if verdict.sha256 is None or not path.is_file() or file_sha256(path) != verdict.sha256:
        remedy = "Scan the file itself, and do not change it meanwhile."
        raise MediaError("is not the file that was judged", remedy=remedy, path=path)
    judged = {face.frame: face.time for face in verdict.faces if face.score is not None}
    hashes = frame_hashes(path, judged) if judged else {}
    frames = [{"index": i, "time": round(judged[i], 3), "sha256": hashes.get(i)} for i in judged]
    scan = about(scanner)
    cards = [json_sha256(detector.card.to_json()) for detector in scanner.detectors]
    trust = scanner.settings.trust
    return seal(
        {
            "file": {"name": path.name, "bytes": path.stat().st_size, "sha256": verdict.sha256},
            "frames": frames,
            "verdict": {**verdict.to_dict(), "path": path.name},
            "detectors": [
                {**one, "card_sha256": card}
                for one, card in zip(scan["detectors"], cards, strict=True)
            ],
            "settings": {
                **scan["settings"],
                "thresholds": scan["thresholds"],
                "trust": file_sha256(trust) if trust else None,
            },
            "versions": versions(),
        }
    )


def verify_report(path: Path, media: Path | None, build: Build) -> list[Check]:
    """Compare a sealed report with its seal, and with the media if these are given.

    Args:
        path: What `seal_scan` gave, as a JSON file; an OptionError if it is none.
        media: The file that was judged, or a copy.
        build: Makes a scanner of settings, to judge the file again.
    """
    report = read_report(path)
    checks = check_seal(report)
    if media is None:
        return checks
    digest = file_sha256(media)
    same = digest == report["file"].get("sha256")
    checks.append(Check("file", same, digest if same else f"is another file ({digest})"))
    checks.append(_check_frames(report["frames"], media))
    if not all(check.agrees for check in checks):
        return [*checks, Check("verdict", None, "not judged again, as the above differs")]
    return [*checks, *_judge_again(report, media, build)]


def _check_frames(sealed: list[dict[str, Any]], media: Path) -> Check:
    try:
        found = frame_hashes(media, [one["index"] for one in sealed]) if sealed else {}
    except TelltraceError as error:
        return Check("frames", False, str(error))
    wrong = [one["index"] for one in sealed if found.get(one["index"]) != one.get("sha256")]
    if wrong:
        some = ", ".join(map(str, wrong[:5])) + (", ..." if wrong[5:] else "")
        return Check("frames", False, f"{len(wrong)} of {len(sealed)} differ: {some}")
    return Check("frames", True, f"{len(sealed)} of {len(sealed)} judged frames have their pixels")


def _judge_again(report: dict[str, Any], media: Path, build: Build) -> list[Check]:
    """Judge with the sealed settings, if the sealed detectors are at hand."""
    known = {part.name for part in fields(ScanSettings)} - {"trust", "backend", "time_limit"}
    try:
        scanner = build(**{k: v for k, v in report["settings"].items() if k in known})
    except (TypeError, OptionError) as error:
        return [Check("verdict", False, f"the sealed settings are none that a scan has: {error}")]
    sealed = [one.get("sha256") for one in report["detectors"]]
    if list(scanner.hashes) != sealed:
        why = "not judged again: the detector is another; name the sealed one with --checkpoint"
        return [Check("verdict", None, why)]
    again = seal_scan(scanner.scan(media), scanner)
    found, before = again["verdict"], report["verdict"]
    return [
        _check_versions(again["versions"], report["versions"]),
        _check_thresholds(again, report),
        _check_verdict(found, before),
        _check_people(found["tracks"], before.get("tracks")),
        _check_provenance(found, before),
    ]


def _check_versions(now: dict[str, Any], then: dict[str, Any]) -> Check:
    other = [f"{n} {then.get(n)}" for n in sorted({*now, *then}) if now.get(n) != then.get(n)]
    said = f"sealed with {', '.join(other)}" if other else "the same"
    return Check("versions", None if other else True, said)


def _check_thresholds(again: dict[str, Any], report: dict[str, Any]) -> Check:
    """Those of the card, and the card; a later version may write a card in another way."""
    now, then = (
        [one["settings"].get("thresholds"), *(d.get("card_sha256") for d in one["detectors"])]
        for one in (again, report)
    )
    if _is_near(now, then):
        return Check("thresholds", True, "those of the detector's card")
    same = again["versions"]["telltrace"] == report["versions"].get("telltrace")
    return Check("thresholds", False if same else None, "or the card, are others")


def _check_verdict(found: dict[str, Any], before: dict[str, Any]) -> Check:
    said = f"{found['status']}, score {found['score']}"
    same = all(_is_near(found[name], before.get(name)) for name in ("status", "verdict", "score"))
    was = "" if same else f"; sealed was {before.get('status')}, score {before.get('score')}"
    return Check("verdict", same, said + was)


def _check_people(now: list[dict[str, Any]], then: Any) -> Check:
    """What is said of each person, and as evidence."""
    if not isinstance(then, list) or len(then) != len(now):
        return Check("people", False, f"{len(now)}, and the report holds another number")
    wrong = [
        str(number)
        for number, (one, other) in enumerate(zip(now, then, strict=True), start=1)
        if not isinstance(other, dict) or any(not _is_near(one[k], other.get(k)) for k in OF_PEOPLE)
    ]
    said = f"another verdict, score or ratio of person {', '.join(wrong)}" if wrong else ""
    return Check("people", not wrong, said or f"{len(now)} with the same verdicts, scores, ratios")


def _is_near(now: Any, then: Any) -> bool:
    """Whether plain values are the same, but for numbers that `NEAR` allows."""
    if isinstance(now, dict) and isinstance(then, dict):
        return now.keys() == then.keys() and all(_is_near(now[k], then[k]) for k in now)
    if isinstance(now, list) and isinstance(then, list):
        return len(now) == len(then) and all(map(_is_near, now, then))
    if isinstance(now, float) and isinstance(then, int | float):
        return abs(now - then) <= NEAR
    return bool(now == then)


def _check_provenance(found: dict[str, Any], before: dict[str, Any]) -> Check:
    """C2PA needs the package and the list of trusted signers of then to say the same."""
    now, then = (
        {(one["kind"], str(one.get("said"))) for one in each.get("provenance", ())}
        for each in (found, before)
    )
    different = sorted(now ^ then)
    signed = different and all(k.startswith("c2pa") or s[:5] == "C2PA " for k, s in different)
    names = "; ".join(f"{kind} ({said})" for kind, said in different)
    said = f"differs: {names}" if different else f"{len(now)} findings"
    return Check("provenance", None if signed else not different, said)
