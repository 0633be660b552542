"""Videos: frames chosen by time from the packets' timestamps, then decoded in one pass."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from .media import Choice, Frame, Frames, MediaError
from .packets import Survey, demuxed, opened, survey_packets


def read_video(
    path: Path, sampling: Choice, check: Callable[[], None], survey: Survey | None = None
) -> Frames:
    """Choose the frames of a video by the timestamps of its packets; decode when iterated.

    What is no video, has no picture, is larger than `MAX_PIXELS` or is an MP4 without its index is
    a MediaError; so is, while iterating, one of which no frame can be decoded.
    """
    survey = survey or survey_packets(path, check)
    chosen = sampling(survey.times, survey.duration)

    def decode(frames: Frames) -> Iterator[Frame]:
        if not len(chosen):
            return
        for position, picture in _Pass(frames, survey, chosen, check).pictures():
            yield Frame(to_rgb(picture), position, float(survey.times[position]))
        if not frames.read:
            reason = f"holds no frame that can be decoded ({frames.lost} packets damaged)"
            raise MediaError(path, reason, "Copy it again from its source")

    frames = Frames(path, "video", len(survey.stamps), survey.duration, decode, bits=survey.bits)
    frames.truncated = survey.truncated
    frames.again = lambda choice: read_video(path, choice, check, survey)
    return frames


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

    Frames before the next key frame, and those that no chosen one is made from, are not decoded.
    """

    frames: Frames
    survey: Survey
    chosen: NDArray[np.intp]
    check: Callable[[], None]
    next: int = 0
    """Which of the chosen frames is waited for."""

    def pictures(self) -> Iterator[tuple[int, VideoFrame]]:
        """The chosen frames that decode, each with its position in the file."""
        stamps = self.survey.stamps
        with opened(self.frames.path) as (container, stream):
            stream.thread_type = "AUTO"
            for position, picture in enumerate(self._decoded(container, stream)):
                if self.survey.timed and picture.pts is not None:
                    position = int(np.searchsorted(stamps, picture.pts))
                position = min(position, len(stamps) - 1)
                if position < self.chosen[self.next]:
                    continue
                yield position, picture
                self.next = int(np.searchsorted(self.chosen, position, side="right"))
                if self.next == len(self.chosen):
                    return

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        """Every frame of the packets needed; the packets that do not decode are counted."""
        wanted = frozenset(self.survey.stamps[self.chosen].tolist())
        for packet in self._packets(container, stream):
            self.check()
            if self.survey.presented:
                needed = packet is None or not packet.size or packet.pts in wanted
                stream.codec_context.skip_frame = "DEFAULT" if needed else "NONREF"
            try:
                decoded = stream.decode(packet)
            except av.error.EOFError:
                return
            except Exception:  # FFmpeg's errors and PyAV's own, for a damaged packet
                self.frames.lost += 1
                continue
            for picture in decoded:
                if picture.is_corrupt:
                    self.frames.lost += 1
                else:
                    yield picture

    def _packets(
        self, container: InputContainer, stream: VideoStream
    ) -> Iterator["Packet[VideoStream] | None"]:
        """The packets to decode; None for the last, if the container breaks off."""
        times, starts = self.survey.packets, self.survey.starts(self.chosen)
        number, key, jumped = -1, int(times.min()), False
        for packet in demuxed(container, stream):
            if packet is None:
                self.frames.lost += 1
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
