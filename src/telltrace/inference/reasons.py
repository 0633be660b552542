"""Why a file got its status, and what its owner can do about it, in words."""

from telltrace.faces.media import Status
from telltrace.inference.verdict import TrackVerdict, Verdict


def file_status(verdict: Status | None, any_face: bool, damaged: bool) -> Status:
    """The status of a file that could be read: its verdict, if that rests on the whole of it."""
    if verdict is None:
        return Status.FACE_TOO_SMALL if any_face else Status.NO_FACE
    return Status.PARTIAL if damaged else verdict


def give_reason(found: Verdict, truncated: bool, min_face: float) -> tuple[str, str]:
    """The reason of the status of a file that could be read, and a remedy.

    It may be ``truncated``; faces are judged from ``min_face`` pixels on.
    """
    moving, seen = found.kind == "video", _count(found.frames_with_face, "frame")
    if found.status == Status.FACE_TOO_SMALL:
        remedy = "Give a larger picture, or lower --min-face at the price of reliability"
        reason = f"shows only faces smaller than {min_face:g} pixels"
        return reason, remedy
    if found.status == Status.NO_FACE:
        where = f" in {_count(found.frames, 'frame')}" if moving else ""
        doubtful = f" ({found.dropped} doubtful ones were left out)" if found.dropped else ""
        more = ", or look at more frames with --frames" if moving else ""
        remedy = f"Check that a face is visible{more}"
        return f"shows no face{where}{doubtful}", remedy
    if found.status == Status.PARTIAL:
        what = "it ends early" if truncated else f"{_count(found.lost, 'packet')} damaged"
        reason = f"could be read only in part ({what})"
        return reason, "Get an undamaged copy to judge the rest"
    if found.status == Status.REAL:
        remedy = "Seek other evidence too: forgeries of a kind that the detector never saw may pass"
        apart = next((t.disagreement for t in found.tracks if t.disagreement), "")
        return f"no face looks forged in {seen}{_though(apart)}", remedy
    worst = found.worst
    assert worst is not None
    who = f"person {found.tracks.index(worst) + 1}" if len(found.tracks) > 1 else ""
    if found.status == Status.FAKE:
        where = "those seconds" if moving else "the picture"
        remedy = f"Look at {where} yourself: a score is no proof"
        reason = f"{who or 'a face'} looks forged{_when(found)}{_though(worst.disagreement)}"
        return reason, remedy
    return _uncertain(found, worst, who)


def _uncertain(found: Verdict, worst: TrackVerdict, who: str) -> tuple[str, str]:
    """Why nothing is claimed of the most suspicious of several persons, or of the only one."""
    if worst.conflict:
        remedy = "Look at it yourself, or scan with each detector alone"
        reason = f"the detectors contradict each other too much about {who or 'the face'}"
        return f"{reason}: {worst.disagreement}", remedy
    if worst.stretch and worst.throughout == Status.REAL:
        when = moment(worst.stretch.start, worst.stretch.end, 1)
        reason = f"{who or 'a face'} looks suspicious{when}, and too little so to be called forged"
        return reason, "Look at those seconds yourself, or give a sharper copy"
    if worst.throughout == Status.REAL:
        said = "when so heavily compressed" if "compressed" in found.quality else "in files like it"
        reason = f"{who or 'a face'} looks real, as more forgeries do {said}"
        return reason, "Give a sharper copy that is less compressed"
    if worst.throughout == Status.FAKE and not worst.stretch:
        reason = f"{who or 'a face'} looks forged, as too many real ones do in files like this"
        return reason, "Give a sharper copy that is less compressed"
    moving, seen = found.kind == "video", _count(found.frames_with_face, "frame")
    scores = f"scores of {who or seen} lie" if moving else f"score of {who or 'the face'} lies"
    more = ", or look at more frames with --frames" if moving else ""
    reason = f"the {scores} where the detector is often wrong"
    return reason, f"Give a sharper copy{more}"


def _though(disagreement: str) -> str:
    """That detectors disagree, as the end of a sentence."""
    return disagreement and f", though the detectors disagree: {disagreement}"


def _when(found: Verdict) -> str:
    """When the worst face looks forged, and how many others do."""
    worst, when = found.worst if found.kind == "video" else None, ""
    if worst is not None and worst.throughout == Status.FAKE:
        when = f" throughout,{moment(worst.start, worst.end, 1)}"
    elif worst is not None and worst.forged:
        more = len(worst.forged) - 1
        when = moment(worst.forged[0].start, worst.forged[0].end, 1)
        when += f" and {_count(more, 'more time')}" if more else ""
    others = sum(track.status == Status.FAKE for track in found.tracks) - 1
    also = {0: "", 1: ", and so does another"}
    return when + also.get(others, f", and so do {others} others")


def moment(start: float, end: float, digits: int = 2) -> str:
    """A stretch of time, or a single frame of it, as the end of a sentence."""
    if f"{start:.{digits}f}" == f"{end:.{digits}f}":
        return f" at {start:.{digits}f} s"
    return f" from {start:.{digits}f} to {end:.{digits}f} s"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"
