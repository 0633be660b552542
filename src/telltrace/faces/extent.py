"""How long a video file says it is, so that a file cut short is known for one."""

from pathlib import Path
from typing import BinaryIO, NamedTuple


class Extent(NamedTuple):
    """What the outermost layer of a container promises."""

    end: int | None
    """Bytes that the file must have; None where the container does not say."""
    indexed: bool = True
    """False for an MP4 or MOV whose index (its ``moov`` box) is not there."""


def promised_extent(path: Path) -> Extent:
    """Read the outermost boxes of MP4 and MOV, Matroska and WebM, AVI; nothing of the rest."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return _boxes(file)
        if head[:4] == b"\x1a\x45\xdf\xa3":
            return Extent(_matroska(file))
    size = int.from_bytes(head[4:8], "little") if head[:4] == b"RIFF" else 0
    return Extent(size + 8 if size else None)  # 0: the recorder never came back to it


def _boxes(file: BinaryIO) -> Extent:
    """Walk ISO 14496-12 boxes: 4 bytes of size, 4 of type, 8 more of size if the first is 1."""
    end, indexed = 0, False
    for _ in range(100_000):  # fragmented files have a box for each moment
        file.seek(end)
        header = file.read(16)
        if len(header) < 8:
            break
        size, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if not kind.isalnum() and not kind.strip().isalnum():
            break
        indexed |= kind == b"moov"
        if size == 1:
            size = int.from_bytes(header[8:], "big")
        if size < 8:  # 0: up to the end of the file, wherever that is
            return Extent(end + 8, indexed)
        end += size
    return Extent(end, indexed)


def _matroska(file: BinaryIO) -> int | None:
    """End of the segment that follows the EBML header, if it has a size (RFC 8794, section 6)."""
    file.seek(4)
    header = _element_size(file)
    if header is None:
        return None
    file.seek(header, 1)
    if file.read(4) != b"\x18\x53\x80\x67":
        return None
    segment = _element_size(file)
    return None if segment is None else file.tell() + segment


def _element_size(file: BinaryIO) -> int | None:
    first = file.read(1)
    if not first or first == b"\0":
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    size = int.from_bytes(first + rest, "big") & ((1 << 7 * length) - 1)
    return None if size == (1 << 7 * length) - 1 else size
