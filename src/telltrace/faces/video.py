"""Videos: frames chosen by time from the packets' timestamps, then decoded in one pass."""

import struct
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ..jobs.threads import thread_count
from .ahead import ahead
from .media import Choice, Frame, Frames, MediaError, nothing
from .packets import Survey, demuxed, opened, survey_packets

KEPT: Final = 2**28
"""Bytes of decoded pictures that are kept for a later pass: 190 pictures of 720p, 80 of 1080p."""
AHEAD: Final = 2**25
"""Bytes of decoded pictures that are read before they are asked for, at most 16."""

Numbered = tuple[int, VideoFrame]
"""A picture and its position in the file."""


def read_video(
    path: Path, sampling: Choice, check: Callable[[], None], later: Sequence[Choice] = ()
) -> Frames:
    """Choose the frames of a video by the timestamps of its packets; decode when iterated.

    A thread decodes ahead of who iterates. What ``later`` chooses is kept of what a pass comes by,
    each choice if it leaves the whole within `KEPT`; passes by `Frames.again` do not decode it
    again. What is no video, has no picture, is larger than `MAX_PIXELS` or is an MP4 without its
    index is a MediaError; so is, while iterating, one of which no frame can be decoded.
    """
    survey = survey_packets(path, check)
    film = _Film(path, check, survey)
    for choice in later:
        more = film.expected.union(choice(survey.times, survey.duration).tolist())
        if len(more) * survey.picture <= KEPT:
            film.expected = more
    return film.frames(sampling)


def read_pictures(path: Path, choice: Choice) -> Iterator[Numbered]:
    """The chosen pictures of a video as the decoder gives them; errors as of `read_video`."""
    film = _Film(path, nothing, survey_packets(path))
    chosen = choice(film.survey.times, film.survey.duration)
    if len(chosen):
        yield from _Pass(film, film.frames(choice), chosen).pictures()


@dataclass
class _Film:
    """A surveyed video, and what one pass over it has decoded for another."""

    path: Path
    check: Callable[[], None]
    survey: Survey
    expected: frozenset[int] = frozenset()
    """Positions that a later pass may want."""
    kept: dict[int, VideoFrame] = field(default_factory=dict)

    def frames(self, sampling: Choice) -> Frames:
        survey = self.survey
        chosen = sampling(survey.times, survey.duration)
        most = int(max(1, min(16, AHEAD // max(survey.picture, 1))))

        def decode(frames: Frames) -> Iterator[Frame]:
            if not len(chosen):
                return
            yield from ahead(self._read(frames, chosen), most)
            if not frames.read:
                reason = f"holds no frame that can be decoded ({frames.lost} packets damaged)"
                raise MediaError(self.path, reason, "Copy it again from its source")

        total, length = len(survey.stamps), survey.duration
        frames = Frames(self.path, "video", total, length, decode, bits=survey.bits)
        frames.truncated = survey.truncated
        frames.again = self.frames
        return frames

    def _read(self, frames: Frames, chosen: NDArray[np.intp]) -> Generator[Frame, None, None]:
        """The chosen frames, those kept among those decoded now."""
        kept = [(p, self.kept[p]) for p in chosen.tolist() if p in self.kept]
        missing = np.setdiff1d(chosen, [p for p, _ in kept])
        decoded = _Pass(self, frames, missing).pictures() if len(missing) else ()
        for position, picture in merge(kept, decoded, key=itemgetter(0)):
            self.check()
            yield Frame(to_rgb(picture), position, float(self.survey.times[position]))

    def keep(self, position: int, picture: VideoFrame) -> None:
        """Keep a picture if it is one that a later pass may want."""
        if position in self.expected:
            self.kept.setdefault(position, picture)

    def distrust(self) -> None:
        """Keep nothing more: of a damaged file each pass decodes and counts by itself."""
        self.expected = frozenset()
        self.kept.clear()


def to_rgb(picture: VideoFrame) -> NDArray[np.uint8]:
    """A decoded frame as (H, W, 3) RGB, turned and mirrored as its display matrix says."""
    image: NDArray[np.uint8] = np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
    notes: Any = picture.side_data
    if "DISPLAYMATRIX" not in notes:
        return image
    right, down, _, across, along, *_ = struct.unpack("<9i", bytes(notes["DISPLAYMATRIX"]))
    if abs(right) < abs(down):  # a step to the right becomes one down
        image, right, along = image.transpose(1, 0, 2), across, down
    return np.ascontiguousarray(image[:: -1 if along < 0 else 1, :: -1 if right < 0 else 1])


@dataclass
class _Pass:
    """One decoding pass. In place of a lost frame comes the next that is not, if not chosen too.

    Frames before the next key frame, and those that no chosen or expected one is made from, are not
    decoded.
    """

    film: _Film
    frames: Frames
    chosen: NDArray[np.intp]
    next: int = 0
    """Which of the chosen frames is waited for."""

    def pictures(self) -> Generator[Numbered, None, None]:
        """The chosen frames that decode."""
        survey = self.film.survey
        with opened(self.film.path) as (container, stream):
            stream.thread_type, stream.codec_context.thread_count = "AUTO", thread_count()
            for position, picture in enumerate(self._decoded(container, stream)):
                if survey.timed and picture.pts is not None:
                    position = int(np.searchsorted(survey.stamps, picture.pts))
                position = min(position, len(survey.stamps) - 1)
                self.film.keep(position, picture)
                if position < self.chosen[self.next]:
                    continue
                yield position, picture
                self.next = int(np.searchsorted(self.chosen, position, side="right"))
                if self.next == len(self.chosen):
                    return

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        """Every frame of the packets needed; the packets that do not decode are counted."""
        survey, film = self.film.survey, self.film
        places = film.expected.union(self.chosen.tolist())
        wanted = frozenset(survey.stamps[sorted(places)].tolist())
        for packet in self._packets(container, stream):
            film.check()
            if survey.presented:
                needed = packet is None or not packet.size or packet.pts in wanted
                stream.codec_context.skip_frame = "DEFAULT" if needed else "NONREF"
            try:
                decoded = stream.decode(packet)
            except av.error.EOFError:
                return
            except Exception:  # FFmpeg's errors and PyAV's own, for a damaged packet
                self._lose()
                continue
            for picture in decoded:
                if picture.is_corrupt:
                    self._lose()
                else:
                    yield picture

    def _packets(
        self, container: InputContainer, stream: VideoStream
    ) -> Iterator["Packet[VideoStream] | None"]:
        """The packets to decode; None for the last, if the container breaks off."""
        survey = self.film.survey
        times, starts = survey.packets, survey.starts(self.chosen)
        number, key, jumped = -1, int(times.min()), False
        for packet in demuxed(container, stream):
            if packet is None:
                self._lose()
                self.frames.truncated = True
                yield None
                return
            number += bool(packet.size)
            if packet.size and number < len(times):
                if 0 < number < starts[self.next]:  # the first may name the encoder, whose
                    jumped = True  # errors the decoder then undoes: x264's in 4:4:4, before 151
                    continue
                if jumped:  # then frames behind this key frame that are shown before it lack others
                    stream.codec_context.flush_buffers()
                    key, jumped = int(times[number]), False
                if times[number] < key:
                    continue
            yield packet

    def _lose(self) -> None:
        self.frames.lost += 1
        self.film.distrust()
