"""Why a file got its status, and what its owner can do about it, in words."""

from dataclasses import replace

from telltrace.faces.media import Status
from telltrace.inference.settings import ScanSettings
from telltrace.inference.verdict import FileVerdict


def explain(found: FileVerdict, settings: ScanSettings, truncated: bool = False) -> FileVerdict:
    """The same verdict with its final status, a reason and a remedy.

    Args:
        found: What was found; its status is not looked at.
        settings: How it was looked for.
        truncated: Whether the file ends before its content does.
    """
    status, reason, remedy = _explain(found, settings, truncated)
    return replace(found, status=status, reason=reason, remedy=remedy)


def _explain(
    found: FileVerdict, settings: ScanSettings, truncated: bool
) -> tuple[Status, str, str]:
    if found.verdict is None and found.tracks:
        return (
            Status.FACE_TOO_SMALL,
            f"shows only faces smaller than {settings.min_face:g} pixels",
            "Give a larger picture, or lower --min-face at the price of reliability",
        )
    if found.verdict is None:
        doubtful = f" ({found.dropped} doubtful ones were left out)" if found.dropped else ""
        return (
            Status.NO_FACE,
            f"shows no face in {_count(found.frames, 'frame')}{doubtful}",
            "Check that a face is visible and upright, or look at more frames with --frames",
        )
    if found.lost or truncated:
        what = "it ends early" if truncated else f"{_count(found.lost, 'packet')} damaged"
        return (
            Status.PARTIAL,
            f"could be read only in part ({what})",
            "Get an undamaged copy to judge the rest",
        )
    return found.verdict, *_verdict(found, found.verdict)


def _verdict(found: FileVerdict, verdict: Status) -> tuple[str, str]:
    faces = _count(found.frames_with_face, "frame")
    if verdict == Status.REAL:
        return (
            f"no face looks forged in {faces}",
            "Seek other evidence too: forgeries of a kind that the detector never saw may pass",
        )
    if verdict == Status.UNCERTAIN:
        return (
            f"the scores of {faces} lie where the detector is often wrong",
            "Give a sharper copy, look at more frames with --frames, or ask another detector",
        )
    spans = found.worst.forged if found.worst else ()
    when = f" from {spans[0].start:.1f} to {spans[0].end:.1f} s" if spans and found.duration else ""
    more = f" and {_count(len(spans) - 1, 'more time')}" if len(spans) > 1 else ""
    return (
        f"a face looks forged{when}{more}",
        "Look at the marked frames yourself: a score is a measurement and no proof",
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"
