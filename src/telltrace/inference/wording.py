"""Why a file got its status, and what its owner can do about it, in words."""

from dataclasses import replace

from telltrace.faces.media import Status
from telltrace.inference.settings import ScanSettings
from telltrace.inference.timeline import Span
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
            "Check that a face is visible, or look at more frames with --frames",
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
    faces, name = _count(found.frames_with_face, "frame"), _name(found)
    if verdict == Status.REAL:
        return (
            f"no face looks forged in {faces}",
            "Seek other evidence too: forgeries of a kind that the detector never saw may pass",
        )
    if verdict == Status.UNCERTAIN and (doubt := _doubtful_stretch(found)):
        return (
            f"{name or 'a face'} looks suspicious{doubt}, and too little so to be called forged",
            "Look at those seconds yourself, give a sharper copy, or ask another detector",
        )
    if verdict == Status.UNCERTAIN and found.kind == "image":
        return (
            f"the score of {name or 'the face'} lies where the detector is often wrong",
            "Give a sharper copy, or ask another detector",
        )
    if verdict == Status.UNCERTAIN:
        return (
            f"the scores of {name or faces} lie where the detector is often wrong",
            "Give a sharper copy, look at more frames with --frames, or ask another detector",
        )
    return (
        f"{name or 'a face'} looks forged{_when(found)}",
        "Look at the marked frames yourself: a score is no proof",
    )


def _name(found: FileVerdict) -> str:
    """The person who decides, where there are several."""
    if found.worst is None or len(found.tracks) < 2:
        return ""
    return f"person {found.tracks.index(found.worst) + 1}"


def _doubtful_stretch(found: FileVerdict) -> str:
    """When the person who decides looks suspicious, who is real for the rest of the time."""
    worst = found.worst
    if worst is None or worst.stretch is None or worst.throughout != Status.REAL:
        return ""
    return moment(Span(worst.stretch.start, worst.stretch.end, worst.stretch.score, 0.0), 1)


def _when(found: FileVerdict) -> str:
    """When the worst face looks forged, and how many others do."""
    worst = found.worst if found.kind == "video" else None
    others = sum(track.status == Status.FAKE for track in found.tracks) - 1
    also = {1: ", and so does another"}.get(others, f", and so do {others} others")
    when = ""
    if worst is not None and worst.throughout == Status.FAKE:
        when = f" throughout,{moment(Span(worst.start, worst.end, 0.0, 0.0), 1)}"
    elif worst is not None and worst.forged:
        more = len(worst.forged) - 1
        when = moment(worst.forged[0], 1) + (f" and {_count(more, 'more time')}" if more else "")
    return when + (also if others > 0 else "")


def moment(span: Span, digits: int = 2) -> str:
    """A stretch of time, or a single frame of it, as the end of a sentence.

    Examples:
        >>> moment(Span(1.0, 2.5, 0.9, 1.5)), moment(Span(1.0, 1.0, 0.9, 1.0), 1)
        (' from 1.00 to 2.50 s', ' at 1.0 s')
    """
    if f"{span.start:.{digits}f}" == f"{span.end:.{digits}f}":
        return f" at {span.start:.{digits}f} s"
    return f" from {span.start:.{digits}f} to {span.end:.{digits}f} s"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"
