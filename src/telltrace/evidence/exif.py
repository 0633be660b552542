"""EXIF: the few tags that tell a picture's origin, read within limits (CIPA DC-008, TIFF 6.0)."""

import re
import struct
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from .findings import Finding, finding
from .names import tag_findings

MAKE, MODEL, SOFTWARE, CHANGED = 0x010F, 0x0110, 0x0131, 0x0132
DESCRIPTION, ARTIST, PROCESSING = 0x010E, 0x013B, 0x000B
EXIF_IFD, TAKEN, COMMENT = 0x8769, 0x9003, 0x9286
TEXTS: Final = {
    SOFTWARE: "EXIF software",
    PROCESSING: "EXIF processing software",
    DESCRIPTION: "EXIF description",
    ARTIST: "EXIF artist",
    COMMENT: "EXIF comment",
}
STATED: Final = (SOFTWARE, PROCESSING)
"""Tags that name a program, whatever they say; others count where they name a known one."""
WANTED: Final = frozenset({*TEXTS, MAKE, MODEL, CHANGED, TAKEN, EXIF_IFD})
ENTRIES: Final = 512
"""Entries of a directory that are looked at."""
LONGEST: Final = 2**16
"""Bytes of one value that are read."""
ZONES: Final = timedelta(hours=26)
"""How far apart two clocks can be that are right, in different places."""
SETTINGS: Final = re.compile(r"\bSteps: \d+, .*\bSampler:", re.DOTALL)
"""How Stable Diffusion's programs write down what they made a picture with."""


def exif_findings(tags: Mapping[int, str]) -> Iterator[Finding]:
    """What EXIF tags say of camera, programs and times."""
    if camera := " ".join(filter(None, (tags.get(MAKE), tags.get(MODEL)))):
        yield from tag_findings("EXIF camera", camera, "camera.model")
    for tag, where in TEXTS.items():
        text = tags.get(tag, "")
        if SETTINGS.search(text):
            yield finding("generator.tag", f"{where}: settings of Stable Diffusion:", text)
        else:
            yield from tag_findings(where, text, "software.tag" if tag in STATED else "")
    names = {TAKEN: "taken", CHANGED: "changed"}
    times = [f"{name} {tags[tag]}" for tag, name in names.items() if tags.get(tag)]
    if times:
        yield finding("time.stated", "EXIF:", ", ".join(times))
    taken, changed = _time(tags.get(TAKEN, "")), _time(tags.get(CHANGED, ""))
    if taken and changed and changed < taken - ZONES:
        yield finding("conflict", "EXIF says that it was changed before it was taken:", *times)


def _time(text: str) -> datetime | None:
    """A time by an unknown clock; None of one that was never set."""
    try:
        return datetime.strptime(text, "%Y:%m:%d %H:%M:%S")  # EXIF has no zone
    except ValueError:
        return None


def read_tags(block: bytes) -> dict[int, str]:
    """The wanted tags of the first directory and of the EXIF one below it, as text.

    A block that is damaged is a ValueError.
    """
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2], "")
    if not order or len(block) < 8:
        raise ValueError("does not begin as EXIF does")
    magic, first = struct.unpack_from(f"{order}HI", block, 2)
    if magic != 42:
        raise ValueError(f"has the mark {magic}, not 42")
    tags = dict(_directory(block, first, order))
    below = tags.pop(EXIF_IFD, "")
    if below:
        tags |= dict(_directory(block, int(below), order))
    tags.pop(EXIF_IFD, None)
    return tags


def _directory(block: bytes, at: int, order: str) -> Iterator[tuple[int, str]]:
    """The wanted entries of a directory: 2 bytes of count, then 12 bytes each."""
    if not 8 <= at <= len(block) - 2:
        raise ValueError(f"has a directory at byte {at} of {len(block)}")
    (count,) = struct.unpack_from(f"{order}H", block, at)
    for place in range(at + 2, at + 2 + 12 * min(count, ENTRIES), 12):
        if place + 12 > len(block):
            raise ValueError(f"has a directory of {count} entries that ends early")
        tag, kind, size = struct.unpack_from(f"{order}HHI", block, place)
        if tag not in WANTED:
            continue
        if tag == EXIF_IFD:
            yield tag, str(struct.unpack_from(f"{order}I", block, place + 8)[0])
        elif kind in (1, 2, 7):  # bytes, text, undefined
            start = place + 8
            if size > 4:
                (start,) = struct.unpack_from(f"{order}I", block, place + 8)
            if start + min(size, LONGEST) > len(block):
                raise ValueError(f"has a value of {size} bytes at byte {start} of {len(block)}")
            yield tag, _text(block[start : start + min(size, LONGEST)], order)


def _text(value: bytes, order: str) -> str:
    """Text up to a null byte; a comment begins with 8 bytes that name its letters."""
    letters, rest = value[:8], value[8:]
    if letters == b"UNICODE\0":
        return rest.decode("utf-16-be" if order == ">" else "utf-16-le", "replace").strip("\0 ")
    if letters in (b"ASCII\0\0\0", b"\0" * 8):
        value = rest
    return value.partition(b"\0")[0].decode("utf-8", "replace").strip()
