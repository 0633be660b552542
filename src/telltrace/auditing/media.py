"""One file looked at: can it be read, what does its header say, and what do its pixels show."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..data.perceptual_hash import perceptual_hash
from ..faces.image import FORMATS, to_rgb
from ..faces.media import Frame, MediaError, Sampling
from ..faces.quality import SIDE, sharpness
from ..faces.reader import open_media
from ..packs.pack import find_entry
from ..packs.pictures import exists
from .headers import Traits, picture_traits, video_traits
from .spectra import spectrum_summary

Picture = NDArray[np.uint8]

THUMB: Final = 24
"""Side of the small grey copy that near-duplicates are compared by, in pixels."""
FLAT: Final = 2.0
"""Grey levels of spread below which a picture is blank, and looks like every other blank one."""


class Look(NamedTuple):
    """One picture: a photograph, a face crop, or a frame of a video."""

    frame: int
    pixels: bytes
    """Digest of the decoded pixels; empty if the picture is blank."""
    hash: int
    """Perceptual hash."""
    thumb: bytes
    """24 by 24 grey levels."""
    sharpness: float
    """`telltrace.faces.quality.sharpness` of the middle."""
    brightness: float
    """Mean grey level of the middle."""


@dataclass(frozen=True)
class Medium:
    """What was found in one file."""

    path: str
    kind: Literal["image", "video", ""] = ""
    missing: bool = False
    trouble: str = ""
    """Why nothing, or not all of it, could be read; empty if all is well."""
    remedy: str = ""
    traits: Traits = field(default_factory=dict)
    looks: tuple[Look, ...] = ()
    """Empty if nothing could be read."""
    spectrum: NDArray[np.float32] | None = None
    """(128,), the mean over the looks."""


def look_at(path: str, frames: int) -> Medium:
    """Read a file or an entry of a pack once and measure it, a video in so many frames.

    What is wrong with it is part of the answer.
    """
    looks: list[Look] = []
    spectra: list[NDArray[np.float32]] = []
    shape = (0, 0)
    try:
        opened = _Opened(path, frames)
        for frame in opened:
            looks.append(_look(frame))
            spectra.append(spectrum_summary(frame.image))
            shape = frame.image.shape[:2]
        traits = _traits(opened, shape)
    except (MediaError, OSError, ValueError) as error:
        missing = not (Path(path).exists() or exists(path))
        reason = error.message if isinstance(error, MediaError) else str(error)
        remedy = error.remedy if isinstance(error, MediaError) else "Copy it again"
        return Medium(path, missing=missing, trouble=reason, remedy=remedy)
    return Medium(
        path,
        opened.kind,
        trouble=opened.damage(),
        remedy="Copy it again from its source" if opened.damage() else "",
        traits=traits,
        looks=tuple(looks),
        spectrum=np.mean(spectra, axis=0, dtype=np.float32),
    )


class _Opened:
    """A file or an entry of a pack, as frames."""

    def __init__(self, path: str, frames: int) -> None:
        entry = find_entry(path)
        self.path = Path(path)
        if entry is not None and entry[1] not in entry[0]:
            raise MediaError(path, "is not in the pack", "Write it again with `telltrace pack`")
        self.data = None if entry is None else entry[0].read(entry[1]).tobytes()
        self.frames = open_media(path, Sampling("spread", frames)) if entry is None else None
        self.bytes = self.path.stat().st_size if self.data is None else len(self.data)
        self.kind: Literal["image", "video"] = self.frames.kind if self.frames else "image"

    def __iter__(self) -> Iterator[Frame]:
        if self.frames is not None:
            yield from self.frames
            return
        with Image.open(BytesIO(self.data or b""), formats=FORMATS) as picture:
            yield Frame(to_rgb(picture), index=0, time=0.0)

    def damage(self) -> str:
        if self.frames is None or not (self.frames.lost or self.frames.truncated):
            return ""
        what = "ends before its content does" if self.frames.truncated else "is damaged"
        return f"{what} ({self.frames.lost} packets could not be decoded)"


def _traits(opened: _Opened, shape: tuple[int, ...]) -> Traits:
    """Everything about a file that has nothing to do with whom it shows."""
    height, width = shape
    frames = opened.frames.total if opened.frames else 1
    if opened.kind == "image" or opened.data is not None:
        traits = picture_traits(BytesIO(opened.data) if opened.data else opened.path)
    else:
        try:
            traits = video_traits(opened.path)
        except MediaError:  # an animated picture: known to Pillow, perhaps not to FFmpeg
            traits = picture_traits(opened.path)
    if opened.kind == "video" and opened.frames is not None:
        traits |= {"frames": float(frames), "seconds": round(opened.frames.duration, 3)}
    bits = 8 * opened.bytes / max(1, width * height * frames)
    traits |= {"width": float(width), "height": float(height), "aspect": width / height}
    return traits | {"bits_per_pixel": bits}


def _look(frame: Frame) -> Look:
    image = frame.image
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    blank = float(grey.std()) < FLAT
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    thumb = cv2.resize(grey, (THUMB, THUMB), interpolation=cv2.INTER_AREA)
    sharpness, brightness = _quality(grey)
    return Look(
        frame.index,
        b"" if blank else digest.digest()[:16],
        perceptual_hash(image),
        b"" if blank else thumb.tobytes(),
        sharpness,
        brightness,
    )


def _quality(grey: Picture) -> tuple[float, float]:
    """Sharpness and brightness of the middle three quarters, where the face of a crop lies."""
    height, width = grey.shape
    down, across = height // 8, width // 8
    middle = grey[down : height - down, across : width - across]
    how = cv2.INTER_AREA if min(middle.shape) >= SIDE else cv2.INTER_LINEAR
    fixed = np.asarray(cv2.resize(middle, (SIDE, SIDE), interpolation=how), np.uint8)
    return sharpness(fixed), float(middle.mean())
