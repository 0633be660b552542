"""A video before it is decoded: its container, its picture stream and when each frame is shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

from .media import MAX_PIXELS, MediaError, Status, nothing

DEMUXERS = (
    "3gp,apng,asf,av1,avi,dv,flv,gif,h264,hevc,ivf,m4v,matroska,mjpeg,mov,mpeg,mpegts,mpegvideo,"
    "mxf,nut,obu,ogg,rm,webm,yuv4mpegpipe"
)
"""Containers that are opened. Playlists are not among them: a file must not open other files."""


class Survey(NamedTuple):
    """What the packets of a video say before one of them is decoded."""

    packets: NDArray[np.int64]
    """(P,) presentation times in units of the stream, in the order of the packets."""
    keys: NDArray[np.intp]
    """(K,) packets at which decoding can start."""
    stamps: NDArray[np.int64]
    """(N,) the times of the packets that are shown, ascending."""
    seconds: float
    """Length of one unit."""
    end: int
    """When the last frame disappears, in the same units."""
    truncated: bool
    """Whether the file ends before its content does."""
    timed: bool
    """False for a raw stream, whose frames are only counted."""
    presented: bool
    """Whether each packet says when its picture is shown, and not only when it is decoded."""
    bits: float
    """Mean size of a packet."""
    picture: float
    """Bytes of a decoded picture, as it comes from the decoder."""

    @property
    def times(self) -> NDArray[np.float64]:
        """Seconds from the first frame to each."""
        return (self.stamps - self.stamps[0]) * self.seconds

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return float(self.end - self.stamps[0]) * self.seconds

    def starts(self, positions: NDArray[np.intp]) -> NDArray[np.intp]:
        """For frames at these positions, the last packet from which each can be decoded."""
        keys = np.concatenate([[0], self.keys])
        stamps = np.maximum.accumulate(self.packets[keys])
        return keys[np.searchsorted(stamps, self.stamps[positions], side="right").clip(1) - 1]


def survey_packets(path: Path, check: Callable[[], None] = nothing) -> Survey:
    """Read the timestamps of every packet of the picture, decoding none; or a MediaError."""
    extent = promised_extent(path)
    truncated = extent.end is not None and extent.end > path.stat().st_size
    rows: list[tuple[int | None, int | None, bool, bool, int]] = []
    last = 1
    with opened(path) as (container, stream):
        unit, rate = stream.time_base, stream.average_rate or Fraction(25)
        depth = stream.format.padded_bits_per_pixel if stream.format else 24
        picture = stream.width * stream.height * depth / 8
        for packet in demuxed(container, stream):
            check()
            if packet is None:
                truncated = True
            elif packet.size:
                kinds = packet.is_keyframe, not packet.is_discard
                rows.append((packet.pts, packet.dts, *kinds, packet.size))
                last = packet.duration or last
    if not any(shown for *_, shown, _ in rows):
        remedy = "Copy it again from its source"
        raise MediaError(path, "holds a video track without a single frame", remedy)
    moments, decoded, keys, shown, sizes = zip(*rows, strict=True)
    stamps = [d if p is None else p for p, d in zip(moments, decoded, strict=True)]
    timed = unit is not None and None not in stamps
    if not timed:
        stamps, keys, unit, last = [*range(len(rows))], (False,) * len(rows), 1 / rate, 1
    times = np.array(stamps, dtype=np.int64)
    visible = np.sort(times[np.array(shown)])
    return Survey(
        packets=times,
        keys=np.flatnonzero(keys),
        stamps=visible,
        seconds=float(unit or 0),
        end=int(visible[-1]) + last,
        truncated=truncated,
        timed=timed,
        presented=timed and None not in moments,
        bits=8 * sum(sizes) / len(rows),
        picture=picture,
    )


def demuxed(
    container: InputContainer, stream: VideoStream
) -> "Iterator[Packet[VideoStream] | None]":
    """Every packet of a stream; None for the last, if the container breaks off."""
    try:
        yield from container.demux(stream)
    except Exception:  # the container is damaged from here on
        yield None


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its picture stream, closed on the way out; or a MediaError."""
    with path.open("rb") as file:
        # without its name, which FFmpeg would take for a hint or an address
        nameless = SimpleNamespace(read=file.read, seek=file.seek, tell=file.tell)
        try:
            container = av.open(
                nameless,
                mode="r",
                options={"format_whitelist": DEMUXERS},
                metadata_errors="replace",
                buffer_size=2**20,
            )
        except Exception as error:
            raise _not_a_video(path, error) from None
        with container:
            yield container, _picture_stream(path, container)


def _picture_stream(path: Path, container: InputContainer) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        remedy = "Give a file with a picture in it"
        raise MediaError(path, f"has no video track, only {kinds}", remedy, Status.UNSUPPORTED)
    stream = streams[0]
    if stream.codec_context is None:
        remedy = "Convert it, e.g. to MP4 with ffmpeg, and give the copy"
        raise MediaError(path, "is a video of an unknown codec", remedy, Status.UNSUPPORTED)
    if stream.width * stream.height > MAX_PIXELS:
        size = f"{stream.width} x {stream.height} pixels, above the limit of {MAX_PIXELS:,} pixels"
        remedy = "Scale it down and give the copy"
        raise MediaError(path, f"is a video of {size}", remedy, Status.UNSUPPORTED)
    return stream


def _not_a_video(path: Path, error: Exception) -> MediaError:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc"):
        remedy = "Convert it to PNG or JPEG and give that"
        return MediaError(path, "is a HEIC picture", remedy, Status.UNSUPPORTED)
    if not promised_extent(path).indexed:
        reason = "is an MP4 cut short: its index (moov) is missing"
        remedy = "Copy it again from its source, or restore it with a repair tool"
        return MediaError(path, reason, remedy)
    why = " ".join(str(getattr(error, "strerror", None) or error).split())[:120]
    reason = f"is neither an image nor a video that can be read ({why})"
    remedy = "Give a picture or a video, or convert it, e.g. with ffmpeg"
    return MediaError(path, reason, remedy, Status.UNSUPPORTED)


class Extent(NamedTuple):
    """The bytes that a container says it has, if it does, and whether its index is there."""

    end: int | None
    indexed: bool = True
    """False for an MP4 or MOV without its ``moov`` box."""


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
    segment = _element_size(file) if file.read(4) == b"\x18\x53\x80\x67" else None
    return None if segment is None else file.tell() + segment


def _element_size(file: BinaryIO) -> int | None:
    first = file.read(1)
    if not first or first == b"\0":
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    size = int.from_bytes(first + rest, "big") & ((1 << 7 * length) - 1)
    return None if size == (1 << 7 * length) - 1 else size
