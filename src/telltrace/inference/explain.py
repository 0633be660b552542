"""Why a file got its status, and what its owner can do about it, in words."""

from collections.abc import Sequence

from telltrace.faces.media import Status
from telltrace.inference.verdict import TrackVerdict, worst


def explain(
    tracks: Sequence[TrackVerdict],
    verdict: Status | None,
    *,
    moving: bool,
    frames: int,
    frames_with_face: int,
    dropped: int = 0,
    lost: int = 0,
    truncated: bool = False,
    min_face: float = 40.0,
) -> tuple[Status, str, str]:
    """The status of a file that could be read, with a reason and a remedy.

    ``verdict`` is what is said of all people together, None if none could be judged; of the frames
    looked at, somebody was followed in ``frames_with_face``; ``dropped`` tracks were hardly faces,
    and ``lost`` packets could not be decoded.
    """
    if verdict is None and tracks:
        remedy = "Give a larger picture, or lower --min-face at the price of reliability"
        reason = f"shows only faces smaller than {min_face:g} pixels"
        return Status.FACE_TOO_SMALL, reason, remedy
    if verdict is None:
        where = f" in {_count(frames, 'frame')}" if moving else ""
        doubtful = f" ({dropped} doubtful ones were left out)" if dropped else ""
        more = ", or look at more frames with --frames" if moving else ""
        remedy = f"Check that a face is visible{more}"
        return Status.NO_FACE, f"shows no face{where}{doubtful}", remedy
    if lost or truncated:
        what = "it ends early" if truncated else f"{_count(lost, 'packet')} damaged"
        reason = f"could be read only in part ({what})"
        return Status.PARTIAL, reason, "Get an undamaged copy to judge the rest"
    seen = _count(frames_with_face, "frame")
    if verdict == Status.REAL:
        remedy = "Seek other evidence too: forgeries of a kind that the detector never saw may pass"
        return verdict, f"no face looks forged in {seen}", remedy
    if verdict == Status.UNCERTAIN:
        return verdict, *_doubt(tracks, moving, seen)
    who, where = _name(tracks) or "a face", "those seconds" if moving else "the picture"
    remedy = f"Look at {where} yourself: a score is no proof"
    return verdict, f"{who} looks forged{_when(tracks, moving)}", remedy


def _doubt(tracks: Sequence[TrackVerdict], moving: bool, seen: str) -> tuple[str, str]:
    """Reason and remedy of what is neither real nor fake."""
    name, decides = _name(tracks), worst(tracks)
    if decides and decides.stretch and decides.throughout == Status.REAL:
        when = moment(decides.stretch.start, decides.stretch.end, 1)
        return (
            f"{name or 'a face'} looks suspicious{when}, and too little so to be called forged",
            "Look at those seconds yourself, or give a sharper copy",
        )
    if moving:
        return (
            f"the scores of {name or seen} lie where the detector is often wrong",
            "Give a sharper copy, or look at more frames with --frames",
        )
    reason = f"the score of {name or 'the face'} lies where the detector is often wrong"
    return reason, "Give a sharper copy"


def _name(tracks: Sequence[TrackVerdict]) -> str:
    """The person who decides, where there are several."""
    decides = worst(tracks)
    return "" if decides is None or len(tracks) < 2 else f"person {tracks.index(decides) + 1}"


def _when(tracks: Sequence[TrackVerdict], moving: bool) -> str:
    """When the worst face looks forged, and how many others do."""
    decides = worst(tracks) if moving else None
    others = sum(track.status == Status.FAKE for track in tracks) - 1
    also = {1: ", and so does another"}.get(others, f", and so do {others} others")
    when = ""
    if decides is not None and decides.throughout == Status.FAKE:
        when = f" throughout,{moment(decides.start, decides.end, 1)}"
    elif decides is not None and decides.forged:
        more = len(decides.forged) - 1
        when = moment(decides.forged[0].start, decides.forged[0].end, 1)
        when += f" and {_count(more, 'more time')}" if more else ""
    return when + (also if others > 0 else "")


def moment(start: float, end: float, digits: int = 2) -> str:
    """A stretch of time, or a single frame of it, as the end of a sentence."""
    if f"{start:.{digits}f}" == f"{end:.{digits}f}":
        return f" at {start:.{digits}f} s"
    return f" from {start:.{digits}f} to {end:.{digits}f} s"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"
