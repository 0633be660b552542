"""Hashes of frames as their decoder gives them, which are the same on every machine."""

from collections.abc import Collection
from hashlib import sha256
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from telltrace.faces.image import read_image
from telltrace.faces.media import at_positions, nothing
from telltrace.faces.video import read_pictures


def frame_hashes(path: Path, positions: Collection[int]) -> dict[int, str]:
    """SHA-256 of frames by their places in a picture or video; of those that can be decoded.

    Of a video it is that of the brightness and colours that the decoder gives, before they become
    RGB, which processors round differently. A file that gives no frame is a MediaError.
    """
    choice = at_positions(positions)
    still = read_image(path, choice, nothing)
    if still is not None:
        return {frame.index: _hash("rgb24", frame.image) for frame in still}
    return {position: _decoded(picture) for position, picture in read_pictures(path, choice)}


def _decoded(picture: VideoFrame) -> str:
    try:
        return _hash(picture.format.name, picture.to_ndarray())
    except ValueError:  # a layout of pixels that PyAV has no table for
        return _hash("rgb24", picture.to_ndarray(format="rgb24"))


def _hash(layout: str, pixels: NDArray[np.generic]) -> str:
    digest = sha256(f"{layout} {pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
