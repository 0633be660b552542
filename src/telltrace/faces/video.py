"""Videos, through FFmpeg: frames chosen by time from the packets, then decoded in one pass."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from .extent import promised_extent
from .media import MAX_PIXELS, Frame, Frames, MediaError, Sampling, Status

DEMUXERS = (
    "3gp,apng,asf,av1,avi,dv,flv,gif,h264,hevc,ivf,m4v,matroska,mjpeg,mov,mpeg,mpegts,mpegvideo,"
    "mxf,nut,obu,ogg,rm,webm,yuv4mpegpipe"
)
"""Containers that are opened. Playlists are not among them: a file must not open other files."""


class Survey(NamedTuple):
    """What the packets of a video say before one of them is decoded."""

    stamps: NDArray[np.int64]
    """(N,) presentation times in units of the stream, ascending."""
    seconds: float
    """Length of one unit."""
    end: int
    """When the last frame disappears, in the same units."""
    truncated: bool

    @property
    def times(self) -> NDArray[np.float64]:
        return (self.stamps - self.stamps[0]) * self.seconds

    @property
    def duration(self) -> float:
        return float(self.end - self.stamps[0]) * self.seconds


def read_video(path: Path, sampling: Sampling) -> Frames:
    """Choose the frames of a video by the timestamps of its packets; decode when iterated.

    Raises:
        MediaError: If the file is no video, has no picture in it, is larger than `MAX_PIXELS`, or
            is an MP4 without its index. While iterating, if no frame can be decoded.
    """
    survey = survey_packets(path)
    chosen = sampling.choose(survey.times, survey.duration)

    def decode(frames: Frames) -> Iterator[Frame]:
        for position, picture in _decode(frames, survey, chosen):
            yield Frame(to_rgb(picture), position, float(survey.times[position]))
        if not frames.read:
            reason = f"holds no frame that can be decoded ({frames.lost} packets damaged)"
            raise MediaError(path, reason, "Copy it again from its source")

    total = len(survey.stamps)
    return Frames(path, "video", total, survey.duration, decode, truncated=survey.truncated)


def survey_packets(path: Path) -> Survey:
    """Read the timestamps of every packet of the picture, decoding none.

    Raises:
        MediaError: See `read_video`.
    """
    extent = promised_extent(path)
    truncated = extent.end is not None and extent.end > path.stat().st_size
    with _opened(path) as (container, stream):
        unit = stream.time_base
        stamps, last, broken = [], 0, False
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except Exception:  # a damaged container: what was found so far is what there is
                broken = True
                break
            if not packet.size or packet.is_discard:
                continue
            stamp = packet.pts if packet.pts is not None else packet.dts
            stamps.append(stamp)
            last = max(last, packet.duration or 0) if stamp is None else packet.duration or last
    if not stamps:
        remedy = "Copy it again from its source"
        raise MediaError(path, "holds a video track without a single frame", remedy)
    if unit is None or any(stamp is None for stamp in stamps):  # raw streams know no time
        return Survey(np.arange(len(stamps)), 1 / 25, len(stamps), truncated or broken)
    ordered = np.sort(np.array(stamps, dtype=np.int64))
    end = int(ordered[-1]) + max(int(last), 1)
    return Survey(ordered, float(unit), end, truncated or broken)


def to_rgb(picture: VideoFrame) -> NDArray[np.uint8]:
    """A decoded frame as (H, W, 3) RGB, turned as its display matrix says."""
    image: NDArray[np.uint8] = np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
    turns = round(picture.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _decode(
    frames: Frames, survey: Survey, chosen: NDArray[np.intp]
) -> Iterator[tuple[int, VideoFrame]]:
    """The chosen frames; in place of one that is lost, the next that is not, unless chosen too."""
    wanted, met = 0, -1
    with _opened(frames.path) as (container, stream):
        stream.thread_type = "AUTO"
        for picture in _pictures(frames, container, stream):
            met += 1
            stamp = met if picture.pts is None else picture.pts
            position = min(int(np.searchsorted(survey.stamps, stamp)), len(survey.stamps) - 1)
            if position < chosen[wanted]:
                continue
            yield position, picture
            wanted = int(np.searchsorted(chosen, position, side="right"))
            if wanted == len(chosen):
                return


def _pictures(
    frames: Frames, container: InputContainer, stream: VideoStream
) -> Iterator[VideoFrame]:
    """Every frame that decodes, packet by packet; the others are counted as lost."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except Exception:  # the container itself is damaged from here on
            frames.lost += 1
            frames.truncated = True
            return
        try:
            decoded = stream.decode(packet)
        except av.error.EOFError:
            return
        except Exception:  # FFmpeg's errors and PyAV's own, for a damaged packet
            frames.lost += 1
            continue
        for picture in decoded:
            if picture.is_corrupt:
                frames.lost += 1
            else:
                yield picture


class _Nameless:
    """A file without its name, which FFmpeg would otherwise take for a hint or an address."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its picture stream, closed on the way out."""
    with path.open("rb") as file:
        try:
            container = av.open(
                _Nameless(file),
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
