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
    found, before = scanner.scan(media).to_dict(), report["verdict"]
    return [_check_verdict(found, before), _check_provenance(found, before)]


def _check_verdict(found: dict[str, Any], before: dict[str, Any]) -> Check:
    said = f"{found['status']}, score {found['score']}"
    now, then = found["score"], before.get("score")
    near = now == then or (None not in (now, then) and abs(now - then) <= NEAR)
    same = near and all(found[name] == before.get(name) for name in ("status", "verdict"))
    was = "" if same else f"; sealed was {before.get('status')}, score {before.get('score')}"
    return Check("verdict", same, said + was)


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
