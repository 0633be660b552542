"""Boxes of MP4, MOV and their kin: edits, times, XMP (ISO/IEC 14496-12), read within limits."""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from .findings import Finding, finding
from .reading import TooLargeError

INDEX: Final = 2**26
"""Bytes of an index (``moov``) that are read: that of days of video."""
BOXES: Final = 100_000
"""Boxes of a file that are looked at."""
HOLDERS: Final = frozenset({b"trak", b"mdia", b"edts", b"minf", b"stbl"})
"""Boxes of an index that hold others which are looked at."""
XMP: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
EPOCH: Final = datetime(1904, 1, 1, tzinfo=UTC)
SLACK: Final = 0.5
"""Seconds that an edit may cut off at either end: encoders do so by some frames."""


class Box(NamedTuple):
    """One box: its type, and where its content begins and ends."""

    kind: bytes
    start: int
    end: int


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes in a part of the data, one after another; a ValueError if one is damaged."""
    for _ in range(BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, start + 8)[0], 16
        stop = end if size == 0 else start + size
        if not start + head <= stop <= end:
            raise ValueError(f"the box {kind.decode('latin-1')} at byte {start} ends outside")
        yield Box(kind, start + head, stop)
        start = stop


class Index(NamedTuple):
    """What is kept of the outermost boxes of a file."""

    movie: bytes
    """Content of ``moov``; empty where there is none."""
    xmp: bytes
    """Of the box that holds it; empty where there is none."""


def read_index(path: Path) -> Index:
    """The index and the XMP of a file; all else is passed over."""
    movie, xmp, size = b"", b"", path.stat().st_size
    with path.open("rb") as file:
        for kind, start, end in _outermost(file, size):
            file.seek(start)
            if kind == b"moov" and not movie:
                if end - start > INDEX:
                    raise TooLargeError(f"an index of {end - start:,} bytes")
                movie = file.read(end - start)
            elif kind == b"uuid" and file.read(16) == XMP:
                xmp = file.read(min(end - start - 16, INDEX))
    return Index(movie, xmp)


def _outermost(file: BinaryIO, size: int) -> Iterator[Box]:
    at = 0
    for _ in range(BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        length, kind, used = int.from_bytes(head[:4], "big"), head[4:8], 8
        if length == 1:
            length, used = int.from_bytes(head[8:], "big"), 16
        end = min(at + length if length else size, size)
        if end < at + used:
            return
        yield Box(kind, at + used, end)
        at = end


def index_findings(movie: bytes) -> Iterator[Finding]:
    """Times, edit lists and several encodings of one track; a ValueError if it is damaged."""
    scale = 1
    number = 0
    for kind, start, end in boxes(movie, 0, len(movie)):
        if kind == b"mvhd":
            made, changed, scale, _ = _header(movie, start, end)
            yield from _times(made, changed)
        elif kind == b"trak":
            number += 1
            yield from _track(movie, Box(kind, start, end), number, max(scale, 1))


def _header(data: bytes, start: int, end: int) -> tuple[int, int, int, int]:
    """Time of making and of changing, units a second and length, of ``mvhd`` and ``mdhd``."""
    layout = ">4xQQIQ" if data[start : start + 1] == b"\1" else ">4xIIII"
    if start + struct.calcsize(layout) > end:
        raise ValueError("a header of the index ends early")
    made, changed, scale, length = struct.unpack_from(layout, data, start)
    return made, changed, scale, length


def _times(made: int, changed: int) -> Iterator[Finding]:
    said = []
    for name, seconds in (("made", made), ("changed", changed)):
        if 0 < seconds < 2**33:
            said.append(f"{name} {EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S} UTC")
    if said:
        yield finding("time.stated", "container:", ", ".join(said))
    if made and changed and changed < made:
        yield finding("conflict", "the container was changed before it was made:", *said)


def _track(data: bytes, box: Box, number: int, scale: int) -> Iterator[Finding]:
    """Edits and sample descriptions of one track."""
    inner = dict(_inside(data, box, 0))
    edits = [(length, at) for length, at in _edits(data, inner) if at >= 0]
    units, length = 1, 0
    if b"mdhd" in inner:
        _, _, units, length = _header(data, *inner[b"mdhd"][1:])
    seconds = length / max(units, 1)
    shown = sum(length for length, _ in edits) / scale
    begin = edits[0][1] / max(units, 1) if edits else 0.0
    cut = begin > SLACK or 0 < shown < seconds - begin - SLACK
    if len(edits) > 1 or cut:
        where = f"track {number}: {len(edits)} parts, {shown:.2f} of {seconds:.2f} s are shown"
        yield finding("container.edits", where)
    if b"stsd" in inner:
        _, start, end = inner[b"stsd"]
        kinds = [box.kind.decode("latin-1") for box in boxes(data, start + 8, end)]
        if len(kinds) > 1:
            yield finding("container.several", f"track {number} changes between", ", ".join(kinds))


def _inside(data: bytes, box: Box, depth: int) -> Iterator[tuple[bytes, Box]]:
    for inner in boxes(data, box.start, box.end):
        yield inner.kind, inner
        if inner.kind in HOLDERS and depth < len(HOLDERS):
            yield from _inside(data, inner, depth + 1)


def _edits(data: bytes, inner: dict[bytes, Box]) -> list[tuple[int, int]]:
    """Length and beginning of each part that is shown, -1 for a pause."""
    if b"elst" not in inner:
        return []
    _, start, end = inner[b"elst"]
    wide = data[start : start + 1] == b"\1"
    layout = struct.Struct(">Qq4x" if wide else ">Ii4x")
    (count,) = struct.unpack_from(">4xI", data, start) if end - start >= 8 else (0,)
    count = min(count, (end - start - 8) // layout.size)
    return [layout.unpack_from(data, start + 8 + i * layout.size) for i in range(count)]
